"""The files of a first start: made once, each where its owner looks, and the user's own taken."""

import base64
import contextlib
import errno
import hashlib
import os
import ssl
import subprocess
import time
from pathlib import Path

import pytest

from services.runtime.service import SetupError
from services.upkeep import first_start
from services.upkeep.authority import DAY_S, certify
from services.upkeep.first_start import NEW_AUTHORITY, SECRETS, prepare

NAMES = ("server.lan", "192.0.2.7")


@pytest.fixture
def given(tmp_path: Path) -> Path:
    folder = tmp_path / "given"
    folder.mkdir()
    return folder


def test_every_secret_is_made_once_and_kept(tmp_path: Path, given: Path) -> None:
    assert prepare(tmp_path, given, prefix="moodring") == [f"made the secret {secret.name}" for secret in SECRETS]
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


def test_a_database_keeps_the_password_that_it_was_made_with(tmp_path: Path, given: Path) -> None:
    prepare(tmp_path, given, prefix="moodring")
    (tmp_path / "postgres" / "pgdata").mkdir()
    files = [tmp_path / "postgres" / "password", tmp_path / "recommender" / "secrets" / "database"]
    before = files[0].read_text()
    (given / "database").write_text("my own")
    with pytest.raises(SetupError, match=r"another password.*ALTER USER moodring PASSWORD.*data/password"):
        prepare(tmp_path, given, prefix="moodring")
    assert [file.read_text() for file in files] == [before, before]
    files[0].unlink()  # as the last line that is to be typed says
    prepare(tmp_path, given, prefix="moodring")
    assert [file.read_text() for file in files] == ["my own", "my own"]
    (given / "database").unlink()
    prepare(tmp_path, given, prefix="moodring")
    assert [file.read_text() for file in files] == ["my own", "my own"]
    for file in files:
        file.unlink()
    with pytest.raises(SetupError, match=r"is lost.*ALTER USER"):
        prepare(tmp_path, given, prefix="moodring")


def test_what_is_right_is_not_written_again(tmp_path: Path, given: Path) -> None:
    prepare(tmp_path, given, prefix="moodring", names=NAMES)
    before = {path: path.stat().st_ino for path in tmp_path.rglob("*")}
    prepare(tmp_path, given, prefix="moodring", names=NAMES)
    assert {path: path.stat().st_ino for path in tmp_path.rglob("*")} == before


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


# --- the authority


