"""What tracing is told of a request."""

from flask import Request, Response

from mfa_service.observability import trace
from mfa_service.observability.spans import TRACING, Counts, Value


def tell(request: Request, response: Response, counts: Counts, *, seconds: float) -> None:
    """Tell how a request was answered, and what it cost; neither its address nor who asked."""
    if TRACING.tracer is None:
        return
    name = request.endpoint or "unknown"
    attributes: dict[str, Value] = {
        "http.request.method": request.method,
        "http.route": name,
        "http.response.status_code": response.status_code,
        "mfa.request_id": trace.current().request_id or "",
        "mfa.statements": counts.statements,
        "mfa.commits": counts.commits,
    }
    parent = request.headers.get("traceparent")
    TRACING.tracer.request(name, attributes, seconds=seconds, parent=parent)
