"""Traces reach a collector that is real enough: OTLP over HTTP, decoded with the official messages."""

import contextlib
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from queue import Empty, Queue
from typing import Any
from urllib.request import urlopen

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from services.contracts.messages import uuid7
from services.runtime import traces
from services.runtime.service import SetupError
from tests.product import Product, playing

PATIENCE_S = 60

WORK = """
import sys
from uuid import UUID
from services.runtime import traces
decision, request = UUID(sys.argv[2]), UUID(sys.argv[3])
with traces.sent_to(sys.argv[1]):
    known = {"mood": "sad", "camera": None}
    with traces.step("decide mood", decision, service="aggregator", told_by=decision, began_s=1000.5, attributes=known):
        traces.part("camera", "see faces", 1000.5, 1000.75)
    chosen = {"songs": ["a song"]}
    with traces.step("choose songs", decision, service="recommender", told_by=request, attributes=chosen):
        pass
    with traces.step("queue songs", decision, service="player", after=request, attributes={}):
        pass
    with traces.step("start song", None, service="player", attributes={}):
        pass
"""


class Collector:
    """What was sent: spans, each with the name of its service."""

    def __init__(self) -> None:
        self.url = ""
        self.arrived: Queue[tuple[str, Span]] = Queue()
        self.spans: list[tuple[str, Span]] = []

    def take(self, body: bytes) -> None:
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            (name,) = [said(at.value) for at in resource.resource.attributes if at.key == "service.name"]
            for scope in resource.scope_spans:
                for span in scope.spans:
                    self.arrived.put((name, span))

    def traces(self) -> dict[bytes, dict[str, list[Span]]]:
        """Return the spans so far: by trace, and by name."""
        with contextlib.suppress(Empty):
            while True:
                self.spans.append(self.arrived.get_nowait())
        found: dict[bytes, dict[str, list[Span]]] = {}
        for _, span in self.spans:
            found.setdefault(span.trace_id, {}).setdefault(span.name, []).append(span)
        return found

    def wait_for_trace(self, *names: str) -> dict[str, list[Span]]:
        """Return the spans, by name, of the first trace that has all of these."""
        while not (whole := [spans for spans in self.traces().values() if {*names} <= {*spans}]):
            self.spans.append(self.arrived.get(timeout=PATIENCE_S))
        return whole[0]


@pytest.fixture
def collector() -> Iterator[Collector]:
    collected = Collector()

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            collected.take(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    collected.url = f"http://127.0.0.1:{server.server_port}/v1/traces"
    yield collected
    server.shutdown()
    thread.join()
    server.server_close()


def said(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    return [said(one) for one in value.array_value.values] if kind == "array_value" else getattr(value, str(kind))


def attributes(span: Span) -> dict[str, Any]:
    return {at.key.removeprefix("moodring."): said(at.value) for at in span.attributes}


def test_a_decision_is_one_trace_under_its_own_id_and_its_steps_follow_each_other(collector: Collector) -> None:
    decision, request = uuid7(), uuid7()
    command = [sys.executable, "-c", WORK, collector.url, str(decision), str(request)]
    subprocess.run(command, check=True, timeout=60)
    ((trace_id, named),) = collector.traces().items()
    assert trace_id == decision.bytes
    spans = {name: span for name, (span,) in named.items()}
    follows = {span.name: span.parent_span_id for span in spans.values()}
    assert follows == {
        "decide mood": b"",
        "see faces": spans["decide mood"].span_id,
        "choose songs": spans["decide mood"].span_id,
        "queue songs": spans["choose songs"].span_id,
    }
    assert attributes(spans["decide mood"]) == {"decision_id": str(decision), "mood": "sad"}
    assert attributes(spans["choose songs"])["songs"] == ["a song"]
    assert spans["decide mood"].start_time_unix_nano == 1_000_500_000_000
    assert spans["see faces"].end_time_unix_nano == 1_000_750_000_000
    assert {(span.name, service) for service, span in collector.spans} == {
        ("decide mood", "moodring-aggregator"),
        ("see faces", "moodring-camera"),
        ("choose songs", "moodring-recommender"),
        ("queue songs", "moodring-player"),
    }


@pytest.mark.timeout(180)
def test_the_product_tells_the_way_from_a_frame_to_its_song_and_nothing_else(
    collector: Collector, tmp_path: Path
) -> None:
    with Product(tmp_path, TRACES_ENDPOINT=collector.url) as product:
        state = product.wait_for("/api/players/home", playing)
        for path in ("/", "/healthz", "/readyz", "/metrics", "/api/songs"):
            with urlopen(f"{product.url}{path}", timeout=20):
                pass
        spans = collector.wait_for_trace("decide mood", "choose songs", "queue songs", "start song")
    (decided,), (started, *_) = spans["decide mood"], spans["start song"]
    assert decided.trace_id.hex() == state["current"]["decision_id"].replace("-", "")
    assert decided.parent_span_id == b""
    chosen = {span.span_id: span for span in spans["choose songs"]}
    assert {span.parent_span_id for span in chosen.values()} == {decided.span_id}
    assert {span.parent_span_id for span in (*spans["queue songs"], started)} <= {*chosen}
    way = ["see faces", "wait for batch", "decode faces", "classify faces", "pass on"]
    parts = [spans[name][0] for name in way]
    assert {part.parent_span_id for part in parts} == {decided.span_id}
    assert decided.start_time_unix_nano == parts[0].start_time_unix_nano
    ends = [part.end_time_unix_nano for part in parts]
    assert ends == sorted(ends)
    assert ends[-1] <= started.end_time_unix_nano
    assert attributes(decided)["room"] == attributes(spans["choose songs"][0])["room"] == "home"
    assert attributes(started)["song"] in attributes(chosen[started.parent_span_id])["songs"]
    who = {"see faces": "camera", "decide mood": "aggregator", "choose songs": "recommender"}
    who |= dict.fromkeys(way[1:], "inference") | dict.fromkeys(("queue songs", "start song"), "player")
    assert {(span.name, service) for service, span in collector.spans} <= {
        (name, f"moodring-{service}") for name, service in who.items()
    }


def test_a_collector_that_is_away_holds_nothing_up(tmp_path: Path) -> None:
    with Product(tmp_path, TRACES_ENDPOINT="http://127.0.0.1:9/v1/traces") as product:
        product.wait_for("/api/players/home", playing)
        code = product.stop()
    assert code == 0
    assert not [line for line in product.lines if "Traceback" in line], product.story()


def test_without_a_collector_nothing_is_loaded() -> None:
    check = (
        "import sys\nfrom services.runtime import traces\n"
        "with traces.sent_to(''): sys.exit('opentelemetry.sdk' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", check], check=False, timeout=60).returncode == 0


def test_missing_libraries_are_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "services.runtime.traces_export", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(SetupError, match=r"install moodring\[traces\]"), traces.sent_to("http://127.0.0.1:9/"):
        pass
