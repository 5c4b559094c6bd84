"""Sends spans to a collector; imported only where there is one."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import Tracer

from services.runtime.traces import GIVEN_IDS

TIMEOUT_S = 2.0
"""A collector that takes longer is away; an end waits for it so long at most."""


class _Ids(RandomIdGenerator):
    """Gives the ids that follow from a message, and random ones where there is none."""

    def generate_trace_id(self) -> int:
        given = GIVEN_IDS.get()
        return given[0] if given else super().generate_trace_id()

    def generate_span_id(self) -> int:
        given = GIVEN_IDS.get()
        return given[1] if given else super().generate_span_id()


@contextmanager
def exporting(endpoint: str) -> Iterator[Callable[[str], Tracer]]:
    """Give a service's tracer by its name; spans are sent in batches, the last ones when the context is left.

    OpenTelemetry has the service's name from the provider, so each has one; they share what sends. The providers are
    nobody else's: made the global one, it would have FastAPI and NiceGUI trace every request.
    """
    batches = BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint, timeout=TIMEOUT_S))

    @cache
    def tracer(service: str) -> Tracer:
        resource = Resource.create({"service.name": f"moodring-{service}"})
        provider = TracerProvider(resource=resource, id_generator=_Ids(), shutdown_on_exit=False)
        provider.add_span_processor(batches)
        return provider.get_tracer("moodring")

    try:
        yield tracer
    finally:
        batches.shutdown()  # type: ignore[no-untyped-call]
