"""`moodring teach` and `moodring moods`, against a house that answers what the test wants."""

import json
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


class House:
    """Answers calls one after another, and notes them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *answers: Step | httpx.Response) -> None:
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
        if isinstance(answer, httpx.Response):
            return answer
        return httpx.Response(
            200, json={"moods": [], "teaching": None, "said": "", "consent": "Numbers only."} | answer
        )


def at(step: str) -> Step:
    return {"teaching": {"mood": "focused", "step": step, "faces": 1, "least": 15, "most": 60, "seconds_left": 9.0}}


def teach(sleep: Callable[[float], None] = lambda _s: None, **options: Any) -> int:
    given = {"mood": "focused", "room": "study", "valence": None, "arousal": None, "yes": True, "token": ""} | options
    return lessons.teach(Namespace(**given), Settings(http=Http(port=9)), sleep)


def test_a_lesson_goes_through_its_steps(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    house = House(monkeypatch, {}, at("usual"), at("ready"), at("mood"), {"said": "Learnt: so."})
    assert teach(valence=0.5, arousal=0.0) == 0
    body = {"room": "study", "consent": True, "valence": 0.5, "arousal": 0.0}
    assert house.calls == [
        ("GET", "", None), ("POST", "/focused/teaching", body), ("GET", "", None),
        ("POST", "/focused/teaching/next", None), ("GET", "", None),
    ]  # fmt: skip
    said = capsys.readouterr().out
    assert "Numbers only." in said
    assert "Learnt: so." in said


def test_without_consent_nothing_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    house = House(monkeypatch, {})
    monkeypatch.setattr("builtins.input", lambda _question: "n")
    assert teach(yes=False) == 1
    assert [method for method, _, _ in house.calls] == ["GET"]


def test_ctrl_c_stops_the_lesson(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    house = House(monkeypatch, {}, at("usual"), {"said": "Stopped: nothing was kept."})

    def interrupted(_seconds: float) -> None:
        raise KeyboardInterrupt

    assert teach(interrupted) == 1
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
    House(monkeypatch, {}, at("usual"), {"said": "Only 3 faces could be read."})
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


@pytest.mark.parametrize("words", [["moods"], ["moods", "forget", "focused", "--token", "x"]])
def test_without_a_moodring_that_runs_it_says_so(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MOODRING_HTTP_PORT", "9")
    assert main(words) == 1
    assert "no Moodring answers at http://127.0.0.1:9" in capfd.readouterr().err