def made_by(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_an_authority_stays_while_names_change(tmp_path: Path) -> None:
    certify(tmp_path, ("server.lan",))
    before = made_by(tmp_path)
    certify(tmp_path, ("server.lan", "192.0.2.7"))
    after = made_by(tmp_path)
    assert after["ca.crt"] == before["ca.crt"]
    assert after["server.pem"] != before["server.pem"]


def trusts(authority: bytes, server: Path, *, strict: bool = True) -> bool:
    """Whether a client that was given the authority speaks with a server; Python is strict from 3.13 on."""
    context = ssl.create_default_context(cadata=authority.decode())
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.verify_flags |= ssl.VERIFY_X509_STRICT if strict else ssl.VerifyFlags(0)
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(server)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client_side = context.wrap_bio(to_client, to_server, server_hostname="server.lan")
    server_side = serving.wrap_bio(to_server, to_client, server_side=True)
    try:
        for _ in range(3):
            for side in (client_side, server_side):
                with contextlib.suppress(ssl.SSLWantReadError):
                    side.do_handshake()
    except ssl.SSLCertVerificationError:
        return False
    return client_side.version() is not None and bool(client_side.getpeercert())


def test_strict_clients_trust_the_authority(tmp_path: Path) -> None:
    certify(tmp_path, NAMES)
    assert trusts((tmp_path / "ca.crt").read_bytes(), tmp_path / "server.pem")


def old_authority(volumes: Path) -> Path:
    """Make the authority and the server's certificate as an older version did, without any key usage."""
    folder = volumes / "mosquitto" / "tls"
    folder.mkdir(parents=True)
    make = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    authority = ["-keyout", "ca.key", "-out", "ca.crt", "-days", "3650", "-subj", "/CN=Moodring home authority"]
    server = ["-keyout", "key", "-out", "crt", "-days", "825", "-subj", "/CN=server.lan", "-CA", "ca.crt"]
    server += ["-CAkey", "ca.key", "-addext", "subjectAltName=DNS:server.lan,IP:192.0.2.7"]
    server += ["-addext", "basicConstraints=critical,CA:FALSE", "-addext", "extendedKeyUsage=serverAuth"]
    for options in (authority, server):
        subprocess.run([*make, *options], cwd=folder, check=True, capture_output=True)
    (folder / "server.pem").write_bytes((folder / "crt").read_bytes() + (folder / "key").read_bytes())
    return folder


def test_an_old_authority_that_strict_clients_refuse_is_renewed_and_said(tmp_path: Path, given: Path) -> None:
    folder = old_authority(tmp_path)
    before = (folder / "ca.crt").read_bytes()
    assert not trusts(before, folder / "server.pem")
    made = prepare(tmp_path, given, prefix="moodring", names=NAMES)
    after = (folder / "ca.crt").read_bytes()
    assert NEW_AUTHORITY in made
    assert trusts(after, folder / "server.pem")
    assert trusts(before, folder / "server.pem", strict=False), "who was let in before still is"
    assert prepare(tmp_path, given, prefix="moodring", names=NAMES) == []
    assert (folder / "ca.crt").read_bytes() == after


@pytest.mark.parametrize(("days", "renewed"), [(300, set()), (500, {"server.pem"}), (3500, {"ca.crt", "server.pem"})])
def test_what_runs_out_is_made_anew_in_time(days: int, renewed: set[str], tmp_path: Path) -> None:
    certify(tmp_path, ("server.lan",))
    before = made_by(tmp_path)
    new = certify(tmp_path, ("server.lan",), clock=lambda: time.time() + days * DAY_S)
    after = made_by(tmp_path)
    assert {name for name in after if after[name] != before[name]} == renewed
    assert new == ("ca.crt" in renewed)


def test_a_certificate_that_cannot_be_made_leaves_the_one_before(tmp_path: Path) -> None:
    certify(tmp_path, ("server.lan",))
    before = made_by(tmp_path)
    with pytest.raises(SetupError, match="openssl cannot make the certificate"):
        certify(tmp_path, ("server.lan", "no\nname"))
    assert made_by(tmp_path) == before


def test_no_certificate_is_made_by_a_clock_of_1970(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"1970.*timedatectl"):
        certify(tmp_path, ("server.lan",), clock=lambda: 3600.0)
    certify(tmp_path, ("server.lan",))
    before = made_by(tmp_path)
    certify(tmp_path, ("server.lan",), clock=lambda: 3600.0)
    assert made_by(tmp_path) == before


@pytest.mark.parametrize("own", [True, False], ids=["of a wrong mode", "of somebody else"])
@pytest.mark.parametrize("folder", ["player/secrets", "postgres"])
def test_a_volume_that_cannot_be_written_is_given_back_by_what_is_wrong_with_it(
    tmp_path: Path, given: Path, monkeypatch: pytest.MonkeyPatch, folder: str, *, own: bool
) -> None:
    (tmp_path / folder).mkdir(parents=True, mode=0o500)
    user = os.geteuid() if own else os.geteuid() + 1
    monkeypatch.setattr(os, "geteuid", lambda: user)

    def refused(_path: Path, _content: bytes) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(tmp_path / folder / "mqtt.new"))

    monkeypatch.setattr(first_start, "replace_file", refused)
    with pytest.raises(SetupError) as refusal:
        prepare(tmp_path, given, prefix="moodring")
    said = str(refusal.value)
    why = "its mode is 500" if own else f"it belongs to user {user - 1}"
    assert f"cannot be written: Permission denied ({tmp_path / folder}: {why})" in said
    assert ("--entrypoint chmod first-start -R u+rwX" in said) == own
    assert (f"--entrypoint chown first-start -R {user} " in said) != own
    assert f"/volumes/{folder.partition('/')[0]}`" in said
