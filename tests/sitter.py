"""The demo's person before a camera that is sent to the product over REST, with the expression that the test wants."""

import threading
import time
from itertools import count
from types import TracebackType
from typing import Self

import httpx

from services.demo.faces import HOLD_S, SEQUENCE, Person
from services.vision.images import jpeg
from tests.product import Door

STEADY_S = 140.0
"""For so long within its hold an expression is as it is, and not fading into the next one."""


class Sitter:
    """Sends five pictures a second while it is entered.

    Args:
        door: The product; its camera's source has to be `browser`.
        shows: The expression to begin with.
    """

    def __init__(self, door: Door, shows: str) -> None:
        self.shows = shows
        self._frames = f"{door.url}/api/cameras/camera/frames"
        self._left = threading.Event()
        self._thread = threading.Thread(target=self._sit, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._left.set()
        self._thread.join()

    def _sit(self) -> None:
        person = Person()
        with httpx.Client(timeout=30, trust_env=False) as client:
            for number in count():
                t_s = SEQUENCE.index(self.shows) * HOLD_S + number / 5 % STEADY_S
                try:
                    client.post(self._frames, content=jpeg(person.frame(t_s)))
                except httpx.TransportError:
                    time.sleep(0.5)  # the product is not there yet, or not any more
                if self._left.wait(0.2):
                    return
