"""What a room's faces say: a window over them, and what is believed of it from look to look. Pure.

All times are seconds since 1970.
"""

from services.aggregator.belief import Memory, changes_within
from services.aggregator.calibration import Calibrator
from services.aggregator.fusion import Evidence, fuse
from services.aggregator.people import people
from services.aggregator.vocabulary import Vocabulary
from services.aggregator.window import BUCKETS, Observation, Refusal, Window
from services.runtime.mood_settings import MoodRules


class Sensing:
    """The faces of one room.

    Args:
        settings: How long they are remembered, and how they make one mood.
        calibration: What the room was taught of its people.

    Attributes:
        vocabulary: What its faces can say; see `learn`.
    """

    def __init__(self, settings: MoodRules, calibration: Calibrator) -> None:
        self._settings = settings
        self._folding = settings.folding
        self._calibration = calibration
        self._factors = calibration.factors
        self._changes = changes_within(settings.window_s / BUCKETS, settings.hold_s)
        self.vocabulary = Vocabulary()
        self._listen()

    def _listen(self) -> None:
        """Begin to listen, to every word that faces can say."""
        labels = self.vocabulary.places
        self._window = Window(self._settings.window_s, self._settings.half_life_s, labels)
        self._memory = Memory(self._settings.window_s, self._settings.hold_s, len(labels))

    def learn(self, vocabulary: Vocabulary) -> bool:
        """Take what was taught; return whether that changes what faces can say, and so what they said is forgotten."""
        changed = vocabulary.places != self.vocabulary.places
        self.vocabulary = vocabulary
        if changed:
            self._listen()
        return changed

    def add(self, observation: Observation, now: float) -> Refusal | None:
        """Take one face of one frame, or return why it does not count."""
        return self._window.add(self.vocabulary.understood(self._calibration.corrected(observation)), now)

    def forget(self, camera: str | None = None) -> None:
        """Forget what a camera saw, or any did, and what was believed."""
        self._window.forget(camera)
        self._memory.forget()

    def renew(self) -> bool:
        """Forget what was seen with other eyes, where another resting face was learnt; return whether it was."""
        if self._calibration.factors == self._factors:
            return False
        self._factors = self._calibration.factors
        self.forget()
        return True

    def evidence(self, now: float) -> Evidence:
        """Return what is known now; ask about every second."""
        found = fuse(
            people(self._window.tracks(now)), now,
            fusion=self._settings.fusion, folding=self._folding, changes=self._changes,
            begin=self._memory.begin(now), places=self.vocabulary.places, weighed=self._factors,
        )  # fmt: skip
        if found.expressions:
            self._memory.note(now, found.expressions)
        return found
