"""How many of the faces in front of a camera can be read, and what to do about the others: a test of its place."""

from collections import Counter, deque

from services.camera.quality import Flaw
from services.contracts.messages import FaceYield

SIGHTS = 500
"""Sights of a person (one person in one frame) that are looked back on: over a minute and a half of one at 5 fps."""
ENOUGH = 0.7
"""Share of usable faces that needs no advice, only the reason: a mood is made of several seconds."""

ADVICE = {
    Flaw.TOO_SMALL: ("too small", "move the camera closer or lower"),
    Flaw.BLURRED: ("blurred", "give the room more light, or clean the lens"),
    Flaw.DARK: ("too dark", "light the faces from the front"),
    Flaw.OVEREXPOSED: ("too bright", "turn the camera away from the lamp or window"),
    Flaw.TURNED: ("turned away", "put the camera where people look"),
    Flaw.HIDDEN: ("hidden or out of sight", "put the camera where people look"),
}
"""What most of the other faces were, and what helps."""


class Yields:
    """Counts the last sights of one camera."""

    def __init__(self) -> None:
        self._sights: deque[Flaw | None] = deque(maxlen=SIGHTS)

    def add(self, flaw: Flaw | None) -> None:
        """Count a sight of a person: what was wrong with the face, `None` where it could be read."""
        self._sights.append(flaw)

    def message(self) -> FaceYield:
        """Return the count, in numbers and words."""
        rejected = Counter(flaw for flaw in self._sights if flaw is not None)
        sights = len(self._sights)
        usable = sights - rejected.total()
        return FaceYield(
            sights=sights,
            usable=usable,
            rejected={flaw.value: count for flaw, count in rejected.most_common()},
            text=_text(sights, usable, rejected),
        )


def _text(sights: int, usable: int, rejected: Counter[Flaw]) -> str:
    if not sights:
        return "No face has been seen yet."
    found = f"Of the last {sights} sights of a person, {round(100 * usable / sights)} % held a usable face"
    if usable == sights:
        return f"{found}."
    were, advice = ADVICE[rejected.most_common(1)[0][0]]
    return f"{found}; most of the others were {were}{'' if usable >= ENOUGH * sights else f': {advice}'}."
