"""Our MQTT client at a real Mosquitto: whom it trusts, and what the broker keeps for it."""

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.upkeep.authority import certify
from tests.integration.test_broker_border import Border, Client

NAME = "moodring-player-main"


@pytest.fixture(scope="module")
def border(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Border]:
    with Border(tmp_path_factory.mktemp("border"), tls=True) as broker:
        yield broker


@pytest.mark.parametrize("known_of_the_player", [NAME, None])
def test_another_user_cannot_take_a_services_place(border: Border, known_of_the_player: str | None) -> None:
    player = Client(border.port, "player", client_id=NAME)
    player.listen("moodring/home/player/set")
    thief = Client(border.port, "home_automation", client_id=NAME, exactly=known_of_the_player)
    thief.say("moodring/home/player/set")
    player.hears("moodring/home/player/set", "home_automation")
    thief.close()
    player.close()


def test_the_broker_keeps_a_session_only_where_one_is_wanted(border: Border) -> None:
    for sessions in (False, True):
        once = Client(border.port, "camera", client_id="camera", sessions=sessions)
        once.listen("moodring/home/privacy/set")
        once.close()
        again = Client(border.port, "camera", client_id="camera")
        assert again.resumed is sessions
        again.close()


def test_an_authority_of_ones_own_is_trusted_besides_the_systems(
    border: Border, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certify(tmp_path, ("other.lan",))
    own = tmp_path / "ca.crt"
    with pytest.raises(ssl.SSLCertVerificationError):
        Client(border.tls_port, "player", ca_file=own)
    monkeypatch.setenv("SSL_CERT_FILE", str(border.folder / "tls" / "ca.crt"))
    client = Client(border.tls_port, "player", ca_file=own)
    assert client.refusal == ""
    client.close()
