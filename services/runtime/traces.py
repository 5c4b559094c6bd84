"""Traces, when asked for: one per decision, from the mood to the song.

A decision's id is the trace's id: every service finds the trace by what the message carries anyway, and what log and
database call a decision is found under the same number. Nothing else travels with messages.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from services.runtime.service import SetupError

SPAN_BITS = (1 << 64) - 1


def configure(endpoint: str, service: str) -> None:
    """Send traces to a collector.

    Args:
        endpoint: `http://collector:4318/v1/traces` (OTLP over HTTP); empty for none.
        service: What this process is called there.

    Raises:
        SetupError: The libraries are not installed.
    """
    if not endpoint:
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise SetupError(
            "traces.endpoint is set, and OpenTelemetry is not installed: install moodring[traces]"
        ) from error
    provider = TracerProvider(resource=Resource.create({"service.name": f"moodring-{service}"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
    trace.set_tracer_provider(provider)
    logging.getLogger("services").addHandler(Steps())


@contextmanager
def step(name: str, message: Any) -> Iterator[None]:
    """Record what is done with a message that follows from a decision; anything else is no part of a trace."""
    decision = getattr(message, "decision_id", None)
    if not isinstance(decision, UUID):
        yield
        return
    with trace.get_tracer("moodring").start_as_current_span(name, context=within(decision)):
        yield


def within(decision: UUID) -> Any:
    """Return the context of a decision's trace."""
    parent = SpanContext(
        trace_id=decision.int,
        span_id=(decision.int & SPAN_BITS) or 1,
        is_remote=True,
        trace_flags=TraceFlags(TraceFlags.SAMPLED),
    )
    return trace.set_span_in_context(NonRecordingSpan(parent))


class Steps(logging.Handler):
    """Turns each log line about a decision into a moment of its trace."""

    def emit(self, record: logging.LogRecord) -> None:
        """Record a line that carries a `decision_id`."""
        try:
            decision = UUID(str(getattr(record, "decision_id", "")))
        except ValueError:
            return
        span = trace.get_tracer("moodring").start_span(
            record.getMessage(), context=within(decision), start_time=int(record.created * 1e9)
        )
        span.end()
