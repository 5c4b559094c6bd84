"""The versions of a model that are served: found in its folder, loaded beside those that answer, and labelled."""

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from enum import IntEnum
from pathlib import Path
from typing import Final, NamedTuple

from prometheus_client import Gauge

from services.contracts.tfserving_pb2 import ModelVersionStatus
from services.inference import model_folder
from services.inference.litert import LiteRtModel
from services.inference.model_folder import ModelFolder
from services.runtime.service import SetupError

log = logging.getLogger(__name__)

REMEMBERED: Final = 16
"""Versions that have ended and still have a state."""

AVAILABLE = Gauge("moodring_model_server_version_available", "1 for a version that answers", ["model", "version"])


class State(IntEnum):
    """TensorFlow Serving's states of a version (get_model_status.proto)."""

    LOADING = ModelVersionStatus.LOADING
    AVAILABLE = ModelVersionStatus.AVAILABLE
    END = ModelVersionStatus.END


class Condition(NamedTuple):
    """How a version does, and what ended it where something did."""

    state: State
    problem: str = ""


class Versions:
    """The newest versions in `models/<name>/`, and those that have a label in its `labels.json`.

    As in TensorFlow Serving a version is loaded before an older one goes, and one that does not load replaces
    none: the next older one is served in its place, also from the start. A version is loaded once: changed weights are
    a new version. Whatever is wrong with one version, label or file, the others are served, and followed.
    """

    def __init__(
        self, models: Path, name: str, *, keep: int = 1, load: Callable[[ModelFolder], LiteRtModel] = LiteRtModel
    ) -> None:
        self.name = name
        """The model's name."""
        self.labels: Mapping[str, int] = {}
        """The version of each label."""
        self.conditions: dict[int, Condition] = {}
        """How each known version does."""
        self._models = models
        self._keep = keep
        self._load = load
        self._loaded: dict[int, LiteRtModel] = {}

    async def start(self) -> None:
        """Load what is there; the next look says again what is wrong with some of it.

        Raises:
            SetupError: No version loads.
        """
        problem = await self.look()
        if not self._loaded:
            raise SetupError(problem)

    async def look(self) -> str:
        """Load what is new, let go what is old, and return what is wrong with the folder, or nothing."""
        try:
            found = await asyncio.to_thread(model_folder.versions, self._models, self.name)
        except SetupError as error:
            return self._told([str(error)])
        if not found:
            return self._told([model_folder.nothing_in(self._models, self.name)])
        wanted, problems = set[int](), list[str]()
        labels = await self._read_labels(found, problems)
        for version in found:
            if len(wanted) >= self._keep and version not in labels.values():
                continue
            if problem := await self._bring(version):
                problems.append(problem)
            else:
                wanted.add(version)
        self.labels = self._answering(labels)
        if wanted:
            for version in set(self._loaded) - wanted - set(self.labels.values()):
                self._let_go(version)
        return self._told(problems)

    def find(self, version: int | None) -> LiteRtModel | None:
        """Return a version that answers, the newest for `None`; `None` where there is none."""
        return self._loaded.get(max(self._loaded, default=0) if version is None else version)

    async def _read_labels(self, found: Collection[int], problems: list[str]) -> Mapping[str, int]:
        """Return the version of each label, the labels as they were where the file is wrong, and add what is wrong."""
        try:
            labels = await asyncio.to_thread(model_folder.version_labels, self._models, self.name)
        except SetupError as error:
            problems.append(str(error))
            return self.labels
        problems += [
            model_folder.label_of_nothing(self._models, self.name, *one)
            for one in labels.items()
            if one[1] not in found
        ]
        return labels

    def _answering(self, labels: Mapping[str, int]) -> dict[str, int]:
        """Return the version that each label means: the one before where that does not load, or is not there."""
        meant = {
            label: version if version in self._loaded else self.labels.get(label, version)
            for label, version in labels.items()
        }
        return {label: version for label, version in meant.items() if version in self._loaded}

    def _told(self, problems: Sequence[str]) -> str:
        """Return what is wrong in one line, and what is served for all that."""
        if not problems or not self._loaded:
            return "; ".join(problems)
        labelled = [f"{label} means version {version}" for label, version in self.labels.items()]
        served = ", and ".join((f"version {max(self._loaded)} answers meanwhile", *labelled))
        return "; ".join((*problems, served))

    async def _bring(self, version: int) -> str:
        """Load a version, where it is not; return why it cannot be served, or nothing."""
        if version in self._loaded:
            return ""
        before = self.conditions.get(version)
        self.conditions[version] = Condition(State.LOADING)
        try:
            folder = await asyncio.to_thread(model_folder.read, self._models, self.name, version)
            model = await asyncio.to_thread(self._load, folder)
        except SetupError as error:
            problem = str(error)
        except Exception as error:  # whatever a version does to us, the others are to be served
            problem = f"version {version} cannot be loaded ({error!r}); it is tried again"
            if before != Condition(State.END, problem):
                log.exception("model %s, version %d, cannot be loaded", self.name, version)
        else:
            self._loaded[version] = model
            self.conditions[version] = Condition(State.AVAILABLE)
            AVAILABLE.labels(self.name, version).set(1)
            log.info("model %s, version %d, is served", self.name, version)
            return ""
        self.conditions[version] = Condition(State.END, problem)
        return problem

    def close(self) -> None:
        """Let every version go."""
        for version in list(self._loaded):
            self._let_go(version)

    def _let_go(self, version: int) -> None:
        """Forget a version; requests that hold it end first."""
        del self._loaded[version]
        self.conditions[version] = Condition(State.END)
        AVAILABLE.remove(self.name, str(version))
        log.info("model %s, version %d, is served no more", self.name, version)
        ended = sorted(each for each, one in self.conditions.items() if one.state is State.END)
        for each in ended[:-REMEMBERED]:
            del self.conditions[each]
