"""The taught moods of this process: one state file, which several processes of the service may share."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from services.contracts.messages import CustomMoods
from services.inference.custom_moods import Reader, readers, told
from services.inference.state import TaughtMood, TaughtMoods
from services.runtime.state import StateFile

log = logging.getLogger(__name__)

Change = Callable[[Sequence[TaughtMood]], tuple[TaughtMood, ...]]
Stamped = tuple[tuple[int, int] | None, Sequence[TaughtMood]]
"""Moods, and the stamp of the file that they are from."""


class KeptMoods:
    """The moods, what reads each, and the version of the model that is served.

    Args:
        path: The state file.
        tell: Called with what the house is to know, at every change.

    Attributes:
        readers: What reads each mood.
        served: The version that is served; `None` before it is known.
    """

    def __init__(self, path: Path, tell: Callable[[CustomMoods], None]) -> None:
        self.readers: Sequence[Reader] = ()
        self.served: int | None = None
        self._file = StateFile(path, TaughtMoods)
        self._tell = tell
        self._stamp: tuple[int, int] | None = None
        self._told: CustomMoods | None = None
        self._changing = asyncio.Lock()
        self._known = False  # before they were read once nobody is told that there are none

    @property
    def moods(self) -> Sequence[TaughtMood]:
        """The moods without their readers."""
        return [one.kept for one in self.readers]

    @property
    def damaged(self) -> str:
        """What is wrong where the file was damaged, and still holds what the house was taught; empty else."""
        if not self._file.aside.exists():
            return ""
        return (
            f"the taught moods were damaged: they are not read and lie in {self._file.aside}; forget one of them "
            "(`moodring moods forget NAME`) to have that file deleted, or teach them again"
        )

    async def discard_damaged(self) -> bool:
        """Delete a damaged file that was set aside: nobody knows whose faces are in it. Return whether there was one.

        Raises:
            OSError: It cannot be deleted.
        """
        there = self._file.aside.exists()
        await asyncio.to_thread(self._file.aside.unlink, missing_ok=True)
        return there

    async def refresh(self) -> None:
        """Take up what another process may have written, and tell the house where it does not know.

        Raises:
            UnreadableStateError: They cannot be read.
            OSError: Whether they changed cannot be seen.
        """
        async with self._changing:
            if self._file.stamp != self._stamp:
                await self._take(*await asyncio.to_thread(self._claimed))
            self._known = True
        self._announce()

    async def change(self, change: Change) -> None:
        """Change the moods; on the disk when this returns.

        Raises:
            UnreadableStateError: They cannot be read.
            OSError: They cannot be written.
        """
        async with self._changing:
            await self._take(*await asyncio.to_thread(self._changed, change))
            self._known = True
        self._announce()

    def serve(self, version: int) -> None:
        """Know which version of the model is served; moods that were taught on another one are set aside."""
        if version != self.served:
            self.served = version
            for one in self.moods:
                if problem := self.problem(one):
                    log.warning("the mood %s: %s", one.mood, problem)
            self._announce()

    def problem(self, kept: TaughtMood) -> str:
        """Return why a mood is not read at the moment; empty where it is."""
        if self.served in {None, kept.model_version}:
            return ""
        return (
            f"it was taught on version {kept.model_version} of the model and is set aside: version {self.served} is "
            "served, whose numbers mean something else; teach it again"
        )

    def _load(self) -> Stamped:
        stamp = self._file.stamp  # the first: what another process writes meanwhile has another one, and is read next
        return stamp, (self._file.load() or TaughtMoods()).moods

    def _claimed(self) -> Stamped:
        with contextlib.suppress(OSError), self._file.claimed():  # or two set a damaged file aside, and one a good one
            return self._load()
        return self._load()  # where nothing can be written, it can be read

    def _changed(self, change: Change) -> Stamped:
        with self._file.claimed():
            _, before = self._load()
            moods = change(before)
            self._file.save(TaughtMoods(moods=moods))
            return self._file.stamp, moods

    async def _take(self, stamp: tuple[int, int] | None, moods: Sequence[TaughtMood]) -> None:
        self.readers = await asyncio.to_thread(readers, moods, self.readers)
        self._stamp = stamp

    def _announce(self) -> None:
        """Tell the house what changed; nothing where nothing was ever kept: another worker's word stands."""
        news = told(self.moods, self.served)
        kept = self._stamp is not None or self._told is not None
        if self._known and kept and news != self._told:
            self._told = news
            self._tell(news)
