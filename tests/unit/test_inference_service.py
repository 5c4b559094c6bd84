import asyncio
import logging

import numpy as np
import pytest

from services.contracts import moodring_pb2 as pb
from services.contracts.channels import FACES
from services.contracts.moods import EXPRESSIONS as LABELS
from services.inference.breaker import FAILURES
from services.inference.newest import BEHIND_S, LATE_FRAMES
from services.inference.predictor import PredictorAwayError, PredictorError
from services.inference.service import REFUSALS, build
from services.runtime.bus import Capability
from services.runtime.service import SetupError
from services.runtime.settings import Inference, Settings
from tests.unit.inference_doubles import Running, face, frame, huge_png, running


def send(run: Running, message: pb.FaceCrops) -> None:
    run.bus.publish(FACES, message, room="home", camera=message.camera)


async def published(run: Running) -> pb.Expressions:
    async with asyncio.timeout(10):
        return await run.published.get()


async def test_a_frame_becomes_expressions_with_the_same_ids() -> None:
    async with running() as run:
        crops = frame(5, face(3, grey=255), face(4, grey=51))
        send(run, crops)
        result = await published(run)
    assert (result.frame_id, result.camera, result.captured_at) == ("camera-5", "camera", crops.captured_at)
    assert (result.model_name, result.model_version) == ("expression", 7)
    assert (result.frame_width, result.frame_height) == (640, 480)
    assert [one.track_id for one in result.faces] == [3, 4]
    assert [one.box for one in result.faces] == [one.box for one in crops.faces]
    assert result.faces[0].quality == 0.5


async def test_every_label_has_its_probability() -> None:
    async with running() as run:
        send(run, frame(1, face(grey=51)))
        rows = (await published(run)).faces[0].probabilities
    assert tuple(row.label for row in rows) == LABELS
    assert [row.probability for row in rows] == pytest.approx([0.8, 0.2, 0, 0, 0, 0, 0, 0], abs=0.01)


async def test_all_faces_of_a_frame_go_in_one_batch_of_the_models_form() -> None:
    async with running() as run:
        send(run, frame(1, face(1), face(2), face(3)))
        await published(run)
        [batch] = run.predictor.batches
    assert batch.shape == (3, 48, 48, 1)
    assert batch.dtype == np.uint8


async def test_a_stale_frame_is_dropped() -> None:
    async with running() as run:
        send(run, frame(1, age_s=2.5))
        send(run, frame(2, age_s=1.5, camera="other"))
        assert (await published(run)).frame_id == "other-2"
        assert len(run.predictor.batches) == 1


async def test_a_clock_that_is_behind_is_a_problem_of_the_service(caplog: pytest.LogCaptureFixture) -> None:
    async with running() as run:
        for number in range(LATE_FRAMES):
            send(run, frame(number, age_s=60))
        await run.bus.settle()
        run.naps.ended.release()
        await run.naps.started.get()
        assert "set the clocks" in run.service.health.problems["clocks"]
        assert "set the clocks" in caplog.text
        send(run, frame(9))
        await published(run)
        run.naps.ended.release()
        await run.naps.started.get()
        assert run.service.health.problems == {}


async def test_only_the_newest_frame_of_a_camera_waits_for_a_slow_model() -> None:
    async with running() as run:
        run.predictor.open.clear()
        send(run, frame(1))
        await run.bus.settle()
        for number in (2, 3, 4):
            run.timer += 2 * BEHIND_S
            send(run, frame(number))
            await run.bus.settle()
        run.predictor.open.set()
        assert [(await published(run)).frame_id for _ in range(2)] == ["camera-1", "camera-4"]


