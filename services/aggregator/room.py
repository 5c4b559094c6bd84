"""One room: what its cameras see, what its mood is by that, and what a person says instead.

No bus, no clock, no file: times come in, in seconds since 1970. Only what is random of a decision's id comes from here.
"""

from collections.abc import Mapping
from dataclasses import replace
from uuid import UUID

from services.aggregator.calibration import Calibrator, Verdict, contradiction
from services.aggregator.cameras import Cameras
from services.aggregator.decision import Decision, decide
from services.aggregator.errors import NotNowError, UnknownMoodError
from services.aggregator.fusion import Evidence
from services.aggregator.presence import Presence
from services.aggregator.rules import Rules
from services.aggregator.saying import decided, overridden
from services.aggregator.sensing import Sensing
from services.aggregator.sight import Sight
from services.aggregator.state import Calibration, RoomState
from services.aggregator.vocabulary import Vocabulary
from services.aggregator.window import Observation, Refusal
from services.contracts.messages import CameraState, Mood, MoodOverride, uuid7
from services.contracts.moods import NOBODY, UNKNOWN, Point
from services.runtime.mood_settings import MoodRules


class Room:
    """One room.

    Args:
        settings: When a mood is decided.
        now: The time.
        saved: What the room's mood was before a restart.

    Attributes:
        heard_at: When any camera of it, its player or a person spoke last.
        has_player: Whether a player has spoken.
        newest: The way of the last frame that counted.
        calibration: What it was taught.
    """

    def __init__(self, settings: MoodRules, now: float, saved: RoomState | None = None) -> None:
        self._settings = settings
        self._folding, self._points = settings.folding, settings.points
        self._rules = Rules.of(settings)
        self._cameras = Cameras(now)
        self._presence = self._empty(now)
        self._began_at = self.heard_at = now
        self.has_player = False
        self.newest: Sight | None = None
        self._evidence = Evidence()
        self._saved = saved.mood if saved else None
        self._override = saved.override if saved else None
        self.calibration = Calibrator(saved.calibration if saved else Calibration())
        self._sensing = Sensing(settings, self.calibration)
        if self._saved:
            mood, since = self._saved.mood, self._saved.since.timestamp()
            last = None if mood in {UNKNOWN, NOBODY} else mood
            self._decision = Decision(mood, since, last=last, restored=True)
            self._decision_id: UUID = self._saved.decision_id
        else:
            self._decision, self._decision_id = Decision(UNKNOWN, now), uuid7(now)

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

    @property
    def vocabulary(self) -> Vocabulary:
        """What its faces can say; see `learn`."""
        return self._sensing.vocabulary

    @property
    def moods(self) -> tuple[str, ...]:
        """Those that its cameras can decide."""
        return tuple(dict.fromkeys(self._folding.get(label, label) for label in self.vocabulary.places))

    def begin(self, now: float) -> None:
        """Be a room from now on: what was heard so far was of something that might become one."""
        self._began_at, self._presence = now, self._empty(now)
        self._decision = Decision(UNKNOWN, now)

    def learn(self, vocabulary: Vocabulary, now: float) -> None:
        """Take what was taught; where that changes what faces can say, what they said so far is forgotten.

        The mood stands until there is enough evidence again, if it is still one.
        """
        if self._sensing.learn(vocabulary):
            self._stand()
        if self._decision.mood not in {*self.moods, UNKNOWN, NOBODY}:
            self._evidence = Evidence()
            self._enter(Decision(UNKNOWN, now), now)
        if self._override and self._override.mood not in self.sayable:
            self._release(now)

    @property
    def sayable(self) -> Mapping[str, Point]:
        """The moods that can be said by hand; a taught one lies where it was taught to."""
        return {**self._points, **self.vocabulary.known}

    def observe(self, observation: Observation, now: float) -> Refusal | None:
        """Take one face of one frame, or return why it does not count."""
        self.heard_at = now
        taken = self._cameras.take(observation, now)
        if isinstance(taken, Refusal):
            return taken
        refusal = self._sensing.add(taken, now)
        if refusal is None:
            self._presence.see(now)
            self.calibration.observe(taken)
        return refusal

    def clock_offset_s(self, camera: str) -> float:
        """Return what is added to a camera's times because its clock is not ours; 0 where they agree."""
        return self._cameras.offset_s(camera)

    def hear(self, camera: str, state: CameraState, now: float, *, retained: bool = False) -> None:
        """Take how a camera does. One that goes private is forgotten at once, with everything it saw.

        What the broker retained may be of long ago: it is no sign that the camera works.
        """
        self.heard_at = now
        if self._cameras.hear(camera, state, now, retained=retained) and state is CameraState.PRIVATE:
            self._sensing.forget(camera)
            self.newest = None
            self.calibration.give_up("a camera of this room went private; start again when it looks")
            if self._decision.mood != UNKNOWN and not self._cameras.seeing(now):
                self._evidence = Evidence()
                self._enter(Decision(UNKNOWN, now), now)

    def say(self, command: MoodOverride, now: float) -> None:
        """Let a person say the mood; `auto` gives it back to the cameras.

        Raises:
            UnknownMoodError: The word is no mood that can be said.
            NotNowError: Its time is over already.
        """
        self.heard_at = now
        if command.ends:
            self._release(now)
            return
        if command.mood not in self.sayable:
            raise UnknownMoodError(
                f"{command.mood!r} is no mood that can be said; these are: {', '.join(sorted(self.sayable))}, and auto"
            )
        place = self.sayable[command.mood]
        self._override = overridden(command, place, self._settings.window_s, now, uuid7(now))

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
            NotNowError: The mood is another one by now, or was said by hand, or the answer contradicts itself.
            UnknownMoodError: The word is no mood that a camera can decide.
        """
        if self._override:
            raise NotNowError("the mood was said by hand; end that first, then the camera's can be judged")
        if verdict.decision_id not in {None, self._decision_id}:
            raise NotNowError(f"the mood has changed meanwhile: it is {self._decision.mood} now")
        if verdict.mood and verdict.mood not in self.moods:
            raise UnknownMoodError(f"the mood {verdict.mood!r} is never decided; {', '.join(self.moods)} are")
        if verdict.mood and verdict.right != (verdict.mood == self._decision.mood):
            raise NotNowError(contradiction(self._decision.mood, verdict))
        self.calibration.answer(self._decision.mood, now, right=verdict.right, mood=verdict.mood)

    def look(self, now: float) -> None:
        """Decide afresh; time passes without messages, too."""
        if self._override and self._override.until and self._override.until.timestamp() <= now:
            self._release(now)
        self.calibration.look(now)
        if self._sensing.renew():
            self._stand()
        self._evidence = self._sensing.evidence(now)
        self._enter(
            decide(
                self._decision, self._evidence, self.rules,
                now=now, last_face_at=self._presence.look(now), seeing=self._cameras.seeing(now),
            ),
            now,
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
            return self._saved.model_copy(update=counts)
        return self._measured()

    def _stand(self) -> None:
        """Let the mood stand until there is enough evidence again, as all that was seen is forgotten."""
        self._decision = replace(self._decision, restored=True)

    def _empty(self, now: float) -> Presence:
        settings = self._settings
        return Presence(now, nobody_after_s=settings.nobody_after_s, min_samples=settings.min_samples)

    def _measured(self) -> Mood:
        return decided(self._decision, self._decision_id, self._evidence, self._settings.window_s)

    def _enter(self, decision: Decision, now: float) -> None:
        changed = decision.mood != self._decision.mood
        self._decision = decision
        if changed and decision.mood == NOBODY:
            self._sensing.forget()  # who comes next is somebody else
        if changed:
            self._decision_id = uuid7(now)
            self._saved = self._measured()

    def _release(self, now: float) -> None:
        if self._override:
            self._override = None
            self._decision_id = uuid7(now)
            if self._saved:
                self._saved = self._saved.model_copy(update={"decision_id": self._decision_id})
