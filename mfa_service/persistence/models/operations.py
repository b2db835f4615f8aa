"""What keeps the service honest: audit, replay guards, stored replies, the outbox."""

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from mfa_service.persistence.base import Base, RowNumber


class AuditEvent(Base):
    """What happened. Append-only: triggers refuse UPDATE and DELETE."""

    __tablename__ = "audit_event"
    __table_args__ = (Index(None, "user_id", "at"), Index(None, "at"))
    id: Mapped[int] = mapped_column(RowNumber, primary_key=True, autoincrement=True)
    at: Mapped[int]
    event: Mapped[str]
    client_id: Mapped[str | None]
    user_id: Mapped[str | None]
    authenticator_id: Mapped[str | None]
    challenge_id: Mapped[str | None]
    result: Mapped[str | None]
    reason: Mapped[str | None]
    ip: Mapped[str | None]
    request_id: Mapped[str | None]


class SeenToken(Base):
    """A `jti` that was used; the primary key is the replay guard, shared by all workers."""

    __tablename__ = "seen_token"
    __table_args__ = (Index(None, "expires_at"),)
    holder: Mapped[str] = mapped_column(primary_key=True)
    jti_hash: Mapped[str] = mapped_column(primary_key=True)
    expires_at: Mapped[int]


class IdempotentReply(Base):
    """The answer to the first request under an idempotency key; `status` is null while it runs."""

    __tablename__ = "idempotent_reply"
    __table_args__ = (Index(None, "created_at"),)
    client_id: Mapped[str] = mapped_column(primary_key=True)
    key_hash: Mapped[str] = mapped_column(primary_key=True)
    body_hash: Mapped[str]
    run: Mapped[str]
    created_at: Mapped[int]
    status: Mapped[int | None]
    sealed: Mapped[bytes | None]
    secret_until: Mapped[int | None]


class Outbox(Base):
    """A notification to hand to a push provider after commit, at least once."""

    __tablename__ = "outbox"
    __table_args__ = (Index(None, "due_at"),)
    id: Mapped[str] = mapped_column(primary_key=True)
    challenge_id: Mapped[str]
    authenticator_id: Mapped[str]
    queued_at: Mapped[int] = mapped_column(default=0, server_default="0")
    due_at: Mapped[int]
    expires_at: Mapped[int]
    attempts: Mapped[int] = mapped_column(default=0)
