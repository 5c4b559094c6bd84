"""`moodring doctor`: looks at everything that Moodring needs and says what is wrong, why, and what to type."""

import importlib
import json
import socket
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from services.assembly import PORTS
from services.runtime.settings import Settings
from services.upkeep.checks.broker import broker
from services.upkeep.checks.machine import machine
from services.upkeep.findings import Finding, How, broken, skipped, well

ANSWER_S = 3.0


def examine(settings: Settings) -> Iterator[Finding]:
    """Look at everything, the quick and local things first."""
    yield from machine(settings)
    answer = ask(settings)
    yield port(settings, answer)
    yield broker(settings)
    yield from _part("database", "recommender", lambda: [_module("database").database(settings)])
    yield from _part("model", "inference", lambda: [_module("model").model_files(settings)])
    yield from _part("model server", "inference", lambda: [_module("model").model_server(settings)])
    if isinstance(answer, Answer):
        yield skipped("camera", "Moodring runs here and uses it; stop it to have the camera itself tried")
    else:
        yield from _part("camera", "camera", lambda: _module("devices").cameras(settings))
    yield from _module("devices").player(settings)


def short(settings: Settings) -> Iterator[Finding]:
    """Look at what takes no time, at every start, and return what is broken."""
    return (finding for finding in machine(settings) if finding.how is How.BROKEN)


@dataclass(frozen=True)
class Answer:
    """What a Moodring that runs here says of itself; no problem means well."""

    problem: str = ""


def ask(settings: Settings) -> Answer | int | None:
    """Ask at our port: how a Moodring there does, the status of something else that answers, or nothing."""
    try:
        with urllib.request.urlopen(f"http://{_address(settings)}/readyz", timeout=ANSWER_S):
            return Answer()
    except urllib.error.HTTPError as error:
        return Answer(_reasons(error)) if error.code == HTTPStatus.SERVICE_UNAVAILABLE else error.code
    except (OSError, ValueError):
        return None


def port(settings: Settings, answer: Answer | int | None) -> Finding:
    """Say whether our port is free, ours already (and how that Moodring does), or taken by something else."""
    number = settings.http.port or PORTS["gateway"]
    if isinstance(answer, int):
        return broken("port", f"something else answers at port {number}", "stop it, or set MOODRING_HTTP_PORT")
    if answer is None:
        return _free(settings.http.host, number)
    if answer.problem:
        what = f"Moodring runs here, at port {number}, and is not well: {answer.problem}"
        return broken("port", what, "see what it says")
    return well("port", f"Moodring runs here, at port {number}, and is well")


def _address(settings: Settings) -> str:
    host = "127.0.0.1" if settings.http.host in {"0.0.0.0", "::"} else settings.http.host  # noqa: S104 - compared
    return f"{host}:{settings.http.port or PORTS['gateway']}"


def _reasons(answer: urllib.error.HTTPError) -> str:
    try:
        problems = json.loads(answer.read())["problems"]
        return "; ".join(text for parts in problems.values() for text in parts.values())
    except (ValueError, KeyError, AttributeError):
        return "it tells why only who has a token (see its log)"


def _free(host: str, number: int) -> Finding:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, number))
        except OSError as error:
            return broken(
                "port", f"port {number} of {host}: {error.strerror}", "stop what uses it, or set MOODRING_HTTP_PORT"
            )
    return well("port", f"{number} is free")


def _module(name: str) -> Any:
    """Import checks late: an image has the libraries of its own service only."""
    return importlib.import_module(f"services.upkeep.checks.{name}")


def _part(part: str, extra: str, look: Callable[[], Iterable[Finding]]) -> Iterable[Finding]:
    """Return what a check finds, or that its libraries are not in this image."""
    try:
        return look()
    except ImportError:
        return [skipped(part, f"this installation has no {extra} service")]