async def test_frames_of_several_cameras_go_in_one_batch_and_part_again() -> None:
    async with running() as run:
        run.predictor.open.clear()
        send(run, frame(1))
        await run.bus.settle()
        send(run, frame(2, face(1, grey=255), face(2, grey=0), camera="door"))
        send(run, frame(2, face(7, grey=51), camera="desk"))
        await run.bus.settle()
        run.predictor.open.set()
        answers = {one.frame_id: one for one in [await published(run) for _ in range(3)]}
        assert [len(batch) for batch in run.predictor.batches] == [1, 3]
    assert [one.track_id for one in answers["door-2"].faces] == [1, 2]
    [desk] = answers["desk-2"].faces
    assert desk.probabilities[1].probability == pytest.approx(0.2, abs=0.01)
    assert answers["desk-2"].timings.batch_faces == 3


async def test_how_long_it_took_is_published() -> None:
    async with running() as run:
        run.predictor.open.clear()
        send(run, frame(1, age_s=0.25))
        await run.bus.settle()
        run.timer, run.now = run.timer + 0.02, run.now + 0.02
        run.predictor.open.set()
        timings = (await published(run)).timings
    assert [timings.arriving, timings.predicting] == pytest.approx([250, 20], abs=1)
    assert (timings.waiting, timings.decoding, timings.batch_faces) == (0, 0, 1)


async def test_a_server_that_stays_away_is_not_waited_for_and_readyz_says_so() -> None:
    async with running() as run:
        run.predictor.error = PredictorAwayError("the model server at x is away")
        for number in range(FAILURES + 2):
            send(run, frame(number))
            await run.bus.settle()
        assert len(run.predictor.batches) == FAILURES
        assert "circuit open: after 3 failures in a row" in run.service.health.problems["model_server"]


async def test_a_crop_that_is_too_wide_does_not_end_the_service() -> None:
    wide = face(1)
    wide.image.CopyFrom(pb.Image(encoding=pb.ENCODING_RAW_GREY, data=bytes(800_000), width=40_000, height=20))
    async with running() as run:
        send(run, frame(1, wide))
        send(run, frame(2, face(2), camera="other"))
        assert (await published(run)).frame_id == "other-2"


async def test_a_bad_image_costs_its_face_only(caplog: pytest.LogCaptureFixture) -> None:
    bad = face(1)
    bad.image.data = huge_png()
    bad.image.encoding = pb.ENCODING_PNG
    async with running() as run:
        send(run, frame(1, bad, face(2)))
        result = await published(run)
    assert [one.track_id for one in result.faces] == [2]
    assert "a face of camera is dropped: the image has 60000x60000 pixels" in caplog.text


async def test_a_frame_without_a_usable_face_is_not_published() -> None:
    async with running() as run:
        send(run, frame(1, pb.Face(track_id=1)))
        await run.bus.settle()
        send(run, frame(2))
        assert (await published(run)).frame_id == "camera-2"


async def test_a_clock_that_is_ahead_is_told_and_its_faces_are_read() -> None:
    async with running() as run:
        for number in range(LATE_FRAMES):
            send(run, frame(number, age_s=-60))
            assert (await published(run)).frame_id == f"camera-{number}"
        run.naps.ended.release()
        await run.naps.started.get()
        assert "arrive 60 s before they were seen" in run.service.health.problems["clocks"]
        assert run.service.health.ready


async def test_a_server_that_is_away_is_reported_and_comes_back(caplog: pytest.LogCaptureFixture) -> None:
    async with running() as run:
        run.predictor.error = PredictorAwayError("the model server at x is away")
        for number in range(3):
            send(run, frame(number))
            await run.bus.settle()
        run.naps.ended.release()
        assert await run.naps.started.get() == 2.0
        assert "the model server at x is away; circuit open" in run.service.health.problems["model_server"]
        run.predictor.error = None
        run.timer += 60
        send(run, frame(9))
        assert (await published(run)).frame_id == "camera-9"
        assert run.service.health.problems == {}
    assert caplog.text.count("frames of camera are not classified") == 1


