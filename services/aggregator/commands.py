"""The aggregator's part of the command line: record, replay and simulate a room's observations."""

import asyncio
import contextlib
import math
import os
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from pydantic import ValidationError

from services.aggregator.account import told
from services.aggregator.assignments import changed, varied
from services.aggregator.errors import BadRecordingError
from services.aggregator.lesson import Lesson
from services.aggregator.recorder import Recorder
from services.aggregator.recording import Line, read
from services.aggregator.replay import Look, replay
from services.aggregator.scenario import LEAST_HOURS, MAX_FRAMES, Scenario
from services.aggregator.state import Calibration
from services.contracts.channels import allowed, misnamed
from services.contracts.moods import Point
from services.contracts.wrong import first_wrong
from services.runtime.mood_settings import MoodRules
from services.runtime.mqtt import MqttBus
from services.runtime.runner import end_on_signals
from services.runtime.service import SetupError
from services.runtime.settings import Settings, redact

CONNECT_S = 10.0
LOCAL_BROKER = "mqtt://127.0.0.1:1883"
"""Where `moodring run` has its broker; it says so where it had to take another port."""

Say = Callable[[str], None]


def record(options: Namespace, settings: Settings, say: Say) -> int:
    """Write a room's observations to a file until it is full, its time is over or Ctrl-C."""
    room = _named(options, settings)
    for option, value in (("minutes", options.minutes), ("megabytes", options.megabytes)):
        if not 0 < value < math.inf:
            raise SetupError(f"--{option} {value:g}: it has to be a number above 0")
    with _written(options.file) as file:
        recorder, connected = asyncio.run(_record(options, settings, room, file, say))
        if recorder.failed:
            raise recorder.failed
    if not options.file.exists():
        why = "--room names another room" if connected else "the broker was away"
        say(f"nothing was heard of the room {room}, so there is no {options.file}; {why}")
        return 1
    say(f"{counted(recorder.frames, 'frame')} with faces: {options.file}")
    return 0


async def _record(options: Namespace, settings: Settings, room: str, file: TextIO, say: Say) -> tuple[Recorder, bool]:
    """Return what was recorded, and whether the broker was there at the end."""
    end_on_signals()
    url = LOCAL_BROKER if settings.mqtt.url == "embedded:" else settings.mqtt.url
    recorder = Recorder(file, room, max_bytes=int(options.megabytes * 1_000_000))
    bus = MqttBus(
        url, prefix=settings.mqtt.prefix, client_id=f"{settings.mqtt.prefix}-record-{os.getpid()}",
        ca_file=settings.mqtt.ca_file, embedded=True,
    )  # fmt: skip
    connected = False
    with contextlib.suppress(asyncio.CancelledError):
        async with bus:
            recorder.listen(bus)
            try:
                async with asyncio.timeout(CONNECT_S):
                    await bus.wait_connected()
            except TimeoutError:
                raise SetupError(
                    f"no broker answers at {redact(url)}; start Moodring first, or set MOODRING_MQTT_URL"
                ) from None
            say(f"recording the room {room} for {counted(options.minutes, 'minute')} at most (Ctrl-C stops)")
            try:
                async with asyncio.timeout(options.minutes * 60):
                    await recorder.full.wait()
            except TimeoutError:
                pass
            finally:
                connected = bus.connected
    return recorder, connected


def replay_file(options: Namespace, settings: Settings, say: Say) -> int:
    """Decide a recording afresh, print what is decided, and draw it."""
    plot = _plotting(options.plot) if options.plot else None
    calibration = _taught(options.calibration) if options.calibration else None
    try:
        with options.file.open("rb") as file:
            everything = read(file, lambda number: say(f"line {number} was cut while it was written; it is left out"))
            lines, rules = _of_one_room(everything, options, settings)
            looks = list(replay(lines, rules, calibration))
    except OSError as error:
        raise SetupError(f"{options.file} cannot be read: {error}") from error
    except BadRecordingError as error:
        raise SetupError(f"{options.file} {error}") from error
    if not looks:
        raise SetupError(_nothing_of(options))
    for line in told(looks, rules.window_s + rules.dwell_s, taught=calibration is not None):
        say(line)
    if plot:
        try:
            plot(looks, options.plot, options.file.name, rules.points)
        except OSError as error:
            raise SetupError(f"{options.plot} cannot be written: {error.strerror}") from error
        say(f"drawn in {options.plot}")
    return 0


