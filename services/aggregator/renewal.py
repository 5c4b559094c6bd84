"""When things happen in a simulated room: renewal processes, and alternating ones (Cox, "Renewal Theory", 1962).

Times are in frames; what is returned has a value for each of them, shape (frames,). Pure: the randomness comes in.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]
Flags = NDArray[np.bool_]
Random = np.random.Generator


def spells(random: Random, frames: int, mean: float) -> Whole:
    """Return the number of the spell that each frame is in; spells last `mean` frames on average."""
    ends = np.cumsum(random.exponential(mean, size=int(2 * frames / mean) + 50))
    return np.searchsorted(ends, np.arange(frames), side="right")


def bursts(random: Random, frames: int, every: float, lasting: float) -> Flags:
    """Return whether each frame is in a burst: on average they come `every` and last `lasting` frames."""
    lengths = random.exponential((every, lasting), size=(int(2 * frames / every) + 50, 2))
    return _odd(lengths, frames)


def flashes(random: Random, frames: int, every: float, lasting: Sequence[float]) -> Flags:
    """Return whether each frame is in a flash; each lasts from `lasting[0]` to `lasting[1]` frames."""
    count = int(2 * frames / every) + 50
    lengths = np.stack([random.exponential(every, count), random.uniform(lasting[0], lasting[1], count)], axis=1)
    return _odd(lengths, frames)


def _odd(lengths: Floats, frames: int) -> Flags:
    """Return whether each frame is in the second of the pairs of stretches of these lengths (N, 2)."""
    stretch = np.searchsorted(np.cumsum(lengths), np.arange(frames), side="right")
    return (stretch % 2).astype(np.bool_)


def changed(values: Whole | Flags) -> Flags:
    """Return whether each frame differs from the one before; the first does not."""
    return np.concatenate([[False], values[1:] != values[:-1]])


def starts(flags: Flags) -> Flags:
    """Return whether something starts in each frame: it is so there, and was not in the one before."""
    return np.logical_and(changed(flags), flags)


def drawn(random: Random, starts: Flags, shares: list[float]) -> Whole:
    """Return an index for each frame, drawn anew by these shares where something starts."""
    drawn = random.choice(len(shares), size=int(starts.sum()) + 1, p=np.array(shares) / sum(shares))
    return drawn[np.cumsum(starts)]
