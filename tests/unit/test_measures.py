"""What is measured of messages, and that the dashboard asks for nothing else."""

import json
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from prometheus_client import REGISTRY

from services.contracts.channels import EVENTS, Channel
from services.contracts.messages import Event, EventType, Policy, PolicyMode, SetPolicy, uuid7
from services.contracts.moodring_pb2 import FaceCrops
from services.player.announcements import made_at
from services.runtime.bus import Bus, Delivery
from services.runtime.dispatch import COMMAND_REASONS, REASONS
from services.runtime.measures import age_s
from services.runtime.memory import MemoryBus
from services.runtime.mqtt import AWAY, REFUSED, TOO_SLOW, MqttBus

AT = datetime(2026, 11, 27, 18, 0, tzinfo=UTC)
DASHBOARD = Path(__file__).parents[2] / "infra" / "grafana" / "dashboards" / "moodring.json"


@pytest.mark.parametrize(
    ("message", "age"),
    [
        (FaceCrops(captured_at=Timestamp(seconds=int(AT.timestamp()), nanos=500_000_000)), 1.5),
        (SetPolicy(mode=PolicyMode.LIFT, issued_at=AT), 2.0),
        (Event(type=EventType.PROBLEM, at=AT), 2.0),
        (Policy(), None),
    ],
)
def test_a_message_is_as_old_as_what_it_says(message: Any, age: float | None) -> None:
    assert age_s(message, lambda: AT.timestamp() + 2) == age


def test_a_clock_that_is_ahead_makes_nothing_younger_than_new() -> None:
    assert age_s(Event(type=EventType.PROBLEM, at=AT), lambda: AT.timestamp() - 60) == 0


def test_the_time_of_a_decision_is_in_its_id() -> None:
    identity = uuid7()
    made = made_at(identity)
    assert made is not None
    assert abs(made - datetime.now(UTC).timestamp()) < 60
    assert made_at(None) is None


def value(name: str, channel: str) -> float:
    return REGISTRY.get_sample_value(name, {"channel": channel}) or 0.0


async def test_messages_are_counted_timed_and_none_waits_afterwards() -> None:
    handled: list[Any] = []

    async def handle(delivery: Delivery[Any]) -> None:
        handled.append(delivery.message)

    names = ("moodring_handling_seconds_count", "moodring_message_age_seconds_count")
    before = [value(name, EVENTS.template) for name in names]
    async with MemoryBus() as memory:
        bus: Bus = memory
        bus.subscribe(EVENTS, handle)
        bus.publish(EVENTS, Event(type=EventType.PROBLEM), room="home")
        await memory.settle()
    assert [value(name, EVENTS.template) for name in names] == [count + 1 for count in before]
    assert value("moodring_messages_waiting", EVENTS.template) == 0


BORN = """
import importlib, pkgutil, services
from prometheus_client import REGISTRY
for name in ("camera", "inference", "aggregator", "recommender", "player", "gateway"):
    for module in pkgutil.iter_modules(importlib.import_module(f"services.{name}").__path__, f"services.{name}."):
        importlib.import_module(module.name)
for family in REGISTRY.collect():
    if family.name.startswith("moodring_") and family.type in ("counter", "histogram"):
        if not any(sample.value == 0 for sample in family.samples if not sample.name.endswith("_created")):
            print(family.name)
"""
"""Prints the measures of a process in which nothing has happened that no exposition has yet."""

LATER = {
    *("moodring_messages_received", "moodring_messages_dropped", "moodring_message_age_seconds"),
    *("moodring_handling_seconds", "moodring_aggregator_decisions"),
    *("moodring_model_server_requests", "moodring_model_server_request_seconds"),
}
"""Those whose labels are known when a service starts: its channels, a household's moods, the methods served."""


def test_every_series_begins_at_zero() -> None:
    done = subprocess.run([sys.executable, "-c", BORN], capture_output=True, check=True, text=True, timeout=60)
    assert set(done.stdout.split()) == LATER


async def test_the_series_of_a_channel_begin_at_zero_when_it_is_subscribed_to_or_spoken_on() -> None:
    async def handle(_delivery: Delivery[Any]) -> None:
        raise AssertionError("nothing comes")

    dropped = "moodring_messages_dropped_total"
    said: Channel[Event] = Channel("{room}/said", Event)
    for heard, reasons in (
        (Channel("{room}/heard", Event), REASONS),
        (Channel("{room}/commanded", SetPolicy, command=True), COMMAND_REASONS),
    ):
        async with MemoryBus() as bus:
            bus.subscribe(heard, handle)
        for name in ("messages_received_total", "message_age_seconds_count", "handling_seconds_count"):
            assert REGISTRY.get_sample_value(f"moodring_{name}", {"channel": heard.template}) == 0
        for reason in reasons:
            assert REGISTRY.get_sample_value(dropped, {"channel": heard.template, "reason": reason}) == 0
    MqttBus("mqtt://127.0.0.1:1", prefix="moodring", client_id="x").publish(
        said, Event(type=EventType.PROBLEM), room="home"
    )
    for reason in (AWAY, TOO_SLOW, REFUSED):
        assert REGISTRY.get_sample_value(dropped, {"channel": said.template, "reason": reason}) == 0


def test_every_figure_of_the_dashboard_is_one_that_some_service_has() -> None:
    import services.aggregator.service
    import services.camera.reading
    import services.camera.status
    import services.inference.service
    import services.recommender.service  # noqa: F401 - each registers its own

    known = {name for family in REGISTRY.collect() for name in (family.name, f"{family.name}_total")}
    panels = json.loads(DASHBOARD.read_text())["panels"]
    queries = [target["expr"] for panel in panels for target in panel.get("targets", ())]
    asked = {name for query in queries for name in re.findall(r"\b(?:moodring|process)_\w+", query)}
    assert asked
    assert {name.removesuffix("_bucket") for name in asked} <= known
