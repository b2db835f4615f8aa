"""Spans by OpenTelemetry, sent to a collector by OTLP over HTTP from a thread of its own.

The library reads `OTEL_*` itself: headers for the collector, sampling, resource attributes, delays.
Nothing but names, counts and results is in a span: no text of an exception, no address, no id of a
person, client or authenticator.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

Value = str | int
_NAME = "mfa_service"
_OURS = "http.response.status_code"
_FAULT = 500
_PARENTS = TraceContextTextMapPropagator()


class _Set:
    """What the block of a span may note."""

    def __init__(self, span: Span) -> None:
        self._span = span

    def set(self, name: str, value: Value) -> None:
        """Note an attribute of ours."""
        self._span.set_attribute(f"mfa.{name}", value)


class OtelTracer:
    """`Tracer` for one process; it has to be made after the fork."""

    def __init__(self, collector: str, nanoseconds: Callable[[], int]) -> None:
        """Take the collector's address without path, and the clock."""
        self._provider = TracerProvider(resource=_resource())
        exporter = OTLPSpanExporter(endpoint=f"{collector.rstrip('/')}/v1/traces")
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer(_NAME)
        self._now = nanoseconds

    @contextmanager
    def span(self, name: str, attributes: Mapping[str, Value]) -> Iterator[_Set]:
        """Tell of what happens in the block; of an exception only that there was one."""
        with self._tracer.start_as_current_span(
            name,
            kind=SpanKind.CLIENT,
            attributes=dict(attributes),
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                yield _Set(span)
            except BaseException:  # whatever ended it is raised again
                span.set_status(Status(StatusCode.ERROR))
                raise

    def request(
        self, name: str, attributes: Mapping[str, Value], *, seconds: float, parent: str | None
    ) -> None:
        """Tell of an answered request, as a child of `parent` if that is well formed (W3C)."""
        end = self._now()
        context = _PARENTS.extract({"traceparent": parent} if parent else {})
        span = self._tracer.start_span(
            name,
            context=context,
            kind=SpanKind.SERVER,
            attributes=dict(attributes),
            start_time=end - int(seconds * 1e9),
        )
        if int(attributes.get(_OURS, 0)) >= _FAULT:
            span.set_status(Status(StatusCode.ERROR))
        span.end(end_time=end)

    def close(self) -> None:
        """Send what is left, and stop."""
        self._provider.shutdown()


def _resource() -> Resource:
    found = Resource.create({SERVICE_VERSION: version("stepup-mfa-service")})
    unnamed = str(found.attributes[SERVICE_NAME]).startswith("unknown_service")
    return found.merge(Resource({SERVICE_NAME: "mfa"})) if unnamed else found
