"""One challenge: what was asked, what was proven, and how it ends."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Self


class Status(StrEnum):
    """`pending` moves to one of the others, once."""

    PENDING = "pending"
    SATISFIED = "satisfied"
    DENIED = "denied"
    EXPIRED = "expired"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Reason(StrEnum):
    """Why a challenge was denied or failed."""

    USER_DENIED = "user_denied"
    FRAUD_REPORTED = "fraud_reported"
    ATTEMPTS_EXHAUSTED = "attempts_exhausted"
    UNMET = "unmet_authentication_requirements"


class PushState(StrEnum):
    """What became of the notification; the challenge does not depend on it."""

    NONE = "none"
    QUEUED = "queued"
    ACCEPTED = "accepted"
    FAILED = "failed"
    SUPPRESSED = "suppressed"


class Purpose(StrEnum):
    """`manage` serves the binding rule and is shown as such."""

    LOGIN = "login"
    MANAGE = "manage"


PUSH, WEBAUTHN = "push", "webauthn"
_SEALED = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)
_STORED = json.JSONEncoder(separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Offer:
    """A method that may be used, and the authenticator it belongs to."""

    method: str
    authenticator_id: str
    label: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What the caller asked and what was fixed when the challenge was opened. Never changes.

    `seed` and `display_code` are secrets of the challenge; `transaction` is shown as given.
    """

    sub: str
    client_name: str
    acr_values: tuple[str, ...]
    essential: bool
    password_counted: bool
    offers: tuple[Offer, ...]
    seed: str
    display_code: str
    binding_message: str | None = None
    transaction: Mapping[str, object] | None = None
    tx_hash: str | None = None
    context: Mapping[str, str] | None = None
    nonce: str | None = None
    return_uri: str | None = None
    state: str | None = None

    def __repr__(self) -> str:
        """Hide the display code and the seed."""
        return "Asked(…)"

    def to_json(self) -> bytes:
        """Return the form that is sealed."""
        members = {name: getattr(self, name) for name in self.__slots__}
        members["offers"] = [
            {"method": o.method, "authenticator_id": o.authenticator_id, "label": o.label}
            for o in self.offers
        ]
        return _SEALED.encode(members).encode()

    @classmethod
    def from_json(cls, data: bytes) -> Self:
        """Return what `to_json` wrote."""
        members = json.loads(data)
        members["offers"] = tuple(Offer(**offer) for offer in members["offers"])
        members["acr_values"] = tuple(members["acr_values"])
        return cls(**members)

    def offered(self, method: str) -> tuple[Offer, ...]:
        """Return the offers of one method, in order."""
        return tuple(offer for offer in self.offers if offer.method == method)

    def pushes_to(self, authenticator_id: str) -> bool:
        """Tell whether this phone is asked."""
        return any(offer.authenticator_id == authenticator_id for offer in self.offered(PUSH))


@dataclass(frozen=True, slots=True)
class AcceptedProof:
    """What one accepted proof showed; `verified` are names in the table of levels."""

    method: str
    authenticator_id: str
    verified: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Challenge:
    """A challenge as it stands at one moment.

    `page_session` is the hash of what the browser holds that opened the hosted page, `returned_at`
    when the client first showed the code with which that browser came back.
    """

    id: str
    client_id: str
    user_id: str
    purpose: Purpose
    status: Status
    reason: Reason | None
    created_at: int
    expires_at: int
    ended_at: int | None
    ended_by: str | None
    attempts_left: int
    push_state: PushState
    proofs: tuple[AcceptedProof, ...]
    auth_time: int | None
    asked: Asked
    page_session: str | None = None
    returned_at: int | None = None
    disputed_at: int | None = None

    def at(self, now: int) -> Self:
        """Return it as seen at `now`: what is still pending after its time has expired."""
        if self.status is Status.PENDING and now >= self.expires_at:
            return replace(self, status=Status.EXPIRED)
        return self

    def readable_by(self, client_id: str, now: int, seconds_after_end: int) -> bool:
        """Tell whether this client opened it and it has not ended too long ago."""
        ended = self.expires_at if self.ended_at is None else self.ended_at
        return self.client_id == client_id and now <= ended + seconds_after_end

    @property
    def verified(self) -> tuple[str, ...]:
        """Everything verified inside this challenge, by name."""
        return tuple(name for proof in self.proofs for name in proof.verified)

    @property
    def awaits_return(self) -> bool:
        """Whether its result is for the browser that opened the hosted page, and for no other.

        Whoever opened it may have been sent there by somebody else (threats, "Start a login as
        the victim"); only what that browser brings back to `return_uri` tells.
        """
        return self.asked.return_uri is not None and self.page_session is not None

    def used(self, method: str, authenticator_id: str) -> bool:
        """Tell whether this method of this authenticator has been accepted already."""
        return any(
            proof.method == method and proof.authenticator_id == authenticator_id
            for proof in self.proofs
        )


def proofs_to_json(proofs: Iterable[AcceptedProof]) -> str:
    """Return the stored form."""
    rows = [
        {"method": p.method, "authenticator_id": p.authenticator_id, "verified": p.verified}
        for p in proofs
    ]
    return _STORED.encode(rows)


def proofs_from_json(text: str) -> tuple[AcceptedProof, ...]:
    """Return what `proofs_to_json` wrote."""
    return tuple(
        AcceptedProof(row["method"], row["authenticator_id"], tuple(row["verified"]))
        for row in json.loads(text)
    )
