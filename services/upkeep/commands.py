"""The command line's part for installations: doctor, first start, demo songs, tokens, taught moods, backups."""

import argparse
import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from services.runtime.service import SetupError
from services.runtime.settings import Settings
from services.runtime.state import private
from services.runtime.tokens import open_tokens
from services.upkeep import host_words
from services.upkeep.findings import by_way
from services.upkeep.first_start import prepare

Say = Callable[[str], None]


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", say: Say) -> None:
    """Add the commands; each is called with the options and the settings and returns the exit code.

    What a container runs by itself is `logged`: it speaks as its logs do, not as to whoever has typed it.
    """
    doctor = commands.add_parser("doctor", help="look at everything that Moodring needs, and say what to do")
    doctor.add_argument("services", nargs="*", metavar="service", help="what these need; everything without a name")
    doctor.add_argument("--json", action="store_true", help="for scripts")
    doctor.set_defaults(command=_doctor, without_settings=_doctor_without_settings)
    token = commands.add_parser("token", help="make an access token and print it, this once")
    token.add_argument("name", nargs="?", default="admin", help="what it is for (admin)")
    token.set_defaults(command=_token)
    songs = commands.add_parser("demo-songs", help="make the demo songs, unless there is music")
    songs.set_defaults(command=lambda _options, settings: _demo_songs(settings, say), logged=True)
    first = commands.add_parser("first-start", help="make the secrets and broker files of an installation")
    first.add_argument("volumes", type=Path, help="folder with one folder per volume")
    first.add_argument("--given", type=Path, default=Path("secrets"), help="folder with secrets of one's own")
    first.add_argument("--name", action="append", default=[], help="a name of this server, for TLS on the broker")
    first.set_defaults(command=lambda options, settings: _first_start(options, settings, say), logged=True)
    _add_moods(commands)
    _add_backups(commands)


def _add_moods(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    teach = commands.add_parser("teach", help="teach the faces of a room a mood of your own; Moodring must run")
    teach.add_argument("mood", help="its name, such as focused; one that was taught is taught further")
    teach.add_argument("--room", help="the room whose camera is used; this process's own without it")
    teach.add_argument("--valence", type=_axis, help="where it lies, from -1 (unpleasant) to 1; with --arousal")
    teach.add_argument("--arousal", type=_axis, help="from -1 (calm) to 1 (excited)")
    teach.add_argument("--yes", action="store_true", help="everyone before the camera agrees; ask nothing")
    teach.set_defaults(command=_teach)
    moods = commands.add_parser("moods", help="list the moods that were taught, rename, move or forget one")
    moods.set_defaults(command=_moods, change=None)
    changes = moods.add_subparsers(metavar="change")
    rename = changes.add_parser("rename", help="call a taught mood something else")
    rename.add_argument("mood")
    rename.add_argument("to")
    rename.set_defaults(change="rename")
    move = changes.add_parser("move", help="say where a taught mood lies on the plane")
    move.add_argument("mood")
    move.add_argument("--valence", type=_axis, required=True, help="from -1 (unpleasant) to 1")
    move.add_argument("--arousal", type=_axis, required=True, help="from -1 (calm) to 1 (excited)")
    move.set_defaults(change="move")
    forget = changes.add_parser("forget", help="forget a taught mood, and delete what was kept of it")
    forget.add_argument("mood")
    forget.set_defaults(change="forget")
    for command in (teach, moods, rename, move, forget):
        unsaid = "" if command in {teach, moods} else argparse.SUPPRESS
        command.add_argument("--token", default=unsaid, help="an access token, where Moodring demands one")


def _axis(text: str) -> float:
    """Return a coordinate on the plane as it is typed."""
    value = float(text)
    if not -1 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text} does not lie between -1 and 1")
    return value


def _teach(options: argparse.Namespace, settings: Settings) -> int:
    from services.upkeep.lessons import teach

    return teach(options, settings)


def _moods(options: argparse.Namespace, settings: Settings) -> int:
    from services.upkeep.lessons import moods

    return moods(options, settings)


