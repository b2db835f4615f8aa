"""Requests of OpenID Connect and CIBA on their way through a challenge to a token."""

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from mfa_service.persistence.base import Base


class PushedRequest(Base):
    """An authorization request that its client pushed (RFC 9126); used once, by deleting it."""

    __tablename__ = "pushed_request"
    __table_args__ = (Index(None, "expires_at"),)
    handle_hash: Mapped[str] = mapped_column(primary_key=True)
    client_id: Mapped[str]
    expires_at: Mapped[int]
    request: Mapped[bytes]


class Authorization(Base):
    """One authentic request, from its challenge to the tokens that it yields, once.

    `request` is sealed and never changes. `handle_hash` names the code or `auth_req_id`, which is
    good until `handle_until`; `ping_at` is when a CIBA client is to be notified next.
    """

    __tablename__ = "authorization"
    __table_args__ = (
        Index(None, "challenge_id"),
        Index(None, "expires_at"),
        Index(None, "ping_at"),
    )
    id: Mapped[str] = mapped_column(primary_key=True)
    client_id: Mapped[str]
    kind: Mapped[str]
    challenge_id: Mapped[str | None]
    created_at: Mapped[int]
    expires_at: Mapped[int]
    request: Mapped[bytes]
    handle_hash: Mapped[str | None] = mapped_column(unique=True)
    handle_until: Mapped[int | None]
    redeemed_at: Mapped[int | None]
    revoked_at: Mapped[int | None]
    poll_interval: Mapped[int] = mapped_column(default=0, server_default="0")
    polled_at: Mapped[int | None]
    ping_at: Mapped[int | None]
    pings: Mapped[int] = mapped_column(default=0, server_default="0")
