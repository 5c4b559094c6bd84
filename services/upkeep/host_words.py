"""What `.env` says of the machine: words that Compose takes as they are, and that something else would stumble over."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from services.runtime.service import SetupError
from services.upkeep.authority import is_address

NAME = r"\w([\w.-]*\w)?"
PATH, NUMBER = re.compile(r"/\S+").fullmatch, re.compile(r"\d+").fullmatch
RULES: dict[str, tuple[Callable[[str], Any], str]] = {
    "NAME": (re.compile(NAME).fullmatch, "a name alone, such as server.lan"),
    "ADDRESS": (is_address, "an address alone, such as 192.168.1.5"),
    "BROKER": (re.compile(rf"({NAME}|\[[0-9A-Fa-f:]+\])(:\d+)?").fullmatch, "a name alone, such as broker.lan"),
    "CAMERA": (PATH, "a full path, such as /dev/video0"),
    "SOUND": (PATH, "a full path, such as /dev/snd"),
    "CAMERA_GROUP": (NUMBER, "a number: `getent group video` shows it"),
    "SOUND_GROUP": (NUMBER, "a number: `getent group audio` shows it"),
    "MODEL_SERVER": (re.compile("light|amd64|arm64").fullmatch, "`light`, or nothing"),
}
"""By the variable's end after MOODRING_HOST_: whether a word will do, what it has to be; Compose judges the rest."""


def check(environment: Mapping[str, str]) -> None:
    """Check what is set.

    Raises:
        SetupError: A word will not do; the line names the variable.
    """
    for end, (will_do, wanted) in RULES.items():
        variable = f"MOODRING_HOST_{end}"
        word = environment.get(variable, "")
        if word and not will_do(word):
            raise SetupError(f"{variable} in .env has to be {wanted}; it is {word!r}")
