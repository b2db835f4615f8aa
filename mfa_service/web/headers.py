"""The headers of every answer to a person's browser, in one place (S 7.7.5)."""

from flask import Response

_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": (
        "publickey-credentials-get=(self), publickey-credentials-create=(self), "
        "clipboard-write=(self), camera=(), clipboard-read=(), display-capture=(), fullscreen=(), "
        "geolocation=(), microphone=(), payment=(), usb=()"
    ),
}
_NOTHING = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
_YEAR = 31_536_000


def allow_scripts(response: Response, nonce: str) -> None:
    """Let the scripts that carry `nonce` run, with what they import; there are no others."""
    response.headers["Content-Security-Policy"] = f"{_NOTHING}; script-src 'nonce-{nonce}'"


def allow_form(response: Response, origin: str) -> None:
    """Let the form of this page lead to another origin: where an answer is posted to."""
    policy = response.headers["Content-Security-Policy"]
    response.headers["Content-Security-Policy"] = policy.replace(
        "form-action 'self'", f"form-action {origin}"
    )


def finish(response: Response, issuer: str) -> None:
    """Add what was not said yet."""
    for name, value in _ALWAYS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Content-Security-Policy", _NOTHING)
    response.headers.setdefault("Cache-Control", "no-store")
    if issuer.startswith("https:"):
        response.headers.setdefault("Strict-Transport-Security", f"max-age={_YEAR}")
