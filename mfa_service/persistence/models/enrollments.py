"""Enrollments on their way to an authenticator."""

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from mfa_service.persistence.base import Base


class Enrollment(Base):
    """Tying one authenticator to a subject. `sealed` holds what only `finish` may see.

    `authorized_by` is `new`, `step_up` or `admin`; `authorized_level` is the rank of the
    step-up that was spent for it.
    """

    __tablename__ = "enrollment"
    __table_args__ = (
        Index(None, "code_hash", unique=True),
        Index(None, "expires_at"),
        Index(None, "user_id"),
    )
    id: Mapped[str] = mapped_column(primary_key=True)
    client_id: Mapped[str] = mapped_column(ForeignKey("client.id"))
    user_id: Mapped[str] = mapped_column(ForeignKey("user.id"))
    type: Mapped[str]
    label: Mapped[str | None]
    state: Mapped[str]
    created_at: Mapped[int]
    expires_at: Mapped[int]
    attempts_left: Mapped[int]
    code_hash: Mapped[str | None]
    claimed_by: Mapped[str | None]
    sealed: Mapped[bytes | None]
    authenticator_id: Mapped[str | None]
    authorized_by: Mapped[str]
    authorized_level: Mapped[int]
