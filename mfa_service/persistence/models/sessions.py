"""Sessions of people in a browser, and the links that begin one."""

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from mfa_service.persistence.base import Base


class Session(Base):
    """A self-service session, by the hash of its cookie. `began_by` is `link`, `login` or `hint`.

    `intent` is what the person wants to change, kept while the step-up for it runs. `shown` is
    sealed: what an enrollment shows to this browser only. `notice` is said on the next page.
    """

    __tablename__ = "session"
    __table_args__ = (Index(None, "user_id"), Index(None, "expires_at"))
    token_hash: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(unique=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("user.id"))
    began_by: Mapped[str]
    created_at: Mapped[int]
    seen_at: Mapped[int]
    expires_at: Mapped[int]
    user_agent: Mapped[str]
    intent: Mapped[str | None]
    shown: Mapped[bytes | None]
    notice: Mapped[str | None]
    authorization_id: Mapped[str | None]


class AccountLink(Base):
    """A link into self-service, by the hash of its secret; spent once, by a button."""

    __tablename__ = "account_link"
    __table_args__ = (Index(None, "expires_at"), Index(None, "user_id"))
    token_hash: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("user.id"))
    client_id: Mapped[str] = mapped_column(ForeignKey("client.id"))
    created_at: Mapped[int]
    expires_at: Mapped[int]
    spent_at: Mapped[int | None]
