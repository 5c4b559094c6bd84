"""How many threads numpy's matrices are worked out on, before numpy is imported."""

from collections.abc import MutableMapping
from typing import Final

THREADS: Final = "OPENBLAS_NUM_THREADS"
ASKED: Final = (THREADS, "GOTO_NUM_THREADS", "OMP_NUM_THREADS")
"""What OpenBLAS, which numpy's wheels hold, looks at; the first that is set counts."""


def bound(environment: MutableMapping[str, str]) -> None:
    """Have OpenBLAS use one thread, unless somebody has said how many.

    Ours are matrices of a few hundred faces: on several threads they take fifty times the processor's time, and minutes
    where other programs want the processor too, since each thread spins until it has all others beside it (measured).
    """
    if not any(name in environment for name in ASKED):
        environment[THREADS] = "1"
