"""Subjects within a realm."""

from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from mfa_service.persistence.base import Base


class User(Base):
    """A subject.

    `revision` is written first by every change of its authenticators: they are serial per user.
    `user_code_hash` is what CIBA clients have to know before they may ask (CIBA Core §7.1).
    """

    __tablename__ = "user"
    __table_args__ = (UniqueConstraint("realm", "sub"),)
    id: Mapped[str] = mapped_column(primary_key=True)
    realm: Mapped[str]
    sub: Mapped[str]
    created_at: Mapped[int]
    fraud_reported_at: Mapped[int | None]
    revision: Mapped[int] = mapped_column(default=0)
    user_code_hash: Mapped[str | None]
    user_code_failures: Mapped[int] = mapped_column(default=0, server_default="0")


class Erasure(Base):
    """A user that was erased, until the last challenge that a client may read is deleted too."""

    __tablename__ = "erasure"
    user_id: Mapped[str] = mapped_column(primary_key=True)
    due_at: Mapped[int] = mapped_column(index=True)
