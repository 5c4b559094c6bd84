"""`moodring doctor`: looks at everything that Moodring needs and says what is wrong, why, and what to type."""

import http.client
import importlib
import json
import socket
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import IO, Any

from services.assembly import SERVICES, port_of
from services.runtime.connection_settings import at
from services.runtime.settings import Settings
from services.upkeep.checks.broker import broker
from services.upkeep.checks.machine import machine
from services.upkeep.findings import Finding, How, broken, by_way, skipped, well

ANSWER_S = 3.0
DIRECTLY = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""This machine is not asked through a proxy that the environment names."""


def examine(settings: Settings, names: Sequence[str]) -> Iterator[Finding]:
    """Look at everything that these services need, the quick and local things first."""
    asked = frozenset(names)
    yield from machine(settings, asked)
    number = port_of(names, settings)
    answer = ask(settings, number)
    yield port(settings, number, answer)
    if not asked.isdisjoint(SERVICES):  # the model server has no part on the bus
        yield broker(settings)
    if "recommender" in asked:
        yield from _part("database", "recommender", lambda: [_module("database").database(settings)])
    if asked & {"inference", "model-server"}:
        yield from _part("model", "inference", lambda: [_module("model").model_files(settings)])
    if "inference" in asked:
        yield from _part("model server", "inference", lambda: [_module("model").model_server(settings)])
    if "camera" in asked:
        yield from _cameras(settings, answer)
    if "player" in asked:
        yield from _module("devices").player(settings)


def short(settings: Settings, names: Sequence[str]) -> Iterator[Finding]:
    """Look at what takes no time, at every start, and return what is broken."""
    return (finding for finding in machine(settings, frozenset(names)) if finding.how is How.BROKEN)


@dataclass(frozen=True)
class Answer:
    """What a Moodring that runs here says of itself; no problem means well."""

    problem: str = ""


def ask(settings: Settings, number: int) -> Answer | int | None:
    """Ask at our port: how a Moodring there does, the status of something else that answers, or nothing.

    The status of what answers in no HTTP at all is 0.
    """
    try:
        with DIRECTLY.open(f"http://{address(settings, number)}/readyz", timeout=ANSWER_S) as answer:
            return Answer(_reasons(answer, untold=""))
    except urllib.error.HTTPError as error:
        untold = "it tells why only who has a token"
        return Answer(_reasons(error, untold)) if error.code == HTTPStatus.SERVICE_UNAVAILABLE else error.code
    except (OSError, ValueError):
        return None
    except http.client.HTTPException:
        return 0


def address(settings: Settings, number: int) -> str:
    """Return host and port at which a Moodring with these settings answers on this machine."""
    host = "127.0.0.1" if settings.http.host in {"0.0.0.0", "::"} else settings.http.host  # noqa: S104 - compared
    return at(host, number)


def port(settings: Settings, number: int, answer: Answer | int | None) -> Finding:
    """Say whether our port is free, ours already (and how that Moodring does), or taken by something else."""
    if isinstance(answer, int):
        what = f"something else answers at port {number}"
        return broken("port", what, f"stop it (`sudo ss -ltnp sport = :{number}` names it), or set MOODRING_HTTP_PORT")
    if answer is None:
        return _free(settings.http.host, number)
    if answer.problem:
        what = f"Moodring runs here, at port {number}, and is not well: {answer.problem}"
        alone = "mend what it names; what it has printed since its start says more"
        log = f"mend what it names; `docker compose logs {settings.container}` says more"
        return broken("port", what, by_way(settings, alone, log))
    return well("port", f"Moodring runs here, at port {number}, and is well")


def _reasons(answer: IO[bytes], untold: str) -> str:
    """Return what an answer says is wrong, and `untold` where it says nothing of that."""
    try:
        problems = json.loads(answer.read())["problems"]
        return "; ".join(text for parts in problems.values() for text in parts.values())
    except (OSError, http.client.HTTPException, ValueError, KeyError, AttributeError, TypeError):
        return untold


def _free(host: str, number: int) -> Finding:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, number))
        except OSError as error:
            stop = f"stop what uses it (`sudo ss -ltnp sport = :{number}` names it), or set MOODRING_HTTP_PORT"
            return broken("port", f"port {number} of {host}: {error.strerror}", stop)
    return well("port", f"{number} is free")


def _cameras(settings: Settings, answer: Answer | int | None) -> Iterable[Finding]:
    """Have the camera tried, where nobody else has it open."""
    if isinstance(answer, Answer):
        own = "`docker compose stop camera && docker compose run --rm --no-deps camera doctor`"
        stop = by_way(settings, "stop it to have the camera itself tried", f"{own} tries it itself")
        return [skipped("camera", f"Moodring runs here and uses it; {stop}")]
    return _part("camera", "camera", lambda: _module("devices").cameras(settings))


def _module(name: str) -> Any:
    """Import checks late: an image has the libraries of its own service only."""
    return importlib.import_module(f"services.upkeep.checks.{name}")


def _part(part: str, extra: str, look: Callable[[], Iterable[Finding]]) -> Iterable[Finding]:
    """Return what a check finds, or that its libraries are not in this image."""
    try:
        return look()
    except ImportError:
        return [skipped(part, f"this installation has no {extra} service")]
