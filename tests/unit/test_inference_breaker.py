import asyncio

import numpy as np
import pytest

from services.inference.breaker import FAILURES, OPEN, WAIT_S, Breaker
from services.inference.predictor import PredictorAwayError, PredictorError
from services.runtime.health import Health
from tests.unit.inference_doubles import ScriptedPredictor

FACES = np.zeros((1, 48, 48, 1), np.uint8)


class Circuit:
    """A breaker before a scripted predictor, and its time."""

    def __init__(self) -> None:
        self.server = ScriptedPredictor()
        self.now = 100.0
        self.health = Health()
        self.breaker = Breaker(self.server, lambda: self.now, self.health)

    async def fail(self, times: int = 1) -> str:
        self.server.error = PredictorAwayError("x is away")
        said = ""
        for _ in range(times):
            with pytest.raises(PredictorAwayError) as caught:
                await self.breaker.predict(FACES)
            said = str(caught.value)
        return said

    @property
    def asked(self) -> int:
        return len(self.server.batches)


async def test_failures_in_a_row_open_it_and_then_nobody_is_asked() -> None:
    circuit = Circuit()
    assert await circuit.fail(FAILURES - 1) == "x is away; trying again"
    assert not circuit.breaker.is_open
    assert "x is away; circuit open" in await circuit.fail()
    assert "circuit open" in await circuit.fail(5)
    assert circuit.asked == FAILURES


async def test_an_answer_between_failures_keeps_it_closed() -> None:
    circuit = Circuit()
    for _ in range(3):
        await circuit.fail(FAILURES - 1)
        circuit.server.error = None
        await circuit.breaker.predict(FACES)
    assert not circuit.breaker.is_open


async def test_a_wrong_answer_is_no_absence() -> None:
    circuit = Circuit()
    circuit.server.error = PredictorError("nonsense")
    for _ in range(2 * FAILURES):
        with pytest.raises(PredictorError, match="nonsense"):
            await circuit.breaker.predict(FACES)
    assert circuit.asked == 2 * FAILURES


async def test_a_server_that_refuses_is_there_again() -> None:
    circuit = Circuit()
    await circuit.fail(FAILURES)
    circuit.now += WAIT_S[0]
    circuit.server.error = PredictorError("no such model")
    for _ in range(2):
        with pytest.raises(PredictorError, match="no such model"):
            await circuit.breaker.predict(FACES)
    assert not circuit.breaker.is_open
    assert "circuit open" not in await circuit.fail(FAILURES - 1)


async def test_a_call_from_before_it_opened_does_not_let_a_second_one_try() -> None:
    circuit = Circuit()
    circuit.server.open.clear()
    early = asyncio.ensure_future(circuit.breaker.predict(FACES))
    await asyncio.sleep(0)
    late, circuit.server.open = circuit.server.open, asyncio.Event()
    circuit.server.open.set()
    await circuit.fail(FAILURES)
    circuit.now += WAIT_S[1]
    circuit.server.open.clear()
    trial = asyncio.ensure_future(circuit.breaker.predict(FACES))
    await asyncio.sleep(0)
    late.set()
    with pytest.raises(PredictorAwayError):
        await early
    circuit.now += WAIT_S[1]
    asked = circuit.asked
    with pytest.raises(PredictorAwayError):
        await circuit.breaker.predict(FACES)
    assert circuit.asked == asked
    circuit.server.error = None
    circuit.server.open.set()
    await trial


async def test_after_a_while_one_call_tries_and_closes_it() -> None:
    circuit = Circuit()
    await circuit.fail(FAILURES)
    circuit.now += WAIT_S[0]
    circuit.server.error = None
    circuit.server.open.clear()
    trial = asyncio.ensure_future(circuit.breaker.predict(FACES))
    await asyncio.sleep(0)
    with pytest.raises(PredictorAwayError):
        await circuit.breaker.predict(FACES)
    circuit.server.open.set()
    await trial
    assert not circuit.breaker.is_open
    assert circuit.asked == FAILURES + 1


