"""A circuit breaker before the model server: while it is away nobody waits for it to time out.

The three states are those of M. Nygard, "Release It!" (2007): closed, open, and half-open, in which one call tries.
"""

import logging
from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray
from prometheus_client import Gauge

from services.inference.predictor import Prediction, Predictor, PredictorAwayError, PredictorError
from services.runtime.backoff import Backoff
from services.runtime.health import Health

log = logging.getLogger(__name__)

FAILURES: Final = 3
"""Calls in a row without an answer that open the circuit."""
WAIT_S: Final = (1.0, 10.0)
"""First and longest time it stays open."""
AGAIN: Final = "trying again"
"""What comes after a call without an answer: frames come by themselves, and the status is asked from time to time."""

OPEN = Gauge("moodring_inference_circuit_open", "1 while the model server is not asked because it does not answer")


class Breaker:
    """A `Predictor` that stops asking another one after some failures, and tries it again from time to time.

    It alone says how the model server does, and goes by faces: a server can tell its status and classify nothing, or
    the other way round.

    Args:
        predictor: Who is asked.
        timer: Seconds that never jump.
        health: Hears of it, as the part `model_server`, which hinders once the circuit is open.
    """

    def __init__(self, predictor: Predictor, timer: Callable[[], float], health: Health) -> None:
        self._predictor = predictor
        self._timer = timer
        self._health = health
        self._backoff = Backoff(*WAIT_S)
        self._failures = 0
        self._blank = np.zeros((1, 48, 48, 1), np.uint8)  # as large as the frames' batch that had no answer last
        self._try_at = 0.0
        self._trying = False
        self._why = ""  # faces have no answer
        self._no_status = ""  # the status has none
        self._classified = False  # since the last look at the status
        OPEN.set(0)

    @property
    def is_open(self) -> bool:
        """Whether calls end at once, but for one that tries."""
        return self._failures >= FAILURES

    @property
    def problem(self) -> str:
        """What is wrong with the model server; empty where nothing is known to be."""
        return self._why or self._no_status

    async def predict(self, faces: NDArray[np.uint8], within_s: float | None = None) -> Prediction:
        """Classify a batch; see `Predictor`."""
        if self.is_open and (self._trying or self._timer() < self._try_at):
            raise PredictorAwayError(self._why)
        tries = self._trying = self.is_open
        try:
            return await self.insist(faces, within_s)
        except PredictorAwayError as error:
            raise PredictorAwayError(self._why) from error
        finally:
            if tries:
                self._trying = False

    async def insist(self, faces: NDArray[np.uint8], within_s: float | None = None) -> Prediction:
        """Classify a batch also while the circuit is open, as for somebody who waits for it; see `Predictor`."""
        try:
            prediction = await self._predictor.predict(faces, within_s)
        except PredictorAwayError as error:
            if within_s is None:  # else it is a photo's, for which nobody waits when it is tried
                self._blank = np.zeros_like(faces)
            self._fail(error)
            raise
        except PredictorError:
            self._close()  # a refusal is an answer, too
            raise
        self._classified, self._no_status = True, ""
        self._close()
        return prediction

    async def status(self) -> int:
        """Return the version that is served.

        Where faces had no answer last, as many empty ones are tried: nobody else does where nobody is seen. What comes
        of it is said to `health`.
        """
        try:
            version = await self._predictor.status()
        except PredictorAwayError as error:
            raise PredictorAwayError(self._miss(f"{error}; {AGAIN}")) from error
        except PredictorError as error:
            self._miss(str(error))
            raise
        self._no_status = ""
        self._classified = False
        if self._failures and not self._trying:
            await self._try()
        self._tell()
        return version

    async def _try(self) -> None:
        try:
            await self.insist(self._blank)
        except PredictorError as error:
            log.debug("still no answer: %s", error)

    def _miss(self, problem: str) -> str:
        """Note a status that is missing, unless faces were classified meanwhile."""
        self._no_status = "" if self._classified else problem
        self._classified = False
        self._tell()
        return problem

    def _fail(self, error: PredictorAwayError) -> None:
        self._failures += 1
        self._why = f"{error}; {AGAIN}"
        if self.is_open:
            self._try_at = self._timer() + self._backoff.next_s()
            self._why = f"{error}; circuit open: after {FAILURES} failures in a row faces are dropped until it answers"
            OPEN.set(1)
        self._tell()

    def _close(self) -> None:
        if self.is_open:
            log.info("the model server answers again")
        self._failures = 0
        self._why = ""
        self._backoff.reset()
        OPEN.set(0)
        self._tell()

    def _tell(self) -> None:
        hinders = self.is_open or bool(self._no_status)
        self._health.report("model_server", self.problem, hinders=hinders)
