"""Serve the page's files under a strict policy; everything else happens in the browser."""

from pathlib import Path

from flask import Flask, Response, jsonify, send_from_directory

from examples.common.pages import COMMON, origin_of
from examples.self_service_spa.settings import Settings

FILES = Path(__file__).with_name("static")
HEADERS = {
    "Cache-Control": "no-cache",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": (
        "publickey-credentials-create=(self), publickey-credentials-get=(self), "
        "camera=(), geolocation=(), microphone=()"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def create_app(settings: Settings) -> Flask:
    """Return the file server; it knows no person, no token and no secret."""
    app = Flask(__name__, static_folder=None)
    policy = _policy(settings)

    @app.after_request
    def add_headers(response: Response) -> Response:
        response.headers.update(HEADERS)
        response.headers["Content-Security-Policy"] = policy
        return response

    config = {
        "issuer": settings.issuer,
        "service": settings.service,
        "client_id": settings.client_id,
        "redirect_uri": f"{settings.address}/",
        "asks_for_passwords": settings.asks_for_passwords,
    }
    app.add_url_rule("/", "page", lambda: send_from_directory(FILES, "index.html"))
    app.add_url_rule("/config.json", "config", lambda: jsonify(config))
    app.add_url_rule("/healthz", "healthz", lambda: {"status": "ok"})
    app.add_url_rule(
        "/style.css", "style", lambda: send_from_directory(COMMON / "static", "style.css")
    )
    app.add_url_rule("/<name>", "file", lambda name: send_from_directory(FILES, name))
    return app


def _policy(settings: Settings) -> str:
    """Return the content security policy.

    It is what stands between an injected script and the token: no script but these files, no text
    that turns into markup (Trusted Types), and no address to send anything to but the two that
    the page needs.
    """
    calls = " ".join(dict.fromkeys(map(origin_of, (settings.issuer, settings.service))))
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' data:",
            f"connect-src 'self' {calls}",
            "form-action 'none'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        )
    )