def _add_backups(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    backup = commands.add_parser("backup", help="write database, state and settings to a file; Moodring may run")
    backup.set_defaults(command=_backup)
    restore = commands.add_parser("restore", help="put a backup in place; stop Moodring before")
    restore.add_argument("--replace", action="store_true", help="delete every table and state file that is there")
    restore.set_defaults(command=_restore)
    for command in (backup, restore):
        command.add_argument("file", help="the file, or - for standard output or input")


def _doctor(options: argparse.Namespace, settings: Settings) -> int:
    from services.assembly import chosen
    from services.upkeep.doctor import examine
    from services.upkeep.findings import as_json, as_text, healthy

    findings = []
    for finding in examine(settings, chosen(options.services, settings)):
        findings.append(finding)
        if not options.json:
            print(as_text([finding]), flush=True)
    if options.json:
        print(as_json(findings))
    return 0 if healthy(findings) else 1


def _doctor_without_settings(options: argparse.Namespace, wrong: SetupError) -> int:
    """Say what is wrong with the settings as all else is said; nothing else can be looked at."""
    from services.upkeep.findings import as_json, as_text, broken

    findings = [broken("settings", str(wrong), "")]
    print(as_json(findings) if options.json else as_text(findings))
    return 1


def _backup(options: argparse.Namespace, settings: Settings) -> int:
    from services.upkeep.backup import backup

    with _target(options.file) as file:
        backup(settings, file, _aside)
    return 0


def _restore(options: argparse.Namespace, settings: Settings) -> int:
    from services.upkeep.restore import restore

    with _source(options.file) as file:
        lines = restore(settings, file, _aside, replace=options.replace)
    if lines:
        alone = "set them so, or under their names in moodring.yml"
        put = by_way(settings, alone, "put them into .env, before `docker compose up -d`")
        _aside(f"these settings held there and do not here; to have them here, {put}:")
    else:
        _aside("settings: those of the backup hold here")
    for line in lines:
        print(line)
    return 0


def _aside(line: str) -> None:
    """Say a line beside what may be the file itself."""
    print(f"moodring: {line}", file=sys.stderr, flush=True)


@contextlib.contextmanager
def _source(name: str) -> Iterator[IO[bytes]]:
    if name == "-":
        yield sys.stdin.buffer
        return
    try:
        with Path(name).open("rb") as file:
            yield file
    except OSError as error:
        raise SetupError(f"{name}: {error.strerror}") from error


@contextlib.contextmanager
def _target(name: str) -> Iterator[IO[bytes]]:
    """Open what a backup is written to: it has its name when it is whole, and one that failed leaves nothing behind.

    It holds what state files do, so only its owner may read it.
    """
    if name == "-":
        yield sys.stdout.buffer
        return
    part = Path(f"{name}.part")
    try:
        with open(part, "wb", opener=private) as file:
            yield file
        part.replace(name)
    except OSError as error:
        raise SetupError(f"{name}: {error.strerror}") from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def _token(options: argparse.Namespace, settings: Settings) -> int:
    try:
        _, secret = open_tokens(settings).create(options.name)
    except (OSError, ValueError) as error:
        raise SetupError(f"no token can be made in {settings.data}: {error}") from error
    print(secret)
    return 0


def _demo_songs(settings: Settings, say: Say) -> int:
    from services.demo.songs import synthesise

    if settings.music is not None:
        say("there is music, so no demo songs are made")
        return 0
    try:
        synthesise(settings.data / "songs", report=lambda done, of: say(f"making the demo songs: {done} of {of}"))
    except OSError as error:
        raise SetupError(f"the demo songs cannot be written to {settings.data / 'songs'}: {error.strerror}") from error
    return 0


def _first_start(options: argparse.Namespace, settings: Settings, say: Say) -> int:
    host_words.check(os.environ)
    login = urlsplit(settings.mqtt.url)
    if login.username and login.password is None:
        raise SetupError(
            "MOODRING_MQTT_URL names a user and no password, and those made here are of our own broker: "
            f"write {login.scheme}://{login.username}:password@{login.hostname}"
        )
    names = tuple(name for name in options.name if name)
    for line in prepare(options.volumes, options.given, prefix=settings.mqtt.prefix, names=names):
        say(line)
    say("everything is there")
    return 0
