"""The command line: `python -m services …`, installed as `moodring …`."""

from services.runtime.terminal import prepare_for_ctrl_c

if __name__ == "__main__":
    prepare_for_ctrl_c()  # first: the imports below take a second

import argparse
import asyncio
import contextlib
import ctypes
import logging
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from services import __version__
from services.runtime import blas, logs, settings
from services.runtime.runner import end_on_signals
from services.runtime.service import SetupError
from services.runtime.settings import Settings
from services.upkeep.commands import add_commands

M_ARENA_MAX, M_MMAP_THRESHOLD, M_TRIM_THRESHOLD = -8, -3, -1
MALLOC = {M_ARENA_MAX: 2, M_MMAP_THRESHOLD: 1 << 20, M_TRIM_THRESHOLD: 1 << 19}
"""Heaps, and two limits in bytes, by their numbers in glibc's malloc.h."""
SWITCH_S = 0.0005
"""After which a thread has to let another have the interpreter. By Python's default, ten times as long, a thread that
comes back from OpenCV waits for the event loop longer than it has worked."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    blas.bound(os.environ)  # no command has imported numpy yet
    options = _parser().parse_args(arguments)
    try:
        early = os.environ.get(settings.variable("logs.form"))  # what is known before the rest is
        if options.logged and early == "json":
            logs.configure("info", "json")
        try:
            loaded = settings.load()
        except SetupError as error:
            if options.without_settings is None:
                raise
            return int(options.without_settings(options, error))
        logs.configure(loaded.logs.level, loaded.logs.form if options.logged else "text")
        if options.command is not _run:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        code: int = options.command(options, loaded)
        sys.stdout.flush()
    except BrokenPipeError:  # `moodring config | head`: who reads has enough, and the interpreter flushes once more
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except SetupError as error:
        logs.say(str(error), level=logging.ERROR, stream=sys.stderr)
        return 1
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="moodring", description="Music that follows, or lifts, the mood of a room.")
    parser.add_argument("--version", action="version", version=__version__)
    parser.set_defaults(without_settings=None)  # what a command says where the settings are wrong
    parser.set_defaults(logged=False)  # what people type answers in lines for them, whatever the logs' form
    commands = parser.add_subparsers(required=True, metavar="command")
    run = commands.add_parser("run", help="run all services in one process, or the named ones")
    run.add_argument("services", nargs="*", metavar="service", help="camera, inference, … ; all without a name")
    run.set_defaults(command=_run, logged=True)
    commands.add_parser("config", help="list all settings").set_defaults(command=_config)
    migrate = commands.add_parser("migrate", help="bring the database to this version")
    migrate.set_defaults(command=_migrate, logged=True)
    commands.add_parser("models", help="fetch the face detector's file").set_defaults(command=_models)
    _add_recordings(commands)
    add_commands(commands, logs.say)
    return parser


def _add_recordings(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    record = commands.add_parser("record", help="write a room's observations to a file (probabilities, no pictures)")
    record.add_argument("--minutes", type=float, default=60, help="how long at most (60)")
    record.add_argument("--megabytes", type=float, default=100, help="how much at most (100)")
    replay = commands.add_parser("replay", help="decide a recording afresh")
    replay.add_argument("--plot", type=Path, metavar="PNG", help="draw it")
    replay.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="try a setting of `aggregator`")
    taught = "what the room was taught, as `GET /api/rooms/{room}/calibration` says it"
    replay.add_argument("--calibration", type=Path, metavar="JSON", help=taught)
    simulate = commands.add_parser("simulate", help="write a simulated room, as if it had been recorded")
    simulate.add_argument("--hours", type=float, default=1, help="how much is simulated (1)")
    simulate.add_argument("--seed", type=int, default=1, help="the same one makes the same room (1)")
    simulate.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="such as `misread_s=3`")
    for command, act in ((record, _record), (replay, _replay), (simulate, _simulate)):
        command.add_argument("file", type=Path, help="of JSON lines, such as evening.jsonl")
        command.add_argument("--room", help="the room, where it is not this process's or the file's first")
        command.set_defaults(command=act)


def _run(options: argparse.Namespace, loaded: Settings) -> int:
    _bound_memory()
    sys.setswitchinterval(SWITCH_S)
    return asyncio.run(_serve(options.services, loaded))


async def _serve(names: Sequence[str], loaded: Settings) -> int:
    end_on_signals()
    logs.say("starting …")
    from services.assembly import SERVICES, assembled, chosen  # the signals first: this takes a second
    from services.runtime import traces
    from services.upkeep.doctor import short

    names = chosen(names, loaded)
    for finding in short(loaded, names):
        logs.say(f"{finding.part}: {finding.what} → {finding.do}", level=logging.ERROR)
    with traces.sent_to(loaded.traces.endpoint), contextlib.suppress(asyncio.CancelledError):
        async with assembled(names, loaded, logs.say) as product:
            if product.first_token:
                print(f"moodring: the admin token, shown this once: {product.first_token}", flush=True)  # not logged
            what_now = " (open it in a browser; Ctrl-C stops)" if names == SERVICES else ""
            logs.say(f"ready: {product.address}{what_now}")
            await product.failed.wait()
    logs.say("stopped")
    return 0


def _bound_memory() -> None:
    """Have glibc give back what is freed: by itself it keeps tens of megabytes, in a heap per thread and in each heap.

    A frame of 640 x 480 still comes from a heap: the system takes 0.1 ms to hand out as much anew.
    """
    with contextlib.suppress(AttributeError, OSError):
        mallopt = ctypes.CDLL(None).mallopt
        for parameter, value in MALLOC.items():
            mallopt(parameter, value)


def _config(_options: argparse.Namespace, loaded: Settings) -> int:
    values = loaded.model_dump(mode="json")
    for key, field in settings.keys().items():
        section, _, name = key.rpartition(".")
        value = (values[section] if section else values)[name]
        print(f"{key} = {settings.shown(value)}\n    {field.description}\n    {settings.variable(key)}\n")
    return 0


def _migrate(_options: argparse.Namespace, loaded: Settings) -> int:
    from services.recommender.migrate import migrate

    migrate(loaded)
    return 0


def _models(_options: argparse.Namespace, loaded: Settings) -> int:
    from services.vision.download import DownloadError, fetch_yunet

    try:
        logs.say(f"the face detector YuNet is in {fetch_yunet(loaded.data / 'models')}")
    except DownloadError as error:
        raise SetupError(str(error)) from error
    return 0


def _record(options: argparse.Namespace, loaded: Settings) -> int:
    from services.aggregator.commands import record

    return record(options, loaded, logs.say)


def _replay(options: argparse.Namespace, loaded: Settings) -> int:
    from services.aggregator.commands import replay_file

    return replay_file(options, loaded, print)


def _simulate(options: argparse.Namespace, loaded: Settings) -> int:
    from services.aggregator.commands import simulate_file

    return simulate_file(options, loaded, logs.say)


if __name__ == "__main__":
    ended = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(ended)  # everything is closed: what is left is a second of taking modules apart