async def test_a_trial_that_fails_is_waited_for_longer() -> None:
    circuit = Circuit()
    await circuit.fail(FAILURES)
    for tries in range(1, 4):
        circuit.now += WAIT_S[1]
        await circuit.fail(3)
        assert circuit.asked == FAILURES + tries


async def test_a_server_that_tells_its_status_is_tried_at_once_with_empty_faces() -> None:
    circuit = Circuit()
    await circuit.fail(FAILURES)
    circuit.server.error = None
    assert await circuit.breaker.status() == 7
    assert not circuit.breaker.is_open
    assert OPEN._value.get() == 0
    assert circuit.server.batches[-1].shape == FACES.shape
    assert not circuit.server.batches[-1].any()


async def test_a_server_that_answers_is_asked_nothing_but_its_status() -> None:
    circuit = Circuit()
    await circuit.breaker.predict(FACES)
    assert await circuit.breaker.status() == 7
    assert circuit.asked == 1


async def test_a_server_that_tells_its_status_and_classifies_nothing_stays_away_however_often_it_is_looked_at() -> None:
    circuit = Circuit()
    circuit.server.of_faces = PredictorAwayError("x has not answered")
    with pytest.raises(PredictorAwayError):
        await circuit.breaker.predict(FACES)
    assert circuit.health.problems == {"model_server": "x has not answered; trying again"}
    assert circuit.health.ready, "one batch without an answer is no more than a moment"
    told: list[bool] = []
    circuit.health.listen(lambda: told.append(circuit.health.ready))
    for _ in range(FAILURES + 3):
        assert await circuit.breaker.status() == circuit.server.version
        assert "x has not answered" in circuit.breaker.problem
        with pytest.raises(PredictorAwayError):
            await circuit.breaker.predict(FACES)
    assert "circuit open" in circuit.health.problems["model_server"]
    assert True not in told[told.index(False) :]


async def test_a_server_that_classifies_and_tells_no_status_is_well() -> None:
    circuit = Circuit()
    told: list[str] = []
    circuit.health.listen(lambda: told.append(str(circuit.health.problems)))
    for error in (PredictorError("no such method"), PredictorAwayError("x has not answered")):
        circuit.server.of_status = error
        for _ in range(3):
            await circuit.breaker.predict(FACES)
            with pytest.raises(type(error)):
                await circuit.breaker.status()
    assert told == []
    with pytest.raises(PredictorAwayError):
        await circuit.breaker.status()
    assert circuit.health.problems == {"model_server": "x has not answered; trying again"}
    assert not circuit.health.ready, "nobody was seen since"
    await circuit.breaker.predict(FACES)
    assert circuit.health.problems == {}


async def test_who_insists_is_tried_while_the_circuit_is_open_and_closes_it() -> None:
    circuit = Circuit()
    await circuit.fail(FAILURES)
    with pytest.raises(PredictorAwayError, match=r"^x is away$"):
        await circuit.breaker.insist(FACES)
    circuit.server.error = None
    assert await circuit.breaker.insist(FACES)
    assert not circuit.breaker.is_open
    assert circuit.health.problems == {}


async def test_a_trial_that_is_refused_is_an_answer() -> None:
    circuit = Circuit()
    await circuit.fail(FAILURES)
    circuit.server.error, circuit.server.of_faces = None, PredictorError("no such model")
    assert await circuit.breaker.status() == 7
    assert circuit.health.problems == {}


async def test_a_photo_without_an_answer_is_tried_with_a_face_and_in_no_more_time_than_frames_have() -> None:
    circuit = Circuit()
    circuit.server.of_faces = PredictorAwayError("x has not answered")
    with pytest.raises(PredictorAwayError):
        await circuit.breaker.insist(np.zeros((32, 48, 48, 1), np.uint8), 20.0)
    await circuit.breaker.status()
    assert (len(circuit.server.batches[-1]), circuit.server.deadlines) == (1, [20.0, None])
