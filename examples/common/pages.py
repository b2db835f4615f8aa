"""Rules for every page: security headers, a plain error page, the shared style sheet."""

from pathlib import Path
from urllib.parse import urlsplit

from flask import Flask, Response, render_template, send_from_directory
from jinja2 import ChoiceLoader, FileSystemLoader
from werkzeug.exceptions import HTTPException

COMMON = Path(__file__).parent
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


def install_pages(app: Flask, *, form_targets: tuple[str, ...] = ()) -> None:
    """Give every answer of `app` the security headers, and every error a page in plain words.

    `form_targets` are origins that a form may end at by redirect: browsers apply `form-action` to
    the redirects that follow a form, too. The referrer policy is not `no-referrer`, because
    browsers then send `Origin: null` with our own forms.
    """
    policy = "; ".join(
        (
            "default-src 'none'",
            "style-src 'self'",
            "script-src 'self'",
            "connect-src 'self'",
            "img-src 'self' data:",
            " ".join(("form-action 'self'", *form_targets)),
            "base-uri 'none'",
            "frame-ancestors 'none'",
        )
    )

    @app.after_request
    def add_headers(response: Response) -> Response:
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers["Content-Security-Policy"] = policy
        response.headers.update(HEADERS)
        return response

    app.jinja_loader = ChoiceLoader(
        [
            FileSystemLoader(Path(app.root_path) / "templates"),
            FileSystemLoader(COMMON / "templates"),
        ]
    )
    app.add_url_rule(
        "/style.css", "style", lambda: send_from_directory(COMMON / "static", "style.css")
    )
    app.add_url_rule("/healthz", "healthz", lambda: {"status": "ok"})
    app.register_error_handler(HTTPException, _error_page)


def origin_of(address: str) -> str:
    """Return scheme, host and port of an address."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


def _error_page(error: HTTPException) -> tuple[str, int]:
    return render_template(
        "error.html", title=error.name, text=error.description
    ), error.code or 500
