"""One room: what its cameras see, what its mood is by that, and what a person says instead.

No bus, no clock, no file: times come in, in seconds since 1970.
"""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from services.aggregator.belief import Memory, changes_within
from services.aggregator.calibration import Calibrator, Verdict
from services.aggregator.cameras import Cameras
from services.aggregator.decision import Decision, Rules, decide
from services.aggregator.errors import NotNowError, UnknownMoodError
from services.aggregator.fusion import Evidence, fuse
from services.aggregator.people import people
from services.aggregator.state import Calibration, RoomState
from services.aggregator.window import BUCKETS, Observation, Refusal, Window
from services.contracts.messages import CameraState, Mood, MoodOverride, MoodSource, uuid7
from services.contracts.moods import EXPRESSIONS, NOBODY, UNKNOWN, Point
from services.runtime.mood_settings import MoodRules

LATEST_COMMAND_S = 600.0
"""The bus keeps a command this long; one that claims to be older comes from a wrong clock."""


class Room:
    """One room.

    Args:
        settings: When a mood is decided.
        now: The time.
        saved: What the room's mood was before a restart.

    Attributes:
        heard_at: When any camera of it or a person spoke last.
        calibration: What it was taught.
        moods: Those that its cameras can decide.
    """

    def __init__(self, settings: MoodRules, now: float, saved: RoomState | None = None) -> None:
        self._settings = settings
        self._folding, self._points = settings.folding, settings.points
        self._rules = Rules(
            min_samples=settings.min_samples,
            enter_confidence=settings.enter_confidence,
            leave_confidence=settings.leave_confidence,
            dwell_s=settings.dwell_s,
            sure_s=settings.sure_s,
            nobody_after_s=settings.nobody_after_s,
            window_s=settings.window_s,
        )
        self.moods = tuple(dict.fromkeys(self._folding.get(label, label) for label in EXPRESSIONS))
        self._window = Window(settings.window_s, settings.half_life_s)
        self._memory = Memory(settings.window_s, settings.hold_s)
        self._factors: dict[str, float] = {}
        self._changes = changes_within(settings.window_s / BUCKETS, settings.hold_s)
        self._cameras = Cameras()
        self._began_at = self._last_face_at = self.heard_at = now
        self._evidence = Evidence()
        self._saved = saved.mood if saved else None
        self._override = saved.override if saved else None
        self.calibration = Calibrator(saved.calibration if saved else Calibration())
        if self._saved:
            self._decision = Decision(
                self._saved.mood, self._saved.since.timestamp(), last=self._saved.mood, restored=True
            )
            self._decision_id: UUID = self._saved.decision_id
        else:
            self._decision, self._decision_id = Decision(UNKNOWN, now), uuid7()

    @property
    def rules(self) -> Rules:
        """When a mood is decided, with what the room was taught."""
        return replace(self._rules, shifts=self.calibration.shifts)

    @property
    def state(self) -> RoomState:
        """What has to survive a restart."""
        return RoomState(mood=self._saved, override=self._override, calibration=self.calibration.state)

    @property
    def evidence(self) -> Evidence:
        """What was known at the last look."""
        return self._evidence

    def observe(self, observation: Observation, now: float) -> Refusal | None:
        """Take one face of one frame, or return why it does not count."""
        self.heard_at = now
        taken = self._cameras.take(observation, now)
        if isinstance(taken, Refusal):
            return taken
        refusal = self._window.add(self.calibration.corrected(taken), now)
        if refusal is None:
            self._last_face_at = max(self._last_face_at, min(taken.at, now))
            self.calibration.observe(taken)
        return refusal

    def clock_offset_s(self, camera: str) -> float:
        """Return what is added to a camera's times because its clock is not ours; 0 where they agree."""
        return self._cameras.offset_s(camera)

    def hear(self, camera: str, state: CameraState, now: float) -> None:
        """Take how a camera does. One that goes private is forgotten at once, with everything it saw."""
        self.heard_at = now
        if self._cameras.hear(camera, state, now) and state is CameraState.PRIVATE:
            self._window.forget(camera)
            self._memory.forget()
            self.calibration.give_up("a camera of this room went private; start again when it looks")
            if self._decision.mood != UNKNOWN and not self._cameras.seeing(now):
                self._evidence = Evidence()
                self._enter(Decision(UNKNOWN, now))

    def say(self, command: MoodOverride, now: float) -> None:
        """Let a person say the mood; `auto` gives it back to the cameras.

        The minutes count from when the command was given, as far as its clock can be believed.

        Raises:
            UnknownMoodError: The word is no mood that can be said.
        """
        self.heard_at = now
        if command.ends:
            self._release()
            return
        if command.mood not in self._points:
            raise UnknownMoodError(
                f"the mood {command.mood!r} is unknown; known are {', '.join(sorted(self._points))}, and auto"
            )
        given_at = min(max(command.issued_at.timestamp(), now - LATEST_COMMAND_S), now)
        until = given_at + 60 * command.minutes
        if until > now:
            place = self._points[command.mood]
            self._override = Mood(
                mood=command.mood, confidence=1, valence=place.valence, arousal=place.arousal,
                people=0, samples=0, window_s=self._settings.window_s, since=_utc(now), until=_utc(until),
                source=MoodSource.OVERRIDE, decision_id=uuid7(),
            )  # fmt: skip

    def measure_neutral(self, now: float) -> None:
        """Have the room's people look neutral for a minute.

        Raises:
            NotNowError: No camera sees them.
        """
        if self._cameras.seeing(now) is False:
            raise NotNowError("no camera of this room sees anything at the moment; switch one on and try again")
        self.calibration.start(now)

    def judge(self, verdict: Verdict, now: float) -> None:
        """Take a person's answer to "was this right?", about what the cameras decided.

        Raises:
            NotNowError: The mood is another one by now, or was said by hand.
            UnknownMoodError: The word is no mood that a camera can decide.
        """
        if self._override:
            raise NotNowError("the mood was said by hand; end that first, then the camera's can be judged")
        if verdict.decision_id not in {None, self._decision_id}:
            raise NotNowError(f"the mood has changed meanwhile: it is {self._decision.mood} now")
        if verdict.mood and verdict.mood not in self.moods:
            raise UnknownMoodError(f"the mood {verdict.mood!r} is never decided; {', '.join(self.moods)} are")
        self.calibration.answer(self._decision.mood, now, right=verdict.right, mood=verdict.mood)

    def look(self, now: float) -> None:
        """Decide afresh; time passes without messages, too."""
        if self._override and self._override.until and self._override.until.timestamp() <= now:
            self._release()
        self._last_face_at = min(self._last_face_at, now)
        self.calibration.look(now)
        if self.calibration.factors != self._factors:  # what was seen was seen with other eyes
            self._factors = self.calibration.factors
            self._window.forget()
            self._memory.forget()
        self._evidence = fuse(
            people(self._window.tracks(now)), now,
            fusion=self._settings.fusion, folding=self._folding, changes=self._changes,
            begin=self._memory.begin(now),
        )  # fmt: skip
        if self._evidence.expressions:
            self._memory.note(now, self._evidence.expressions)
        self._enter(
            decide(
                self._decision, self._evidence, self.rules,
                now=now, last_face_at=self._last_face_at, seeing=self._cameras.seeing(now),
            )
        )  # fmt: skip

    def has_mood(self, now: float) -> bool:
        """Whether there is anything to tell.

        A new room waits for its first decision: `unknown` would be acted on. But where a face could have been told
        by now and was not, or nobody has come, that is an answer.
        """
        rules = self._settings
        enough = self._evidence.samples >= rules.min_samples
        waited = now - self._began_at >= (rules.window_s + rules.dwell_s if enough else rules.nobody_after_s)
        return self._override is not None or self._saved is not None or waited

    @property
    def decision_id(self) -> UUID:
        """Which decision the mood is."""
        return self._override.decision_id if self._override else self._decision_id

    def mood(self) -> Mood:
        """Return the room's mood as of the last look."""
        counts = {"people": self._evidence.people, "samples": self._evidence.samples}
        if self._override:
            return self._override.model_copy(update=counts)
        if self._decision.restored and self._saved:
            return self._saved.model_copy(update=counts | {"decision_id": self._decision_id})
        return self._measured()

    def _measured(self) -> Mood:
        mood, evidence = self._decision.mood, self._evidence
        distribution = {} if mood == NOBODY else evidence.distribution
        place = evidence.place if distribution else Point(0, 0)
        confidence = 1.0 if mood == NOBODY else evidence.confidence(evidence.leader if mood == UNKNOWN else mood)
        return Mood(
            mood=mood,
            confidence=round(min(1.0, confidence), 4),
            distribution={label: round(min(1.0, share), 4) for label, share in distribution.items()},
            valence=round(place.valence, 4),
            arousal=round(place.arousal, 4),
            people=evidence.people,
            samples=evidence.samples,
            window_s=self._settings.window_s,
            since=_utc(self._decision.since),
            source=MoodSource.CAMERA,
            decision_id=self._decision_id,
        )

    def _enter(self, decision: Decision) -> None:
        changed = decision.mood != self._decision.mood
        self._decision = decision
        if changed and decision.mood == NOBODY:
            self._memory.forget()  # who comes next is somebody else
        if changed:
            self._decision_id = uuid7()
            self._saved = self._measured()

    def _release(self) -> None:
        if self._override:
            self._override = None
            self._decision_id = uuid7()


def _utc(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)