def _taught(path: Path) -> Calibration:
    """Return a room's calibration from a file of what the REST API says of it."""
    try:
        lesson = Lesson.model_validate_json(path.read_bytes())
    except OSError as error:
        raise SetupError(f"--calibration {path} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        how = "it has to be what `GET /api/rooms/{room}/calibration` says"
        raise SetupError(f"--calibration {path}: {first_wrong(error)}; {how}") from error
    return Calibration(baseline=lesson.baseline, answers=lesson.answers)


def simulate_file(options: Namespace, settings: Settings, say: Say) -> int:
    """Write a simulated room, with the truth, as if it had been recorded."""
    try:
        from services.aggregator.simulation import lines, load_noise, simulate
    except ModuleNotFoundError as error:
        raise SetupError(f"{error.name} is missing: pip install 'moodring[replay]'") from error
    scenario, room = varied(Scenario(), options.set), _named(options, settings)
    most = MAX_FRAMES / 3600 / scenario.fps
    if not LEAST_HOURS <= options.hours <= most:
        bounds = f"from {LEAST_HOURS:g} to {most:g}, at {scenario.fps} frames a second"
        raise SetupError(f"--hours {options.hours:g}: it has to be {bounds}")
    if options.seed < 0:
        raise SetupError(f"--seed {options.seed}: it has to be 0 or more")
    stream = simulate(scenario, load_noise(), seconds=round(options.hours * 3600), seed=(options.seed,))
    with _written(options.file) as file:
        file.writelines(line.written() for line in lines(stream, room))
    say(f"{counted(options.hours, 'simulated hour')}: {options.file}")
    return 0


def _named(options: Namespace, settings: Settings) -> str:
    """Return the room that is asked for, or this process's."""
    room: str = options.room or settings.room
    if not allowed("room", room):
        raise SetupError(misnamed("room", room))
    return room


def _of_one_room(
    everything: Iterator[Line], options: Namespace, settings: Settings
) -> tuple[Iterator[Line], MoodRules]:
    """Return the lines of the room asked for, or of the first one in the file, and its rules."""
    first = next(everything, None)
    room = options.room or (first.room if first else settings.room)
    rules = changed(settings.aggregator, options.set).of(room)
    return (line for line in _chained(first, everything) if line.room == room), rules


def _chained(first: Line | None, rest: Iterator[Line]) -> Iterator[Line]:
    if first:
        yield first
        yield from rest


def _nothing_of(options: Namespace) -> str:
    """Return what is said of a recording without the room that was asked for."""
    with options.file.open("rb") as file:
        rooms = sorted({line.room for line in read(file)})
    if not rooms:
        return f"{options.file} holds nothing"
    return f"{options.file} holds nothing of the room {options.room}, but of {', '.join(rooms)}; --room names one"


def _plotting(path: Path) -> Callable[[Sequence[Look], Path, str, Mapping[str, Point]], None]:
    """Return what draws, before anything is worked out for it."""
    if path.suffix.lower() != ".png":
        raise SetupError(f"--plot {path}: a PNG is drawn, so its name has to end in .png")
    if not path.parent.is_dir():
        raise SetupError(f"--plot {path}: there is no folder {path.parent}; make it first")
    try:
        from services.aggregator.plots import plot
    except ModuleNotFoundError as error:
        raise SetupError(f"{error.name} is missing, which draws: pip install 'moodring[replay]'") from error
    return plot


def counted(number: float, what: str) -> str:
    """Return how many there are, such as `1 hour` and `0.5 hours`."""
    return f"{number:g} {what}{'' if number == 1 else 's'}"


@contextmanager
def _written(path: Path) -> Iterator[TextIO]:
    """Open a new file that only its owner may read; it is removed where nothing comes into it."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise SetupError(f"{path} exists; name another file, or remove it") from error
    except OSError as error:
        raise SetupError(f"{path} cannot be written: {error.strerror}") from error
    try:
        with open(descriptor, "w", encoding="utf-8") as file:  # noqa: PTH123 -- of a descriptor
            yield file
    except OSError as error:
        raise SetupError(f"{path} cannot be written on: {error.strerror}; what is in it can be replayed") from error
    finally:
        if not path.stat().st_size:
            path.unlink()
