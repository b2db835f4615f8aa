"""OAuth clients of this service, and its own signing keys."""

from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from mfa_service.persistence.base import Base


class Client(Base):
    """An authorization server, gateway or tool. Lists are space-separated."""

    __tablename__ = "client"
    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    realm: Mapped[str]
    scopes: Mapped[str]
    redirect_uris: Mapped[str]
    origins: Mapped[str]
    resources: Mapped[str]
    secret_hash: Mapped[str | None]
    jwks: Mapped[str | None]
    client_metadata: Mapped[str] = mapped_column(default="{}", server_default="{}")
    created_at: Mapped[int]
    disabled_at: Mapped[int | None]


class SigningKey(Base):
    """A key that we sign with. The pair (alg, generation) lets only one of two makers win.

    It is published from the start and signs from `active_at` on, until the next one does; what is
    retired is no longer published. `x5c` is its certificate (RFC 7517 §4.7), DER in base64.
    """

    __tablename__ = "signing_key"
    __table_args__ = (UniqueConstraint("alg", "generation"),)
    kid: Mapped[str] = mapped_column(primary_key=True)
    alg: Mapped[str]
    generation: Mapped[int]
    public_jwk: Mapped[str]
    sealed: Mapped[bytes]
    x5c: Mapped[str | None]
    created_at: Mapped[int]
    active_at: Mapped[int] = mapped_column(default=0, server_default="0")
    retired_at: Mapped[int | None]
