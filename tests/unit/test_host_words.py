"""What `.env` says of the machine is checked before anything starts."""

import pytest

from services.runtime.connection_settings import HOST_VARIABLES
from services.runtime.service import SetupError
from services.upkeep.host_words import RULES, check

GOOD = {
    "NAME": ("localhost", "server.lan", "a", "4.server.lan", "nas-2", "192.168.1.5"),
    "ADDRESS": ("192.168.1.5", "fd00::5"),
    "BROKER": ("broker.lan", "broker.lan:8883", "192.168.1.6", "[fd00::6]:1883"),
    "CAMERA": ("/dev/video0", "/dev/v4l/by-id/usb-video-index0"),
    "SOUND": ("/dev/snd",),
    "CAMERA_GROUP": ("44",),
    "SOUND_GROUP": ("29",),
    "MODEL_SERVER": ("light",),
}
WRONG = {
    "NAME": ("https://server.lan", "my server", "server.lan:8443", "192.168.1.300", "192.168.1", "server.1"),
    "ADDRESS": ("192.168.1", "192.168.1.300", "server.lan", "192.168.1.5:8443"),
    "BROKER": ("mqtt://broker.lan", "me@broker.lan", "192.168.1.300", "192.168.1.300:1883", "[fd00::g]", "[]"),
    "CAMERA": ("video0", "0"),
    "SOUND": ("snd",),
    "CAMERA_GROUP": ("video",),
    "SOUND_GROUP": ("audio",),
    "MODEL_SERVER": ("lite",),
}


def test_every_rule_is_of_a_variable() -> None:
    assert {f"MOODRING_HOST_{end}" for end in RULES} <= HOST_VARIABLES
    assert RULES.keys() == GOOD.keys() == WRONG.keys()


@pytest.mark.parametrize(("end", "word"), [(end, word) for end, words in GOOD.items() for word in (*words, "")])
def test_words_that_will_do(end: str, word: str) -> None:
    check({f"MOODRING_HOST_{end}": word})


@pytest.mark.parametrize(("end", "word"), [(end, word) for end, words in WRONG.items() for word in words])
def test_words_that_will_not_do_are_one_clear_line(end: str, word: str) -> None:
    with pytest.raises(SetupError) as told:
        check({f"MOODRING_HOST_{end}": word})
    line = str(told.value)
    assert line.startswith(f"MOODRING_HOST_{end} in .env has to be ")
    assert repr(word) in line
    assert "\n" not in line


def test_what_looks_like_an_address_and_is_none_is_said_so() -> None:
    with pytest.raises(SetupError, match=r" has to be .*'192\.168\.1\.300', which is no address$"):
        check({"MOODRING_HOST_NAME": "192.168.1.300"})
