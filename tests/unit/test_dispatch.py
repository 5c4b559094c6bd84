"""What arrives, and what becomes of it: before anybody listens, more than can be handled, and wrong."""

from typing import Any

import pytest
from prometheus_client import REGISTRY

from services.contracts import channels
from services.runtime.bus import Delivery
from services.runtime.complaints import Complaints
from services.runtime.dispatch import QUEUE_QOS0, UNCLAIMED, Dispatcher
from tests.unit.aggregator_doubles import START, message
from tests.unit.clock_doubles import Clock


def dropped(channel: channels.Channel[Any], reason: str) -> float:
    labels = {"channel": channel.template, "reason": reason}
    return REGISTRY.get_sample_value("moodring_messages_dropped_total", labels) or 0


async def ignore(delivery: Delivery[Any]) -> None:
    pass


async def test_only_so_many_messages_wait_for_their_subscription_and_the_oldest_go() -> None:
    settled: list[int] = []
    async with Dispatcher("moodring") as dispatcher:
        for number in range(UNCLAIMED + 2):
            dispatcher.receive(
                "moodring/home/mood/set",
                b"calm",
                retained=False,
                settle=lambda number=number: settled.append(number),  # type: ignore[misc]
                lasting=True,
            )
        assert settled == [0, 1]
        dispatcher.add(channels.MOOD_SET, ignore, {"room": "home"})
        await dispatcher.drain()
    assert settled == list(range(UNCLAIMED + 2))


async def test_a_message_that_may_be_lost_waits_for_nobody() -> None:
    settled: list[str] = []
    async with Dispatcher("moodring") as dispatcher:
        dispatcher.receive("moodring/home/mood/set", b"calm", retained=False, settle=lambda: settled.append("gone"))
        assert settled == ["gone"]


async def test_a_bad_message_is_said_once_however_many_services_of_a_process_hear_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = Clock()
    complaints = Complaints(later=clock.later)
    async with (
        Dispatcher("moodring", complaints=complaints) as one,
        Dispatcher("moodring", complaints=complaints) as other,
    ):
        for dispatcher in (one, other):
            dispatcher.add(channels.MOOD, ignore, {"room": "home"})
            dispatcher.receive("moodring/home/mood", b"{", retained=False, settle=lambda: None)
            await dispatcher.drain()
    clock.minute()
    assert len(caplog.records) == 1


@pytest.mark.parametrize("room", ["Kitchen", "küche", "x" * 300])
async def test_a_name_that_is_not_allowed_is_counted_said_and_settled(
    caplog: pytest.LogCaptureFixture, room: str
) -> None:
    settled: list[str] = []
    before = dropped(channels.MOOD_SET, "bad name")
    topic = f"moodring/{room}/mood/set"
    async with Dispatcher("moodring") as dispatcher:
        dispatcher.add(channels.MOOD_SET, ignore, {})
        for _ in range(3):
            dispatcher.receive(topic, b"calm", retained=False, settle=lambda: settled.append(room), lasting=True)
    assert settled == [room] * 3
    assert dropped(channels.MOOD_SET, "bad name") == before + 3
    [said] = caplog.messages
    assert said.startswith(topic[:100])
    assert f"no room can be called '{room[:64]}" in said


@pytest.mark.parametrize(
    ("channel", "topic"),
    [(channels.EXPRESSIONS, "services/c1/expressions"), (channels.CAMERA_STATUS, "services/c1/status")],
)
async def test_a_room_that_is_called_as_the_services_topics_is_a_bad_name_though_their_life_signs_are_heard(
    caplog: pytest.LogCaptureFixture, channel: channels.Channel[Any], topic: str
) -> None:
    settled: list[str] = []
    before = dropped(channel, "bad name")
    async with Dispatcher("moodring") as dispatcher:
        dispatcher.add(channels.SERVICE, ignore, {})
        dispatcher.add(channel, ignore, {})
        for _ in range(3):
            dispatcher.receive(f"moodring/{topic}", b"?", retained=False, settle=lambda: settled.append(topic))
        await dispatcher.drain()
    assert settled == [topic] * 3
    assert dropped(channel, "bad name") == before + 3
    [said] = caplog.messages
    assert said.startswith(f"moodring/{topic}: bad name, message dropped: no room can be called 'services'")


@pytest.mark.parametrize(("room", "payload"), [("Kitchen", b""), ("Doctor", b"?")], ids=["withdrawn", "tried"])
async def test_a_topic_that_is_cleared_or_tried_is_no_bad_name(
    caplog: pytest.LogCaptureFixture, room: str, payload: bytes
) -> None:
    async with Dispatcher("moodring") as dispatcher:
        dispatcher.add(channels.MOOD, ignore, {})
        dispatcher.receive(f"moodring/{room}/mood", payload, retained=False, settle=lambda: None)
    assert not caplog.records


async def heard_of(*rooms: str, complaints: Complaints | None = None) -> list[str]:
    """Send a face of each of these rooms at once and return the rooms of those that were handled."""
    handled: list[str] = []

    async def note(delivery: Delivery[Any]) -> None:
        handled.append(delivery.room)

    payload = channels.EXPRESSIONS.encode(message(START, "happy"))
    async with Dispatcher("moodring", complaints=complaints) as dispatcher:
        dispatcher.add(channels.EXPRESSIONS, note, {})
        for room in rooms:
            dispatcher.receive(f"moodring/{room}/camera/expressions", payload, retained=False, settle=lambda: None)
        await dispatcher.drain()
    return handled


async def test_a_flood_costs_who_makes_it_and_is_said_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    before = dropped(channels.EXPRESSIONS, "overload")
    rooms = ("kitchen", "study", *["flood"] * 100, "hall")
    handled = await heard_of(*rooms, complaints=Complaints(later=clock.later))
    assert handled == ["kitchen", "study", *["flood"] * (QUEUE_QOS0 - 3), "hall"]
    assert dropped(channels.EXPRESSIONS, "overload") == before + 71
    clock.minute()
    first, summed = caplog.messages
    assert first.startswith("{room}/{camera}/expressions: overload")
    assert first.endswith("lastly moodring/flood/camera/expressions (1 times)")
    assert summed.endswith("(70 times more within a minute)")


async def test_where_all_send_alike_the_oldest_goes() -> None:
    rooms = [f"room_{number}" for number in range(QUEUE_QOS0 + 5)]
    assert await heard_of(*rooms) == rooms[5:]
