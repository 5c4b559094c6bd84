"""`moodring teach` and `moodring moods`: the moods of a household's own, over the REST of a Moodring that runs."""

import argparse
import contextlib
import select
import signal
import sys
import termios
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import httpx

from services.assembly import SERVICES, port_of
from services.contracts.channels import allowed, misnamed, named, spoken
from services.contracts.moods import why_taken
from services.runtime.http import refusal
from services.runtime.service import SetupError
from services.runtime.settings import Settings
from services.upkeep.doctor import address

PATH: Final = "/api/custom-moods"
ANSWER_S: Final = 10.0
POLL_S: Final = 0.5
BREATH_S: Final = 5.0
"""With `--yes` nobody is asked: so long they have until the mood counts."""

LINE: Final = 105
"""Characters of a line that is written over: what a longer one leaves is blanked."""

Json = dict[str, Any]


def enter_within(seconds: float) -> bool:
    """Wait, and return at once whether Enter was pressed, where there is a keyboard."""
    if not sys.stdin.isatty():
        time.sleep(seconds)
        return False
    pressed, _, _ = select.select([sys.stdin], [], [], seconds)
    return bool(pressed and sys.stdin.readline())


def teach(
    options: argparse.Namespace,
    settings: Settings,
    sleep: Callable[[float], None] = time.sleep,
    entered: Callable[[float], bool] = enter_within,
) -> int:
    """Teach a mood, step by step, and return the exit code; Ctrl-C and a closed terminal stop it, and keep nothing.

    Args:
        options: The command line.
        settings: All settings.
        sleep: Waits.
        entered: Waits for at most some seconds, and says whether somebody wants to go on.

    Raises:
        SetupError: It cannot begin or go on; what was begun is stopped, as far as that can be said to Moodring.
    """
    house = House(settings, options.token)
    room, mood = options.room or settings.room, _name(options.mood)
    if why := why_taken(mood):
        raise SetupError(why)
    print(f"This teaches the faces in {room} the mood {mood}. {house.ask('GET')['consent']}")
    if not options.yes and _answered("Does everyone before the camera know this and agree? [y/N] ") not in {"y", "yes"}:
        print("Then nothing is done.")
        return 1
    place = {"valence": options.valence, "arousal": options.arousal}
    path = f"/{mood}/teaching"
    state = house.ask("POST", path, {"room": room, "consent": True} | place)
    try:
        with _interrupted_by(signal.SIGHUP, signal.SIGTERM):
            while (teaching := state["teaching"]) is not None and teaching["mood"] == mood:
                if teaching["step"] == "ready":
                    print()
                    _wait_until_shown(mood, sleep, ask=not options.yes)
                    state = _end(house, path, "ready")
                    continue
                _show(teaching)
                wanted = entered(POLL_S) and _is_enough(teaching)
                state = house.ask("GET")
                if wanted and state["teaching"]:
                    state = _end(house, path, teaching["step"])
    except KeyboardInterrupt:
        print(f"\n{house.ask('DELETE', path)['said']}")
        return 1
    except BaseException:  # nobody would see it any more
        with contextlib.suppress(SetupError):
            house.ask("DELETE", path)
        raise
    print(f"\n{state['said']}")
    return 0 if state["outcome"] == "learnt" else 1


@contextlib.contextmanager
def _interrupted_by(*signals: signal.Signals) -> Iterator[None]:
    """Take signals, such as that of a terminal that is closed, for Ctrl-C."""
    before = {each: signal.signal(each, signal.default_int_handler) for each in signals}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _end(house: "House", path: str, step: str) -> Json:
    """End a step of a lesson, and return how it is then.

    Raises:
        SetupError: Nobody answers.
    """
    try:
        return house.ask("POST", f"{path}/next", {"step": step})
    except SetupError as error:
        state = house.ask("GET")
        if state["teaching"]:  # some of its faces turned out to be of somebody behind
            print(f"\n{error}")
        return state


