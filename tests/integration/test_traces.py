"""Traces reach a collector that is real enough: OTLP over HTTP, decoded with the official messages."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from services.contracts.messages import uuid7
from services.runtime import traces
from services.runtime.service import SetupError

WORK = """
import logging, sys
from uuid import UUID
from services.runtime import traces
from services.contracts.messages import PlayRequest
from opentelemetry import trace
decision = UUID(sys.argv[2])
logging.getLogger("services").setLevel("INFO")
traces.configure(sys.argv[1], "player")
with traces.step("{room}/play", PlayRequest(decision_id=decision, tracks=())):
    logging.getLogger("services.player").info("a song", extra={"decision_id": str(decision)})
logging.getLogger("services.player").info("of no decision")
with traces.step("{room}/mood", object()):
    pass
trace.get_tracer_provider().shutdown()
"""


@pytest.fixture
def collector() -> Iterator[tuple[str, list[ExportTraceServiceRequest]]]:
    received: list[ExportTraceServiceRequest] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.append(ExportTraceServiceRequest.FromString(body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Collector)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1/traces", received
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_decision_is_one_trace_under_its_own_id(collector: tuple[str, list[ExportTraceServiceRequest]]) -> None:
    endpoint, received = collector
    decision = uuid7()
    subprocess.run([sys.executable, "-c", WORK, endpoint, str(decision)], check=True, timeout=60)
    resources = [one for request in received for one in request.resource_spans]
    spans = [span for one in resources for scope in one.scope_spans for span in scope.spans]
    assert {span.name for span in spans} == {"{room}/play", "a song"}
    assert {span.trace_id for span in spans} == {decision.bytes}
    names = [at.value.string_value for at in resources[0].resource.attributes if at.key == "service.name"]
    assert names == ["moodring-player"]


def test_without_a_collector_nothing_is_loaded() -> None:
    check = (
        "import sys\nfrom services.runtime import traces\ntraces.configure('', 'x')\n"
        "sys.exit('opentelemetry.sdk' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", check], check=False, timeout=60).returncode == 0


def test_missing_libraries_are_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(SetupError, match=r"install moodring\[traces\]"):
        traces.configure("http://127.0.0.1:9/v1/traces", "x")
