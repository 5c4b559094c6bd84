"""The taught moods of this process: one state file, which several processes of the service may share."""

import asyncio
import json
import logging
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Final

from services.contracts.messages import CustomMoods
from services.inference.custom_moods import Reader, find, readers, told
from services.inference.predictor import Origin
from services.inference.state import TaughtMood, TaughtMoods
from services.runtime.state import Stamp, StateFile, stamp_of

log = logging.getLogger(__name__)

PARTS: Final = ("moods.*",)
"""What may be left out of a damaged file: a mood that is wrong, and none of the others."""

Change = Callable[[Sequence[TaughtMood]], tuple[TaughtMood, ...]]
Accept = Callable[[Sequence[Reader]], None]
"""Looks at what reads the changed moods before they are kept, and raises where they should not be."""


class KeptMoods:
    """The moods, what reads each, and the model that is served.

    Args:
        path: The state file.
        tell: Called with what the house is to know, at every change.
        first: Whether this is the worker that also says that no mood was ever taught. Another one says nothing until
            something is kept where it looks: it may know less than the first.

    Attributes:
        readers: What reads each mood.
        served: The model that is served, and its version; `None` before it is known.
    """

    def __init__(self, path: Path, tell: Callable[[CustomMoods], None], *, first: bool = True) -> None:
        self.readers: Sequence[Reader] = ()
        self.served: Origin | None = None
        self._file = StateFile(path, TaughtMoods, PARTS)
        self._tell = tell
        self._first = first
        self._stamp: Stamp = None
        self._told: CustomMoods | None = None
        self._changing = asyncio.Lock()
        self._damage: tuple[Stamp, str] = None, ""  # what is said of the damaged file with this stamp
        self._known = False  # before they were read once nobody is told that there are none

    @property
    def moods(self) -> Sequence[TaughtMood]:
        """The moods without their readers."""
        return [one.kept for one in self.readers]

    @property
    def damaged(self) -> str:
        """What is wrong where the file was damaged, and still holds what the house was taught; empty else."""
        try:
            if (stamp := stamp_of(self._file.aside)) != self._damage[0]:
                self._damage = stamp, self._damage_in(self._file.read_aside())
        except OSError:
            return ""
        return self._damage[1]

    async def refresh(self) -> None:
        """Take up what another process may have written, and tell the house where it does not know.

        Raises:
            UnreadableStateError: They cannot be read.
            OSError: Whether they changed cannot be seen.
        """
        async with self._changing:
            if self._file.stamp != self._stamp:
                self._stamp, self.readers = await asyncio.to_thread(self._claimed)
            self._known = True
        self._announce()

    async def change(self, change: Change, accept: Accept = lambda _: None) -> None:
        """Change the moods; on the disk when this returns.

        Args:
            change: Returns other moods, given those that are kept.
            accept: Has the last word.

        Raises:
            UnreadableStateError: They cannot be read.
            OSError: They cannot be written.
        """
        async with self._changing:
            self._stamp, self.readers = await asyncio.to_thread(self._changed, change, accept)
            self._known = True
        self._announce()

    async def forget(self, mood: str) -> None:
        """Forget a mood: it is gone from the disk when this returns, from a damaged file that was set aside, too.

        Raises:
            NoSuchMoodError: No such mood was taught.
            UnreadableStateError: They cannot be read.
            OSError: They cannot be written.
        """

        def without(moods: Sequence[TaughtMood]) -> tuple[TaughtMood, ...]:
            left = tuple(one for one in moods if one.mood != mood)
            known = len(left) < len(moods)
            if not self._discard([one.mood for one in left], mood, known=known):
                find(moods, mood)
            return left

        await self.change(without)

    def serve(self, origin: Origin) -> None:
        """Know which model is served; moods that were taught on another one, or version, are set aside."""
        if origin != self.served:
            self.served = origin
            for one in self.moods:
                if problem := self.problem(one):
                    log.warning("the mood %s: %s", one.mood, problem)
            self._announce()

    def problem(self, kept: TaughtMood) -> str:
        """Return why a mood is not read at the moment; empty where it is."""
        if self.served in {None, kept.origin}:
            return ""
        return (
            f"it was taught on the model {kept.origin}, and is set aside: {self.served}, is served, whose numbers mean "
            "something else; teach it again"
        )

    def _load(self) -> tuple[Stamp, Sequence[TaughtMood]]:
        stamp = self._file.stamp  # the first: what another process writes meanwhile has another one, and is read next
        return stamp, (self._file.load() or TaughtMoods()).moods

    def _claimed(self) -> tuple[Stamp, Sequence[Reader]]:
        try:
            with self._file.claimed():  # or two set a damaged file aside, and one a good one
                stamp, moods = self._load()
        except OSError:  # where nothing can be written, it can be read
            stamp, moods = self._load()
        return stamp, readers(moods, self.readers)

    def _changed(self, change: Change, accept: Accept) -> tuple[Stamp, Sequence[Reader]]:
        with self._file.claimed():
            _, before = self._load()
            moods = change(before)
            made = readers(moods, self.readers)
            accept(made)
            self._discard([one.mood for one in (*before, *moods)])  # which are kept, or were let go on purpose
            self._file.save(TaughtMoods(moods=moods))
            return self._file.stamp, made

    def _discard(self, kept: Collection[str], forgotten: str = "", *, known: bool = False) -> bool:
        """Take what is kept or forgotten out of a damaged file that was set aside; return whether the latter was in it.

        Where nobody can say any more which faces are whose, the whole file goes with what is forgotten; what has lost
        its name goes with anything.
        """
        if (text := self._file.read_aside()) is None:
            return False
        if (moods := _by_name(text)) is None:
            there = bool(forgotten) and json.dumps(forgotten).encode() in text
            if there or known:
                self._file.replace_aside(None)
            return there
        left = [one for name, one in moods.items() if name not in {*kept, forgotten, ""}]
        self._file.replace_aside(json.dumps({"moods": left}).encode() if left else None)
        return forgotten in moods

    def _damage_in(self, text: bytes | None) -> str:
        """Say what is lost with a damaged file."""
        if text is None:
            return ""
        names = sorted((_by_name(text) or {}).keys() - {one.mood for one in self.moods} - {""})
        which = f" ({', '.join(names)})" if names else ""
        return (
            f"taught moods{which} were damaged: they are not read and lie in {self._file.aside}; forget them "
            "(`moodring moods forget NAME`), or teach them again, and delete that file"
        )

    def _announce(self) -> None:
        """Tell the house what changed."""
        news = told(self.moods, self.served)
        ours = self._first or self._stamp is not None or self._told is not None
        if self._known and ours and news != self._told:
            self._told = news
            self._tell(news)


def _by_name(text: bytes) -> dict[str, object] | None:
    """Return the moods in a damaged file by name, an empty one where that is lost; `None` where there is no telling."""
    try:
        moods = [one if isinstance(one, dict) else {} for one in json.loads(text)["moods"]]
    except (ValueError, LookupError, TypeError):
        return None
    return {name if isinstance(name := one.get("mood"), str) else "": one for one in moods}
