"""Cookies in people's browsers: for this host alone and out of reach of scripts (S 3.9.3)."""

from flask import Request, Response


def name_of(issuer: str, name: str) -> str:
    """Return the name on the wire: `__Host-` keeps other hosts and plain http from setting it.

    An issuer on http is on loopback, where browsers refuse the prefix.
    """
    return f"__Host-{name}" if _is_secure(issuer) else name


def read(request: Request, issuer: str, name: str) -> str | None:
    """Return the value of a cookie, if the browser sent it."""
    return request.cookies.get(name_of(issuer, name))


def write(response: Response, issuer: str, name: str, value: str, *, seconds: int | None) -> None:
    """Give the browser a cookie for `seconds`, or until it is closed."""
    response.set_cookie(
        name_of(issuer, name),
        value,
        max_age=seconds,
        path="/",
        secure=_is_secure(issuer),
        httponly=True,
        samesite="Lax",
    )


def clear(response: Response, issuer: str, name: str) -> None:
    """Take a cookie away."""
    write(response, issuer, name, "", seconds=0)


def _is_secure(issuer: str) -> bool:
    return issuer.startswith("https:")
