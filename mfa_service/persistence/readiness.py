"""Whether the database can do what every request needs of it."""

from sqlalchemy import func, literal, select

from mfa_service.domain.errors import Unavailable

from .models import SigningKey
from .unit_of_work import UnitOfWork

_ANY_KEY = select(SigningKey.kid).limit(1)
_ASKED = {
    "sqlite": _ANY_KEY.add_columns(literal("off").label("read_only")),
    # A standby says `on` as well, and so does a primary that was fenced by its default.
    "postgresql": _ANY_KEY.add_columns(
        func.current_setting("transaction_read_only").label("read_only")
    ),
}


def require_ready(work: UnitOfWork) -> None:
    """Raise `Unavailable` unless there is a signing key, and PostgreSQL takes writes."""
    with work.reading() as tx:
        row = tx.execute(_ASKED[tx.dialect.name]).one_or_none()
    if row is None:
        raise Unavailable("The database has no signing key: run `mfa db upgrade`.", retry_after=5)
    if row.read_only == "on":
        work.give_up_server()
