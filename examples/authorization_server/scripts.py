"""Let the scripts of one other origin read our metadata and fetch tokens (Fetch §3.2)."""

from flask import Flask, Response, request

SHARED = frozenset({"token", "discovery"})


def install_sharing(app: Flask, origins: tuple[str, ...]) -> None:
    """Share the token endpoint and the metadata with `origins`, never with cookies.

    The authorization endpoint is not shared: there the browser goes itself (RFC 9700 §2.6).
    """

    @app.after_request
    def share(response: Response) -> Response:
        if request.endpoint not in SHARED:
            return response
        response.headers.add("Vary", "Origin")
        origin = request.headers.get("Origin")
        if origin in origins:
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Access-Control-Expose-Headers"] = "Retry-After"
        return response
