"""What MFA_DATABASE_URL may say."""

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

_IN_MEMORY = frozenset({"sqlite:///", "sqlite:///:memory:"})


def fault_of(url: str) -> str | None:
    """Return what is wrong with a database URL, never what is in it; `None` if nothing is."""
    if not url.startswith(("sqlite:///", "postgresql+psycopg://")):
        return "must start with sqlite:/// or postgresql+psycopg://"
    if url in _IN_MEMORY:
        return "needs a file, so that all workers share it"
    try:
        query = make_url(url).query
    except (ArgumentError, ValueError):
        return "is not a database URL"
    hosts = query.get("host", "")
    several = "," in hosts if isinstance(hosts, str) else len(hosts) > 1
    if several and query.get("target_session_attrs") != "read-write":
        return "names several hosts, so it needs target_session_attrs=read-write"
    return None
