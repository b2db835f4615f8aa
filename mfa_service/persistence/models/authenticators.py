"""Authenticators, what a phone has besides, and what was spent."""

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from mfa_service.persistence.base import Base


class Authenticator(Base):
    """One enrolled authenticator. `credential` is sealed and opaque here.

    `credential_name` tells of a WebAuthn credential whether it is ours, without opening any;
    `failures` counts consecutive wrong proofs; `counter` only rises (TOTP step); `uses_left`
    only falls (recovery codes).
    """

    __tablename__ = "authenticator"
    __table_args__ = (Index(None, "user_id", "state"),)
    id: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("user.id"))
    type: Mapped[str]
    label: Mapped[str]
    state: Mapped[str]
    suspended_by: Mapped[str | None]
    suspended_at: Mapped[int | None]
    created_at: Mapped[int]
    last_used_at: Mapped[int | None]
    attributes: Mapped[str]
    credential: Mapped[bytes]
    credential_name: Mapped[str | None] = mapped_column(index=True)
    failures: Mapped[int] = mapped_column(default=0)
    counter: Mapped[int] = mapped_column(default=-1)
    uses_left: Mapped[int | None]


class Device(Base):
    """The phone protocol's state of a phone. `push_address` is sealed."""

    __tablename__ = "device"
    authenticator_id: Mapped[str] = mapped_column(ForeignKey("authenticator.id"), primary_key=True)
    pin: Mapped[str]
    pin_failures: Mapped[int] = mapped_column(default=0)
    pin_disabled_at: Mapped[int | None]
    push_provider: Mapped[str]
    push_address: Mapped[bytes | None]
    removed_itself: Mapped[int] = mapped_column(default=0)


class DeviceKey(Base):
    """Every device key and WebAuthn credential id ever seen, so that none is enrolled twice."""

    __tablename__ = "device_key"
    thumbprint: Mapped[str] = mapped_column(primary_key=True)
    created_at: Mapped[int]


class SpentProof(Base):
    """Tombstone of a one-time proof. The primary key is the replay guard."""

    __tablename__ = "spent_proof"
    authenticator_id: Mapped[str] = mapped_column(ForeignKey("authenticator.id"), primary_key=True)
    token: Mapped[str] = mapped_column(primary_key=True)
    spent_at: Mapped[int]


class MetadataBlob(Base):
    """Every signed metadata file that was imported, by its serial number, which only rises."""

    __tablename__ = "metadata_blob"
    no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    imported_at: Mapped[int]


class AuthenticatorModel(Base):
    """What a FIDO metadata file states of one model of authenticator, by AAGUID.

    `no` is the serial number of the signed file, which only rises; null for an unsigned one.
    """

    __tablename__ = "authenticator_model"
    aaguid: Mapped[str] = mapped_column(primary_key=True)
    statement: Mapped[str]
    no: Mapped[int | None]
    imported_at: Mapped[int]