async def test_a_server_that_hangs_and_tells_its_status_stays_a_problem_until_it_classifies() -> None:
    async with running() as run:
        run.predictor.of_faces = PredictorAwayError("the model server at x has not answered within 1 s")
        for number in range(FAILURES):
            send(run, frame(number))
            await run.bus.settle()
        told: list[bool] = []
        run.service.health.listen(lambda: told.append(run.service.health.ready))
        for _ in range(3):
            run.naps.ended.release()
            assert await run.naps.started.get() == 2.0
            send(run, frame(9))
            await run.bus.settle()
            assert not run.service.health.ready
        assert True not in told
        run.predictor.of_faces = None
        run.naps.ended.release()
        assert await run.naps.started.get() == 10.0
        assert run.service.health.problems == {}, "though nobody was seen"


async def test_health_returns_without_any_face() -> None:
    async with running() as run:
        run.predictor.error = PredictorAwayError("away")
        run.naps.ended.release()
        await run.naps.started.get()
        assert "model_server" in run.service.health.problems
        run.predictor.error = None
        run.naps.ended.release()
        assert await run.naps.started.get() == 10.0
        assert run.service.health.problems == {}


async def test_a_wrong_answer_drops_the_frame_and_is_a_problem_of_the_model() -> None:
    async with running() as run:
        run.predictor.error = PredictorError("answered nonsense: probabilities do not sum to 1")
        send(run, frame(1))
        await run.bus.settle()
        run.naps.ended.release()
        await run.naps.started.get()
        assert run.service.health.problems["model"] == "answered nonsense: probabilities do not sum to 1"
        assert run.published.empty()


async def test_a_refused_batch_is_told_and_hinders_nothing_and_is_forgotten_where_nobody_is_seen() -> None:
    async with running() as run:
        await refused(run, 1)
        assert run.service.health.problems == {"model": "refuses: RESOURCE_EXHAUSTED"}
        assert run.service.health.ready
        for problems in ({"model"}, set[str]()):
            run.naps.ended.release()
            await run.naps.started.get()
            assert run.service.health.problems.keys() == problems


async def test_a_server_that_refuses_every_batch_hinders_for_as_long_as_it_does() -> None:
    async with running() as run:
        await refused(run, REFUSALS)
        assert not run.service.health.ready
        for _ in range(3):
            run.naps.ended.release()
            await run.naps.started.get()
            assert not run.service.health.ready
            await refused(run, 1)
        send(run, frame(9))
        await published(run)
        assert run.service.health.problems == {}


async def refused(run: Running, batches: int) -> None:
    """Have the classifier refuse some batches, as one that is well otherwise."""
    run.predictor.error = PredictorError("refuses: RESOURCE_EXHAUSTED")
    for number in range(batches):
        send(run, frame(number))
        await run.bus.settle()
    run.predictor.error = None


@pytest.mark.parametrize(("capabilities", "share"), [(frozenset(), ""), (frozenset({Capability.SHARED}), "inference")])
async def test_workers_divide_the_frames_where_the_broker_can(capabilities: frozenset[Capability], share: str) -> None:
    async with running(capabilities) as run:
        [faces] = [one for one in run.bus._dispatcher.subscriptions if one.channel is FACES]
        assert faces.share == share


async def test_it_runs_again_after_it_ended(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with running() as run:
        assert run.service.breaker is not None
    assert run.service.breaker is None
    again = asyncio.create_task(run.service.run(run.bus))
    await run.naps.started.get()
    assert run.service.breaker is not None
    again.cancel()
    await asyncio.gather(again, return_exceptions=True)


@pytest.mark.parametrize(
    "url", ["localhost:8500", "http://localhost:8500", "grpc://", "grpc://me:secret@host:port", "grpc://secret@[x"]
)
def test_a_wrong_address_is_said_at_the_start(url: str) -> None:
    with pytest.raises(SetupError, match="it has to be grpc://host:port") as error:
        build(Settings(inference=Inference(model_server=url)))
    assert "secret" not in str(error.value)
