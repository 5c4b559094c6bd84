"""What a room is taught: its people's neutral faces, and where a decision was wrong. Pure; seconds since 1970.

The one acts on every answer of the model as it comes, the other where a decision is made, so that forgetting them
undoes them within a window. Both are bounded: neither can rule a mood out.

The **baseline** corrects a model that reads a resting face as something else: see `resting`.

The **answers** move the confidence that a mood needs: up where it was wrong, down where it was right or missed.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from pydantic import BeforeValidator

from services.aggregator.resting import corrected, factors, logs, no_rest, rests
from services.aggregator.state import MAX_ANSWERS, Baseline, Calibration, Feedback
from services.aggregator.window import Observation
from services.contracts.messages import Message, Name, plain
from services.contracts.moods import NOBODY, UNKNOWN

MEASURE_S = 60.0
"""How long a baseline takes: some forty answers that are new (one in `likelihood.HELD_S`)."""
LEAST_SAMPLES = 60
"""Faces that a baseline needs: a fifth of what a minute at 5 frames a second gives."""
WRONG_STEP = 0.04
"""Confidence by which a wrong mood becomes harder to enter and a missed one easier: three answers reach `LIMIT`."""
RIGHT_STEP = 0.01
"""Confidence by which a right one becomes easier. By judgement: four undo one that was wrong."""
LIMIT = 0.12
"""Farthest that answers can move the confidence a mood needs: about twice or half its odds (`SHIFT_ODDS`)."""


class Verdict(Message):
    """A person's answer to "was this right?" as it is sent.

    `mood` is what it is, where they say so: another one where it was wrong; with a `decision_id`, the answer counts
    only while that decision stands.
    """

    right: bool
    mood: Annotated[Name | None, BeforeValidator(plain)] = None
    decision_id: UUID | None = None


def contradiction(decided: str, verdict: Verdict) -> str:
    """Return what is said of an answer whose two halves do not go together."""
    if verdict.right:
        return f'the mood is {decided}: that cannot be right where it is {verdict.mood}; say "right": false, or no mood'
    return f'the mood is {decided} already: say "right": true, or what it is instead'


def shifts(answers: Sequence[Feedback]) -> dict[str, float]:
    """Return by how much more confidence each mood needs, -`LIMIT` to `LIMIT`; those as ever are left out."""
    moved: Counter[str] = Counter()
    hundredths = {True: -round(100 * RIGHT_STEP), False: round(100 * WRONG_STEP)}
    for answer in answers:
        moved[answer.decided] += hundredths[answer.right]
        if answer.mood and not answer.right:
            moved[answer.mood] -= hundredths[False]
    return {
        mood: max(-LIMIT, min(LIMIT, by / 100))
        for mood, by in moved.items()
        if by and mood not in {UNKNOWN, NOBODY}  # which need no confidence
    }


class Calibrator:
    """One room's calibration, and the baseline that is being measured.

    Attributes:
        state: What is kept.
        factors: See `factors`.
        shifts: See `shifts`.
        measuring_until: When the baseline is done; `None` where none is being measured.
        samples: Faces that it has so far.
        problem: Why the last one came to nothing; empty where it did not.
    """

    def __init__(self, saved: Calibration) -> None:
        self.problem = ""
        self.measuring_until: float | None = None
        self.stop()
        self._keep(saved)
        if saved.baseline and not rests(saved.baseline):
            self.forget_baseline()
            self.problem = no_rest(saved.baseline.distribution)

    def start(self, now: float) -> None:
        """Measure neutral faces for a minute, beginning anew."""
        self.stop()
        self.problem = ""
        self.measuring_until = now + MEASURE_S

    def give_up(self, why: str) -> None:
        """Drop what is being measured, if anything, and keep the reason."""
        if self.measuring_until is not None:
            self.problem = why
        self.stop()

    def stop(self) -> None:
        """Drop what is being measured."""
        self.measuring_until = None
        self.samples = 0
        self._weight = 0.0
        self._sums: dict[str, float] = {}
        self._logs: dict[str, float] = {}

    def corrected(self, observation: Observation) -> Observation:
        """Return an observation as it is to be understood of these people."""
        if not self.factors:
            return observation
        return replace(observation, probabilities=corrected(observation.probabilities, self.factors))

    def observe(self, observation: Observation) -> None:
        """Take a face, in case one is being measured."""
        if self.measuring_until is None or not 0 < self.measuring_until - observation.at <= MEASURE_S:
            return
        self.samples += 1
        self._weight += observation.quality
        for label, probability in observation.probabilities.items():
            self._sums[label] = self._sums.get(label, 0.0) + observation.quality * probability
        for label, log in logs(observation.probabilities).items():
            self._logs[label] = self._logs.get(label, 0.0) + observation.quality * log

    def look(self, now: float) -> None:
        """Finish the measurement when its time has come."""
        if self.measuring_until is None or 0 < self.measuring_until - now <= MEASURE_S:
            return
        baseline = self._measured(now)
        if baseline is None:
            self.problem = (
                f"only {self.samples} faces were seen in a minute, {LEAST_SAMPLES} are needed: "
                "look at the camera with a resting face and start again"
            )
        elif not rests(baseline):
            self.problem = no_rest(baseline.distribution)
        else:
            self._keep(self.state.model_copy(update={"baseline": baseline}))
        self.stop()

    def _measured(self, now: float) -> Baseline | None:
        if self.samples < LEAST_SAMPLES or not self._weight:
            return None
        shares, mean_logs = (
            {label: round(value / self._weight, 4) for label, value in sums.items()}
            for sums in (self._sums, self._logs)
        )
        return Baseline(measured_at=_utc(now), samples=self.samples, distribution=shares, logs=mean_logs)

    def answer(self, decided: str, now: float, *, right: bool, mood: str | None) -> None:
        """Take a person's answer to "was this right?"."""
        answer = Feedback(at=_utc(now), decided=decided, right=right, mood=None if right else mood)
        self._keep(self.state.model_copy(update={"answers": (*self.state.answers, answer)[-MAX_ANSWERS:]}))

    def forget_baseline(self) -> None:
        """Take faces as the model reads them."""
        self.stop()
        self.problem = ""
        self._keep(self.state.model_copy(update={"baseline": None}))

    def forget_answers(self) -> None:
        """Give every mood its confidence back."""
        self._keep(self.state.model_copy(update={"answers": ()}))

    def _keep(self, state: Calibration) -> None:
        self.state = state
        self.factors, self.shifts = factors(state.baseline), shifts(state.answers)


def _utc(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)
