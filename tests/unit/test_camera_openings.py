"""Streams are opened one at a time: what hangs lets the others go first, and what is too large is left alone."""

import threading
import time

import pytest

from services.camera.openings import TOO_LARGE_S, Openings

PATIENCE_S = 20


class Stream(threading.Thread):
    """Waits for its turn, and says when it has it."""

    def __init__(self, openings: Openings, url: str, order: list[str]) -> None:
        super().__init__(daemon=True)
        self._openings, self._url, self._order = openings, url, order
        self.start()

    def run(self) -> None:
        with self._openings.turn(self._url):
            self._order.append(self._url)


def waiting(openings: Openings, count: int) -> None:
    """Return when so many wait for their turn."""
    deadline = time.monotonic() + PATIENCE_S
    while len(openings._changed._waiters) < count:  # type: ignore[attr-defined]
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_one_that_hung_at_its_last_try_lets_the_others_go_first() -> None:
    openings, found = Openings(), list[str]()
    with openings.turn("hung"):
        pass
    with openings.turn("other"):
        streams = [Stream(openings, "hung", found)]
        waiting(openings, 1)
        streams.append(Stream(openings, "well", found))
        waiting(openings, 2)
    for stream in streams:
        stream.join(PATIENCE_S)
    assert found == ["well", "hung"]


def test_an_opening_that_fails_ends_its_turn() -> None:
    openings = Openings()
    with pytest.raises(OSError, match="as the test"), openings.turn("one"):
        raise OSError("as the test wants it")
    with openings.turn("other"):
        pass


def test_one_that_is_too_large_is_left_alone_for_a_while() -> None:
    now = 100.0
    openings = Openings(lambda: now)
    openings.leave_alone("large", "too large")
    assert [openings.problem(url) for url in ("large", "other")] == ["too large", ""]
    now += TOO_LARGE_S
    assert openings.problem("large") == ""
