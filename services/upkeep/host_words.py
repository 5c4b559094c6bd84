"""What `.env` says of the machine: words that Compose takes as they are, and that something else would stumble over."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from services.runtime.service import SetupError
from services.upkeep.authority import is_address

NAME = re.compile(r"\w([\w.-]*\w)?").fullmatch
LIKE_AN_ADDRESS = re.compile(r"(.*\.)?\d+").fullmatch
"""What nothing looks up as a name: its last part is a number (https://url.spec.whatwg.org/#ends-in-a-number-checker)."""
BROKER = re.compile(r"(\[(?P<in_brackets>[^]]*)\]|(?P<host>[^:]*))(:\d+)?").fullmatch
PATH, NUMBER = re.compile(r"/\S+").fullmatch, re.compile(r"\d+").fullmatch


def _is_host(word: str) -> bool:
    return is_address(word) if LIKE_AN_ADDRESS(word) else bool(NAME(word))


def _is_broker(word: str) -> bool:
    found = BROKER(word)
    if found is None:
        return False
    return _is_host(found["host"]) if found["host"] else is_address(found["in_brackets"] or "")


RULES: dict[str, tuple[Callable[[str], Any], str]] = {
    "NAME": (_is_host, "a name alone, such as server.lan"),
    "ADDRESS": (is_address, "an address alone, such as 192.168.1.5"),
    "BROKER": (_is_broker, "a name or an address alone, such as broker.lan"),
    "CAMERA": (PATH, "a full path, such as /dev/video0"),
    "SOUND": (PATH, "a full path, such as /dev/snd"),
    "CAMERA_GROUP": (NUMBER, "a number: `getent group video` shows it"),
    "SOUND_GROUP": (NUMBER, "a number: `getent group audio` shows it"),
    "MODEL_SERVER": (re.compile("light|amd64|arm64").fullmatch, "`light`, or nothing"),
}
"""By the variable's end after MOODRING_HOST_: whether a word will do, what it has to be; Compose judges the rest."""
HOSTS = ("NAME", "ADDRESS", "BROKER")


def check(environment: Mapping[str, str]) -> None:
    """Check what is set.

    Raises:
        SetupError: A word will not do; the line names the variable.
    """
    for end, (will_do, wanted) in RULES.items():
        variable = f"MOODRING_HOST_{end}"
        word = environment.get(variable, "")
        if word and not will_do(word):
            doubt = ", which is no address" if end in HOSTS and LIKE_AN_ADDRESS(word) else ""
            raise SetupError(f"{variable} in .env has to be {wanted}; it is {word!r}{doubt}")
