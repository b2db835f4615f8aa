"""Which programs in a browser may call which part of the API (Fetch §3.2)."""

from collections.abc import Collection
from dataclasses import dataclass

from flask import Request, Response

from mfa_service.settings import Settings


@dataclass(frozen=True, slots=True)
class _Shared:
    """What is shared below one path: by which methods, with which headers."""

    path: str
    methods: str
    request_headers: str
    exposed: str


_DEVICE = _Shared(
    "/v1/device",
    "GET, POST, PUT, DELETE",
    "Authorization, Content-Type, X-Request-Id",
    "Date, Retry-After, X-Request-Id",
)
_ME = _Shared(
    "/v1/me",
    "GET, POST, PATCH, DELETE",
    "Authorization, Content-Type, Idempotency-Key, X-Request-Id",
    "Date, Location, Retry-After, WWW-Authenticate, X-Request-Id",
)


def allow(settings: Settings, request: Request, response: Response) -> None:
    """Let apps reach `/v1/device` and login applications `/v1/me`; nothing else is shared.

    Never with credentials: what is called there is proven by a header, and cookies stay out of it.
    """
    for shared, allowed in ((_DEVICE, settings.app_origins), (_ME, settings.origins)):
        if request.path == shared.path or request.path.startswith(f"{shared.path}/"):
            _share(shared, allowed, request, response)


def _share(shared: _Shared, allowed: Collection[str], request: Request, response: Response) -> None:
    response.headers.add("Vary", "Origin")
    origin = request.headers.get("Origin")
    if origin not in allowed:
        return
    response.headers["Access-Control-Allow-Origin"] = origin
    response.headers["Access-Control-Expose-Headers"] = shared.exposed
    if request.method == "OPTIONS":
        response.headers["Access-Control-Allow-Methods"] = shared.methods
        response.headers["Access-Control-Allow-Headers"] = shared.request_headers
        response.headers["Access-Control-Max-Age"] = "600"
