"""A circuit breaker before the model server: while it is away nobody waits for it to time out.

The three states are those of M. Nygard, "Release It!" (2007): closed, open, and half-open, in which one call tries.
"""

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray
from prometheus_client import Gauge

from services.inference.predictor import Prediction, Predictor, PredictorAwayError, PredictorError
from services.runtime.backoff import Backoff

FAILURES: Final = 3
"""Calls in a row without an answer that open the circuit."""
WAIT_S: Final = (1.0, 10.0)
"""First and longest time it stays open."""
AGAIN: Final = "trying again"
"""What comes after a call without an answer: frames come by themselves, and the status is asked from time to time."""

OPEN = Gauge("moodring_inference_circuit_open", "1 while the model server is not asked because it does not answer")


class Breaker:
    """A `Predictor` that stops asking another one after some failures, and tries it again from time to time.

    Args:
        predictor: Who is asked.
        timer: Seconds that never jump.
    """

    def __init__(self, predictor: Predictor, timer: Callable[[], float]) -> None:
        self._predictor = predictor
        self._timer = timer
        self._backoff = Backoff(*WAIT_S)
        self._failures = 0
        self._try_at = 0.0
        self._trying = False
        self._why = ""
        OPEN.set(0)

    @property
    def is_open(self) -> bool:
        """Whether calls end at once, but for one that tries."""
        return self._failures >= FAILURES

    async def predict(self, faces: NDArray[np.uint8], within_s: float | None = None) -> Prediction:
        """Classify a batch; see `Predictor`."""
        if self.is_open and (self._trying or self._timer() < self._try_at):
            raise PredictorAwayError(self._why)
        tries = self._trying = self.is_open
        try:
            prediction = await self._predictor.predict(faces, within_s)
        except PredictorAwayError as error:
            self._fail(error)
            raise PredictorAwayError(self._why or f"{error}; {AGAIN}") from error
        except PredictorError:
            self._close()  # a refusal is an answer, too
            raise
        finally:
            if tries:
                self._trying = False
        self._close()
        return prediction

    async def status(self) -> int:
        """Return the version that is served; after an answer it is asked again, until one more failure."""
        try:
            version = await self._predictor.status()
        except PredictorAwayError as error:
            raise PredictorAwayError(f"{error}; {AGAIN}") from error
        if self.is_open:
            self._failures = FAILURES - 1
            self._why = ""
            OPEN.set(0)
        return version

    def _fail(self, error: PredictorAwayError) -> None:
        self._failures += 1
        if self.is_open:
            self._try_at = self._timer() + self._backoff.next_s()
            self._why = f"{error}; circuit open: after {FAILURES} failures in a row faces are dropped until it answers"
            OPEN.set(1)

    def _close(self) -> None:
        self._failures = 0
        self._why = ""
        self._backoff.reset()
        OPEN.set(0)
