"""What arrives before anybody listens."""

from typing import Any

import pytest

from services.contracts import channels
from services.runtime.bus import Delivery
from services.runtime.complaints import Complaints
from services.runtime.dispatch import UNCLAIMED, Dispatcher
from services.runtime.measures import DROPPED


def dropped(channel: channels.Channel[Any], reason: str) -> float:
    return float(DROPPED.labels(channel.template, reason)._value.get())


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
    complaints = Complaints()
    async with (
        Dispatcher("moodring", complaints=complaints) as one,
        Dispatcher("moodring", complaints=complaints) as other,
    ):
        for dispatcher in (one, other):
            dispatcher.add(channels.MOOD, ignore, {"room": "home"})
            dispatcher.receive("moodring/home/mood", b"{", retained=False, settle=lambda: None)
            await dispatcher.drain()
    assert len(caplog.records) == 1
