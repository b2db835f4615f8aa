"""Challenges and the notifications sent for them."""

from typing import Any

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from mfa_service.persistence.base import Base

# What is open is little of what is kept, and all that is looked for by time.
_IS_OPEN = text("status = 'pending'")
_WHILE_OPEN: dict[str, Any] = {"postgresql_where": _IS_OPEN, "sqlite_where": _IS_OPEN}


class Challenge(Base):
    """One request to prove presence. `status` only ever leaves `pending`, once.

    `request` is sealed and never changes; the other columns are what moves. `page_session` is the
    hash of the cookie of the one browser that opened the hosted page, `returned_at` when the client
    showed the code that this browser brought back. There is no foreign key to
    the user, so that a caller can still read the end of a challenge of an erased user.
    """

    __tablename__ = "challenge"
    __table_args__ = (
        Index(None, "user_id", "created_at"),
        Index("ix_challenge_open_user_id", "user_id", **_WHILE_OPEN),
        Index("ix_challenge_open_expires_at", "expires_at", **_WHILE_OPEN),
    )
    id: Mapped[str] = mapped_column(primary_key=True)
    client_id: Mapped[str]
    user_id: Mapped[str]
    purpose: Mapped[str]
    status: Mapped[str]
    reason: Mapped[str | None]
    created_at: Mapped[int]
    expires_at: Mapped[int]
    ended_at: Mapped[int | None]
    ended_by: Mapped[str | None]
    attempts_left: Mapped[int]
    offers_push: Mapped[int]
    push_state: Mapped[str]
    proofs: Mapped[str]
    auth_time: Mapped[int | None]
    spent_for: Mapped[str | None]
    request: Mapped[bytes]
    page_session: Mapped[str | None]
    returned_at: Mapped[int | None]
    disputed_at: Mapped[int | None]


class Prompt(Base):
    """WebAuthn options given at one place for one challenge: answered once, right or wrong."""

    __tablename__ = "prompt"
    __table_args__ = (Index(None, "expires_at"),)
    challenge_id: Mapped[str] = mapped_column(primary_key=True)
    place: Mapped[str] = mapped_column(primary_key=True)
    nonce: Mapped[str]
    expires_at: Mapped[int]


class PushSent(Base):
    """One notification that was asked for; the limits count these."""

    __tablename__ = "push_sent"
    __table_args__ = (Index(None, "user_id", "sent_at"), Index(None, "sent_at"))
    id: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str]
    client_id: Mapped[str]
    sent_at: Mapped[int]
