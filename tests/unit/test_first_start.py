"""The files of a first start: made once, each where its owner looks, and the user's own taken."""

import base64
import hashlib
from pathlib import Path

import pytest

from services.runtime.service import SetupError
from services.upkeep.first_start import SECRETS, prepare


@pytest.fixture
def given(tmp_path: Path) -> Path:
    folder = tmp_path / "given"
    folder.mkdir()
    return folder


def test_every_secret_is_made_once_and_kept(tmp_path: Path, given: Path) -> None:
    assert prepare(tmp_path, given, prefix="moodring") == [secret.name for secret in SECRETS]
    before = {file: (tmp_path / file).read_text() for secret in SECRETS for file in secret.files}
    assert prepare(tmp_path, given, prefix="moodring") == []
    assert {file: (tmp_path / file).read_text() for file in before} == before
    assert all(len(text) >= 32 for text in before.values())


def test_secrets_are_read_by_their_owner_only(tmp_path: Path, given: Path) -> None:
    prepare(tmp_path, given, prefix="moodring")
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if path.stat().st_mode & 0o077]


def test_no_service_finds_the_password_of_another(tmp_path: Path, given: Path) -> None:
    prepare(tmp_path, given, prefix="moodring")
    texts = [(tmp_path / user / "secrets" / "mqtt").read_text() for user in ("camera", "player", "gateway")]
    assert len(set(texts)) == 3
    found = "".join(path.read_text() for path in (tmp_path / "camera").rglob("*") if path.is_file())
    assert found == texts[0]


def test_the_users_own_secret_is_taken_wherever_it_is_needed(tmp_path: Path, given: Path) -> None:
    prepare(tmp_path, given, prefix="moodring")
    (given / "database").write_text("my own\n")
    (given / "README.md").write_text("what lies here")
    assert prepare(tmp_path, given, prefix="moodring") == []
    assert (tmp_path / "postgres" / "password").read_text() == "my own"
    assert (tmp_path / "recommender" / "secrets" / "database").read_text() == "my own"


def test_the_broker_knows_the_password_of_home_automation(tmp_path: Path, given: Path) -> None:
    (given / "mqtt-home_automation").write_text("my own")
    prepare(tmp_path, given, prefix="moodring")
    lines = (tmp_path / "mosquitto" / "passwords").read_text().splitlines()
    _, kind, rounds, salt, key = next(line for line in lines if line.startswith("home_automation:")).split("$")
    made = hashlib.pbkdf2_hmac("sha512", b"my own", base64.b64decode(salt), int(rounds))
    assert (kind, base64.b64decode(key)) == ("7", made)


@pytest.mark.parametrize(
    ("name", "content", "said"), [("databse", "x", "there is no secret of this name"), ("database", "", "is empty")]
)
def test_a_secret_of_ones_own_that_is_wrong_is_one_clear_line(
    name: str, content: str, said: str, tmp_path: Path, given: Path
) -> None:
    (given / name).write_text(content)
    with pytest.raises(SetupError, match=said):
        prepare(tmp_path, given, prefix="moodring")


def test_tls_listens_only_where_the_server_has_a_name(tmp_path: Path, given: Path) -> None:
    prepare(tmp_path, given, prefix="moodring")
    config = tmp_path / "mosquitto" / "mosquitto.conf"
    assert "8883" not in config.read_text()
    prepare(tmp_path, given, prefix="moodring", names=("server.lan", "192.0.2.7"))
    assert "listener 8883" in config.read_text()
    authority = (tmp_path / "mosquitto" / "tls" / "ca.crt").read_text()
    prepare(tmp_path, given, prefix="moodring", names=("server.lan",))
    assert (tmp_path / "mosquitto" / "tls" / "ca.crt").read_text() == authority