def moods(options: argparse.Namespace, settings: Settings) -> int:
    """List the taught moods, or change one, and return the exit code."""
    house = House(settings, options.token)
    if options.change == "rename":
        state = house.ask("PATCH", f"/{_name(options.mood)}", {"mood": _name(options.to)})
    elif options.change == "move":
        to = {"valence": options.valence, "arousal": options.arousal}
        state = house.ask("PATCH", f"/{_name(options.mood)}", to)
    elif options.change == "forget":
        state = house.ask("DELETE", f"/{_name(options.mood)}")
    else:
        state = house.ask("GET")
    if lesson := state["teaching"]:
        print(f"{lesson['mood']} is being taught in {lesson['room']} at the moment.")
    if not state["moods"]:
        print("No mood is taught. `moodring teach NAME` teaches one.")
    for one in state["moods"]:
        figures = f"found in {one['recognised']:.0%} of its faces, and in {one['mistaken']:.0%} of usual ones"
        place = f"valence {one['valence']:+.2f}, arousal {one['arousal']:+.2f}"
        print(f"{one['mood']:20} {', '.join(one['rooms'])}; {place}; {one['problem'] or figures}")
    return 0


class House:
    """A Moodring that runs with these settings.

    Args:
        settings: Where it answers.
        token: What lets us in, where one is needed.
    """

    def __init__(self, settings: Settings, token: str) -> None:
        self._url = f"http://{address(settings, port_of(SERVICES, settings))}{PATH}"
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def ask(self, method: str, path: str = "", body: Json | None = None) -> Json:
        """Return what it answers.

        Raises:
            SetupError: It does not answer, or refuses; the text says why and what to do.
        """
        try:
            answer = httpx.request(
                method, f"{self._url}{path}", json=body, headers=self._headers, timeout=ANSWER_S, trust_env=False
            )
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise SetupError(
                f"no Moodring answers at {self._url}: start it first (`moodring run`), or set MOODRING_HTTP_PORT"
            ) from error
        except httpx.HTTPError as error:
            late = isinstance(error, httpx.TimeoutException)
            how = (
                f"has not answered within {ANSWER_S:g} s, this machine may be busy" if late else "broke off its answer"
            )
            done = "" if method == "GET" else "; what was asked for may be done all the same: `moodring moods` shows it"
            raise SetupError(f"Moodring at {self._url} {how}{done}") from error
        if answer.status_code in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
            raise SetupError("this Moodring demands a token: `moodring token` makes one, --token TOKEN passes it on")
        if not answer.is_success:
            raise SetupError(refusal(answer))
        return dict(answer.json())


def _name(text: str) -> str:
    """Return the name of a mood as it is typed, or the nearest, as on the dashboard.

    Raises:
        SetupError: There is none.
    """
    name = text if allowed("mood", text) else named(text)
    if not name:
        raise SetupError(misnamed("mood", text))
    return name


def _wait_until_shown(mood: str, sleep: Callable[[float], None], *, ask: bool) -> None:
    if ask:
        _answered(f"That is enough of that. Press Enter when you look {spoken(mood).lower()}. ")
    else:
        print(f"That is enough of that. Look {spoken(mood).lower()} now: it counts in {BREATH_S:g} s.")
        sleep(BREATH_S)


def _show(teaching: Json) -> None:
    """Show how far a lesson is, over what was shown before."""
    line = "it is being learnt, a moment"  # which takes as long as it takes
    if teaching["step"] != "done":
        what = "look as you usually do" if teaching["step"] == "usual" else f"look {spoken(teaching['mood']).lower()}"
        line = f"{what}: {_counted(teaching)}, {teaching['seconds_left']:.0f} s left"
    keys = "Enter goes on, Ctrl-C stops" if _is_enough(teaching) else "Ctrl-C stops"
    print(f"\r{f'{line} ({keys})':{LINE}}", end="", flush=True)


def _is_enough(teaching: Json) -> bool:
    return bool(teaching["step"] != "done" and teaching["faces"] >= teaching["least"])


def _counted(teaching: Json) -> str:
    least, most = teaching["least"], teaching["most"]
    longer = ", given longer" if teaching.get("longer") else ""
    return f"{teaching['faces']} faces of {f'{least} to {most}' if least else f'at most {most}'}{longer}"


def _answered(question: str) -> str:
    if sys.stdin.isatty():
        termios.tcflush(sys.stdin, termios.TCIFLUSH)  # what was pressed before the question is no answer to it
    try:
        return input(question).strip().lower()
    except EOFError as error:
        raise SetupError("nobody can answer here; with --yes nothing is asked") from error
