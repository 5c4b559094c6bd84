"""`moodring teach` and `moodring moods`, against a house that answers what the test wants."""

import json
import signal
from argparse import Namespace
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from services.__main__ import main
from services.runtime.connection_settings import Http
from services.runtime.service import SetupError
from services.runtime.settings import Settings
from services.upkeep import lessons

Step = dict[str, Any]
LEARNT: Step = {"outcome": "learnt", "said": "Learnt: so."}


class House:
    """Answers calls one after another, or in no time at all, and notes them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *answers: Step | httpx.Response | httpx.HTTPError) -> None:
        self.calls: list[tuple[str, str, Any]] = []
        self._answers = list(answers)
        transport = httpx.MockTransport(self._answer)

        def request(method: str, url: str, *, trust_env: bool, timeout: float, **rest: Any) -> httpx.Response:
            with httpx.Client(transport=transport, timeout=timeout, trust_env=trust_env) as client:
                return client.request(method, url, **rest)

        monkeypatch.setattr(httpx, "request", request)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content) if request.content else None
        self.calls.append((request.method, request.url.path.removeprefix("/api/custom-moods"), body))
        answer = self._answers.pop(0)
        if isinstance(answer, httpx.HTTPError):
            raise answer
        if isinstance(answer, httpx.Response):
            return answer
        return httpx.Response(
            200, json={"moods": [], "teaching": None, "outcome": None, "said": "", "consent": "Numbers only."} | answer
        )


def at(step: str, **more: Any) -> Step:
    told = {
        "mood": "focused", "room": "study", "step": step,
        "faces": 1, "least": 15, "most": 60, "seconds_left": 9.0, "longer": False,
    }  # fmt: skip
    return {"teaching": told | more}


def moods(**options: Any) -> int:
    given = {"change": None, "token": ""} | options
    return lessons.moods(Namespace(**given), Settings(http=Http(port=9)))


def teach(
    sleep: Callable[[float], None] = lambda _s: None,
    entered: Callable[[float], bool] = lambda _s: False,
    **options: Any,
) -> int:
    given = {"mood": "focused", "room": "study", "valence": None, "arousal": None, "yes": True, "token": ""} | options
    return lessons.teach(Namespace(**given), Settings(http=Http(port=9)), sleep, entered)


def test_a_lesson_goes_through_its_steps(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    house = House(monkeypatch, {}, at("usual"), at("ready"), at("mood"), LEARNT)
    assert teach(valence=0.5, arousal=0.0) == 0
    body = {"room": "study", "consent": True, "valence": 0.5, "arousal": 0.0}
    assert house.calls == [
        ("GET", "", None), ("POST", "/focused/teaching", body), ("GET", "", None),
        ("POST", "/focused/teaching/next", {"step": "ready"}), ("GET", "", None),
    ]  # fmt: skip
    said = capsys.readouterr().out
    assert "Numbers only." in said
    assert "Learnt: so." in said


@pytest.mark.parametrize(
    ("state", "line"),
    [
        (at("usual"), "look as you usually do: 1 faces of 15 to 60, 9 s left"),
        (at("mood", faces=29, least=30, most=200), "look focused: 29 faces of 30 to 200, 9 s left"),
        (at("usual", longer=True), "look as you usually do: 1 faces of 15 to 60, given longer, 9 s left"),
        (at("done", faces=0, least=0, most=0, seconds_left=66.0), "it is being learnt, a moment"),
    ],
)
def test_each_step_says_how_far_it_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], state: Step, line: str
) -> None:
    House(monkeypatch, {}, state, LEARNT)
    assert teach() == 0
    shown = capsys.readouterr().out.partition("\r")[2].partition("\n")[0]
    assert shown == f"{line} (Ctrl-C stops)".ljust(lessons.LINE)


def test_with_enough_faces_enter_goes_on(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    enough, refused = at("usual", faces=15), httpx.Response(409, json={"detail": "It is being learnt."})
    shown = at("mood", faces=30, least=30)
    answers = at("usual", faces=14), enough, enough, at("mood", faces=0, least=30), shown, shown, refused, LEARNT
    house = House(monkeypatch, {}, *answers)
    assert teach(entered=lambda _s: True) == 0
    assert [method for method, _, _ in house.calls[2:]] == ["GET", "GET", "POST", "GET", "GET", "POST", "GET"]
    assert [body for method, _, body in house.calls[2:] if method == "POST"] == [{"step": "usual"}, {"step": "mood"}]
    assert "15 faces of 15 to 60, 9 s left (Enter goes on, Ctrl-C stops)" in capsys.readouterr().out


def test_who_begins_too_late_is_told_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    over = LEARNT | {"outcome": "failed", "said": "Nobody began to show the mood within 180 s."}
    House(monkeypatch, {}, at("ready"), httpx.Response(409, json={"detail": "It is not being taught."}), over)
    assert teach() == 1
    said = capsys.readouterr().out
    assert "Nobody began" in said
    assert "not being taught" not in said


def test_a_step_that_cannot_end_yet_says_why(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    enough = at("usual", faces=15)
    refused = httpx.Response(409, json={"detail": "3 more faces are needed before that."})
    House(monkeypatch, {}, enough, enough, refused, at("usual", faces=12), LEARNT)
    presses = iter([True, False])
    assert teach(entered=lambda _s: next(presses)) == 0
    assert "3 more faces are needed" in capsys.readouterr().out


def test_a_lesson_that_goes_on_is_listed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    House(monkeypatch, at("usual"))
    assert moods() == 0
    assert "focused is being taught in study" in capsys.readouterr().out


def test_names_are_made_as_on_the_dashboard(monkeypatch: pytest.MonkeyPatch) -> None:
    house = House(monkeypatch, {}, {}, {})
    moods(change="rename", mood="_Müde", to="Déjà vu")
    moods(change="forget", mood="_mude")
    moods(change="forget", mood="_Müde")
    assert [(path, body) for _, path, body in house.calls] == [
        ("/mude", {"mood": "deja_vu"}), ("/_mude", None), ("/mude", None)
    ]  # fmt: skip
    with pytest.raises(SetupError, match=r"no mood can be called '集中' \(lower-case letters, digits and _"):
        moods(change="forget", mood="集中")


def test_a_mood_is_moved(monkeypatch: pytest.MonkeyPatch) -> None:
    house = House(monkeypatch, {})
    moods(change="move", mood="Deep work", valence=0.5, arousal=-0.5)
    assert house.calls == [("PATCH", "/deep_work", {"valence": 0.5, "arousal": -0.5})]


@pytest.mark.parametrize("wrong", ["nan", "2", "up"])
def test_what_does_not_lie_on_the_plane_is_refused_at_once(
    wrong: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    house = House(monkeypatch)
    for words in (["moods", "move", "x", "--valence", wrong, "--arousal", "0"], ["teach", "x", "--valence", wrong]):
        with pytest.raises(SystemExit):
            main(words)
        assert "argument --valence: " in capfd.readouterr().err
    assert house.calls == []


def test_without_consent_nothing_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    house = House(monkeypatch, {})
    monkeypatch.setattr("builtins.input", lambda _question: "n")
    assert teach(yes=False) == 1
    assert [method for method, _, _ in house.calls] == ["GET"]


def test_a_name_that_cannot_be_is_refused_before_anyone_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    house = House(monkeypatch)
    with pytest.raises(SetupError, match="sad is one of the model's own expressions"):
        teach(mood="Sad")
    assert house.calls == []


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGHUP, signal.SIGTERM])
def test_ctrl_c_or_a_closed_terminal_stops_the_lesson(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], sent: signal.Signals
) -> None:
    house, handler = House(monkeypatch, {}, at("usual"), {"said": "Stopped: nothing was kept."}), signal.getsignal(sent)

    def interrupted(_seconds: float) -> bool:
        signal.raise_signal(sent)
        return False

    assert teach(entered=interrupted) == 1
    assert signal.getsignal(sent) is handler
    assert house.calls[-1] == ("DELETE", "/focused/teaching", None)
    assert "nothing was kept" in capsys.readouterr().out


def test_a_lesson_that_cannot_be_followed_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    house = House(monkeypatch, {}, at("usual"), httpx.Response(503, json={"detail": "It is away."}), {})
    with pytest.raises(SetupError, match="It is away"):
        teach()
    assert house.calls[-1] == ("DELETE", "/focused/teaching", None)


def test_a_lesson_of_somebody_else_is_not_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    house = House(monkeypatch, {}, httpx.Response(409, json={"detail": "focused is being taught in study."}))
    with pytest.raises(SetupError, match="is being taught"):
        teach()
    assert [method for method, _, _ in house.calls] == ["GET", "POST"]


def test_a_lesson_that_came_to_nothing_is_no_success(monkeypatch: pytest.MonkeyPatch) -> None:
    House(monkeypatch, {}, at("usual"), {"outcome": "failed", "said": "Only 3 faces could be read."})
    assert teach() == 1


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (httpx.Response(401), "demands a token"),
        (httpx.Response(409, json={"detail": "no camera of a room study is known."}), "no camera of a room study"),
        (httpx.Response(422, json={"detail": [{"loc": ["path", "mood"], "msg": "wrong"}]}), "mood: wrong"),
        (httpx.Response(500, text="…"), "error 500"),
    ],
)
def test_a_refusal_is_one_clear_line(monkeypatch: pytest.MonkeyPatch, answer: httpx.Response, says: str) -> None:
    House(monkeypatch, answer)
    with pytest.raises(SetupError, match=says):
        teach()


def test_nobody_to_answer_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(_question: str) -> str:
        raise EOFError

    House(monkeypatch, {})
    monkeypatch.setattr("builtins.input", closed)
    with pytest.raises(SetupError, match="--yes"):
        teach(yes=False)


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ("rename", httpx.ReadTimeout("slow"), "has not answered within 10 s"),
        (None, httpx.ReadTimeout("slow"), "has not answered within 10 s"),
        ("rename", httpx.ReadError("reset"), "broke off its answer"),
    ],
)
def test_a_moodring_that_heard_is_not_said_to_be_away(
    monkeypatch: pytest.MonkeyPatch, change: str | None, error: httpx.HTTPError, says: str
) -> None:
    House(monkeypatch, error)
    with pytest.raises(SetupError, match=says) as said:
        moods(change=change, mood="focused", to="deep_work")
    assert ("may be done all the same: `moodring moods` shows it" in str(said.value)) == (change is not None)


@pytest.mark.parametrize("words", [["moods"], ["moods", "forget", "focused", "--token", "x"]])
def test_without_a_moodring_that_runs_it_says_so(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MOODRING_HTTP_PORT", "9")
    assert main(words) == 1
    assert "no Moodring answers at http://127.0.0.1:9" in capfd.readouterr().err
