"""A double of an OpenTelemetry collector: OTLP over HTTP, in protobuf (OTLP 1.x, `/v1/traces`)."""

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from .loopback import listening


@dataclass(frozen=True)
class Span:
    """One span as it arrived."""

    name: str
    kind: int
    trace_id: str
    parent_id: str
    attributes: dict[str, Any]
    nanoseconds: int
    failed: bool
    service: str


@dataclass
class Collector:
    """What was sent, and how it answers."""

    address: str
    spans: list[Span] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    status: int = 200

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    def named(self, name: str) -> list[Span]:
        return [span for span in self.spans if span.name == name]

    def take(self, body: bytes) -> None:
        """Read a message, as the protocol says."""
        message = ExportTraceServiceRequest.FromString(body)
        self.bodies.append(body)
        for resource in message.resource_spans:
            about = _attributes(resource.resource)
            for scope in resource.scope_spans:
                self.spans += [_span(span, about) for span in scope.spans]


@contextmanager
def collector() -> Iterator[Collector]:
    """Run one until the block ends."""
    with listening(Collector, _handler) as double:
        yield double


def _span(span: Any, about: dict[str, Any]) -> Span:
    return Span(
        name=span.name,
        kind=span.kind,
        trace_id=span.trace_id.hex(),
        parent_id=span.parent_span_id.hex(),
        attributes=_attributes(span),
        nanoseconds=span.end_time_unix_nano - span.start_time_unix_nano,
        failed=span.status.code == 2,
        service=str(about["service.name"]),
    )


def _attributes(holder: Any) -> dict[str, Any]:
    found = {}
    for pair in holder.attributes:
        kind = pair.value.WhichOneof("value")
        found[pair.key] = getattr(pair.value, kind)
    return found


def _handler(double: Collector) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            zipped = self.headers.get("Content-Encoding") == "gzip"
            double.headers.append(dict(self.headers.items()))
            if self.path == "/v1/traces" and double.status == 200:
                double.take(gzip.decompress(body) if zipped else body)
            answer = ExportTraceServiceResponse().SerializeToString()
            self.send_response(double.status if self.path == "/v1/traces" else 404)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler
