"""Traces, when asked for: one per decision, from the frame that it rests on to the song that starts.

A decision's id is its trace's id, so what log and database call a decision is found under the same number. A step that
another service goes on from has its span's id from the message that tells of it: the decision's for the first step, a
request's for the choice of songs. So every service knows the parents of its spans by what messages carry anyway.
A frame's way is recorded where it ends, by the times that messages carry, each part under the service that did it.

Nothing else is traced: requests for pages, health and figures would be all there is to see.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from uuid import UUID

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import INVALID_SPAN, NonRecordingSpan, NoOpTracer, Span, SpanContext, TraceFlags

from services.runtime.service import SetupError

SPAN_BITS = (1 << 64) - 1
NS_PER_S = 1_000_000_000
NAMES = "moodring."
"""What the names of our attributes begin with."""

GIVEN_IDS: ContextVar[tuple[int, int] | None] = ContextVar("given_ids", default=None)
"""Ids of the trace and the span that are begun, where they follow from a message."""

Attribute = str | bool | int | float | Sequence[str] | Sequence[int] | None


class _Traces:
    """Where spans go: nowhere, until there is a collector."""

    tracer: Callable[[str], trace.Tracer] = staticmethod(lambda _service: NoOpTracer())
    """By the service that did what is recorded, as `inference`."""


@contextmanager
def sent_to(endpoint: str) -> Iterator[None]:
    """Send traces to a collector while the context is open.

    Args:
        endpoint: `http://collector:4318/v1/traces` (OTLP over HTTP); empty for none.

    Raises:
        SetupError: The libraries are not installed.
    """
    if not endpoint:
        yield
        return
    try:
        from services.runtime.traces_export import exporting
    except ImportError as error:
        raise SetupError(
            "traces.endpoint is set, and OpenTelemetry is not installed: install moodring[traces]"
        ) from error
    nowhere = _Traces.tracer
    with exporting(endpoint) as tracer:
        _Traces.tracer = tracer
        try:
            yield
        finally:
            _Traces.tracer = nowhere


@contextmanager
def step(
    name: str,
    decision: UUID | None,
    *,
    service: str,
    told_by: UUID | None = None,
    after: UUID | None = None,
    began_s: float | None = None,
    attributes: Mapping[str, Attribute],
) -> Iterator[Span]:
    """Record what is done for a decision while the context is open; without one, nothing.

    Args:
        name: What is done: one of few names; what differs from one time to the next is an attribute.
        decision: The decision.
        service: Who does it.
        told_by: Id of the message that tells others of this step, so that theirs can follow it; for the first step
            of all it is the decision's.
        after: The message that told us of the step which this one follows; without it, it follows the decision.
        began_s: When it began, in seconds since 1970; now without it.
        attributes: What there is to know of it; `None` is left out.
    """
    if decision is None:
        yield INVALID_SPAN
        return
    context = Context() if told_by == decision else _within(decision, after or decision)
    known = {f"{NAMES}{key}": value for key, value in attributes.items() if value is not None}
    given = GIVEN_IDS.set((decision.int, span_id(told_by)) if told_by else None)
    span = _Traces.tracer(service).start_span(
        name,
        context=context,
        start_time=None if began_s is None else int(began_s * NS_PER_S),
        attributes={f"{NAMES}decision_id": str(decision), **known},
    )
    GIVEN_IDS.reset(given)
    with trace.use_span(span, end_on_exit=True):
        yield span


def part(service: str, name: str, began_s: float, ended_s: float) -> None:
    """Record a part that a service had in the step that is being recorded; times are in seconds since 1970."""
    span = _Traces.tracer(service).start_span(name, start_time=int(began_s * NS_PER_S))
    span.end(int(ended_s * NS_PER_S))


def span_id(message: UUID) -> int:
    """Return the id of the span that a message tells of."""
    return (message.int & SPAN_BITS) or 1


def _within(decision: UUID, after: UUID) -> Context:
    """Return the context of a step of a decision that was taken elsewhere."""
    parent = SpanContext(decision.int, span_id(after), is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))
    return trace.set_span_in_context(NonRecordingSpan(parent), Context())
