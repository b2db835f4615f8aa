"""Every column that is sealed or hashed under a master key, and to what each value is sealed."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row

from mfa_service.adapters.master_keys import hash_mark, key_of_hash, key_of_sealed, seal_mark
from mfa_service.persistence import authorizations, states
from mfa_service.persistence.base import Base
from mfa_service.persistence.key_marks import Marked
from mfa_service.persistence.models import (
    AccountLink,
    Authenticator,
    Authorization,
    Challenge,
    Client,
    Device,
    Enrollment,
    IdempotentReply,
    PushedRequest,
    Session,
    SigningKey,
    User,
)
from mfa_service.persistence.rows import challenge_place

from .foundation import credential_place, enrollment_place, push_place
from .idempotency import reply_place
from .keys import signing_key_place
from .sessions import shown_place


@dataclass(frozen=True, slots=True)
class Sealed:
    """A sealed column, and the place of the value in a row."""

    marked: Marked
    place: Callable[[Row[Any]], str]


def _sealed(model: type[Base], name: str, place: Callable[[Row[Any]], str]) -> Sealed:
    return Sealed(Marked(model, name, seal_mark, key_of_sealed), place)


def _hashed(
    model: type[Base], name: str, matters: Callable[[int], ColumnElement[bool]] | None = None
) -> Marked:
    return Marked(model, name, hash_mark, key_of_hash, matters)


SEALED = (
    _sealed(SigningKey, "sealed", lambda row: signing_key_place(row.kid)),
    _sealed(Authenticator, "credential", lambda row: credential_place(row.id, row.user_id)),
    _sealed(Device, "push_address", lambda row: push_place(row.authenticator_id)),
    _sealed(Enrollment, "sealed", lambda row: enrollment_place(row.id)),
    _sealed(Challenge, "request", lambda row: challenge_place(row.id)),
    _sealed(IdempotentReply, "sealed", reply_place),
    _sealed(Session, "shown", shown_place),
    _sealed(Authorization, "request", lambda row: authorizations.place(row.id)),
    _sealed(PushedRequest, "request", lambda row: authorizations.pushed_place(row.handle_hash)),
)
"""Those that `mfa keys master rewrap` seals anew; the key that signs first."""

CLIENT_SECRETS = _hashed(Client, "secret_hash", lambda _: Client.disabled_at.is_(None))
LASTING = (CLIENT_SECRETS, _hashed(User, "user_code_hash"))
"""Hashes that stay until their secret is used or replaced."""

PASSING = (
    _hashed(
        Enrollment,
        "code_hash",
        lambda at: (Enrollment.state == states.PENDING) & (Enrollment.expires_at > at),
    ),
    _hashed(
        AccountLink,
        "token_hash",
        lambda at: AccountLink.spent_at.is_(None) & (AccountLink.expires_at > at),
    ),
    _hashed(PushedRequest, "handle_hash", lambda at: PushedRequest.expires_at > at),
    _hashed(Authorization, "handle_hash", lambda at: Authorization.handle_until > at),
)
"""Hashes of what is over by itself; only what is still good is counted."""
