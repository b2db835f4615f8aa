"""Rows to values of the domain."""

import functools
import json
from typing import Any

from sqlalchemy import Row

from mfa_service.domain.authenticator import Authenticator, Pin, State, SuspendedBy
from mfa_service.domain.challenge import (
    Asked,
    Challenge,
    Purpose,
    PushState,
    Reason,
    Status,
    proofs_from_json,
)
from mfa_service.domain.client_metadata import ClientMetadata
from mfa_service.domain.ports import SecretBox
from mfa_service.domain.subject import Client, User

_REMEMBERED = 256


def challenge_place(challenge_id: str) -> str:
    """Return the place to which a challenge's request is sealed."""
    return f"challenge|request|{challenge_id}"


@functools.lru_cache(_REMEMBERED)
def _metadata(text: str) -> ClientMetadata:
    return ClientMetadata.from_mapping(json.loads(text))


def client_from(row: Row[Any]) -> Client:
    """Return the client in a row of its table."""
    return Client(
        id=row.id,
        name=row.name,
        realm=row.realm,
        scopes=tuple(row.scopes.split()),
        redirect_uris=tuple(row.redirect_uris.split()),
        origins=tuple(row.origins.split()),
        resources=tuple(row.resources.split()),
        disabled=row.disabled_at is not None,
        jwks=json.loads(row.jwks) if row.jwks else None,
        secret_hash=row.secret_hash,
        metadata=_metadata(row.client_metadata),
    )


def user_from(row: Row[Any]) -> User:
    """Return the user in a row of its table."""
    return User(row.id, row.realm, row.sub, row.created_at, row.fraud_reported_at)


def authenticator_from(row: Row[Any]) -> Authenticator:
    """Return the authenticator in a row of `queries.AUTHENTICATOR_COLUMNS`."""
    return Authenticator(
        id=row.authenticator_id,
        user_id=row.user_id,
        type=row.type,
        label=row.label,
        state=State(row.state),
        suspended_by=SuspendedBy(row.suspended_by) if row.suspended_by else None,
        suspended_at=row.suspended_at,
        created_at=row.authenticator_created_at,
        last_used_at=row.last_used_at,
        attributes=json.loads(row.attributes),
        credential=row.credential,
        failures=row.failures,
        counter=row.counter,
        uses_left=row.uses_left,
        pin=Pin(row.pin or Pin.NONE),
        pin_disabled_at=row.pin_disabled_at,
        push_provider=row.push_provider,
        removed_itself=bool(row.removed_itself),
    )


def challenge_from(row: Row[Any], box: SecretBox) -> Challenge:
    """Return the challenge in a row of its table, its request opened."""
    return Challenge(
        id=row.id,
        client_id=row.client_id,
        user_id=row.user_id,
        purpose=Purpose(row.purpose),
        status=Status(row.status),
        reason=Reason(row.reason) if row.reason else None,
        created_at=row.created_at,
        expires_at=row.expires_at,
        ended_at=row.ended_at,
        ended_by=row.ended_by,
        attempts_left=row.attempts_left,
        push_state=PushState(row.push_state),
        proofs=proofs_from_json(row.proofs),
        auth_time=row.auth_time,
        asked=Asked.from_json(box.open(row.request, place=challenge_place(row.id))),
        page_session=row.page_session,
        returned_at=row.returned_at,
        disputed_at=row.disputed_at,
    )
