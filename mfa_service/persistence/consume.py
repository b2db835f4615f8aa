"""Exactly-once statements: one conditional write each; no row means somebody was first.

Those of authenticators are in `tries`.
"""

import functools
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, delete, inspect, update
from sqlalchemy.dialects import postgresql, sqlite

from mfa_service.domain.challenge import Challenge as ChallengeValue
from mfa_service.domain.challenge import Reason, Status, proofs_to_json
from mfa_service.domain.ports import SecretBox
from mfa_service.domain.subject import User as UserValue

from .base import Base
from .models import Challenge, Prompt, SeenToken, User
from .prepared import Prepared
from .rows import challenge_from, user_from

_OPEN = (
    Challenge.id == bindparam("key"),
    Challenge.status == Status.PENDING,
    Challenge.expires_at > bindparam("at"),
)
_RESERVE = Prepared(
    update(Challenge)
    .where(*_OPEN, Challenge.attempts_left > 0, Challenge.client_id == bindparam("client"))
    .values(attempts_left=Challenge.attempts_left - 1)
    .returning(*Challenge.__table__.columns)
)
_SETTLE = Prepared(
    update(Challenge)
    .where(*_OPEN, Challenge.proofs == bindparam("proofs_before"))
    .values(
        status=bindparam("new_status"),
        reason=bindparam("new_reason"),
        proofs=bindparam("new_proofs"),
        auth_time=bindparam("new_auth_time"),
        ended_at=bindparam("new_ended_at"),
        ended_by=bindparam("new_ended_by"),
        attempts_left=Challenge.attempts_left + 1,
    )
    .returning(Challenge.attempts_left)
)
_END = Prepared(
    update(Challenge)
    .where(*_OPEN)
    .values(
        status=bindparam("new_status"),
        reason=bindparam("new_reason"),
        ended_at=bindparam("at"),
        ended_by=bindparam("new_ended_by"),
    )
    .returning(Challenge.id)
)
_SPEND_STEP_UP = (
    update(Challenge)
    .where(
        Challenge.id == bindparam("key"),
        Challenge.client_id == bindparam("client"),
        Challenge.user_id == bindparam("user"),
        Challenge.purpose == "manage",
        Challenge.status == Status.SATISFIED,
        Challenge.spent_for.is_(None),
        Challenge.auth_time >= bindparam("fresh_from"),
    )
    .values(spent_for=bindparam("used_for"))
    .returning(*Challenge.__table__.columns)
)
_LOCK_USER = Prepared(
    update(User)
    .where(User.id == bindparam("key"))
    .values(revision=User.revision + 1)
    .returning(*User.__table__.columns)
)

_CLAIM_PROMPT = Prepared(
    delete(Prompt)
    .where(Prompt.challenge_id == bindparam("key"), Prompt.place == bindparam("at_place"))
    .where(Prompt.expires_at > bindparam("at"))
    .returning(Prompt.nonce)
)


def insert_once(tx: Connection, model: type[Base], values: Mapping[str, object]) -> bool:
    """Insert a row and tell whether it was the first with its keys; never raises a conflict."""
    statement = _insert_statement(model, tx.dialect.name)
    return statement.row(tx, values) is not None


@functools.cache
def _insert_statement(model: type[Base], dialect: str) -> Prepared:
    statement = _insert(model, dialect).on_conflict_do_nothing()
    return Prepared(statement.returning(*inspect(model).primary_key))


@functools.cache
def _prompt_statement(dialect: str) -> Prepared:
    statement = _insert(Prompt, dialect)
    replaced = {name: statement.excluded[name] for name in ("nonce", "expires_at")}
    keys = ["challenge_id", "place"]
    return Prepared(statement.on_conflict_do_update(index_elements=keys, set_=replaced))


def _insert(model: type[Base], dialect: str) -> postgresql.Insert | sqlite.Insert:
    return postgresql.insert(model) if dialect == "postgresql" else sqlite.insert(model)


def lock_user(tx: Connection, user_id: str) -> UserValue | None:
    """Take the user's row until commit, so that changes of its authenticators are serial."""
    row = _LOCK_USER.row(tx, {"key": user_id})
    return user_from(row) if row else None


def remember_token(tx: Connection, holder: str, jti: str, *, until: int) -> bool:
    """Record a `jti` and tell whether it is new; its hash is the same under any master key.

    `until` has to follow from the token alone, never from the time at which it comes: by it the
    database chooses where to look (ADR 0043).
    """
    jti_hash = hashlib.sha256(jti.encode()).hexdigest()
    values = {"holder": holder, "jti_hash": jti_hash, "expires_at": until}
    return insert_once(tx, SeenToken, values)


def reserve_attempt(
    tx: Connection, challenge_id: str, client_id: str, box: SecretBox, *, at: int
) -> ChallengeValue | None:
    """Take one attempt of a client's open challenge before a proof is compared (S 3.1.5)."""
    values = {"key": challenge_id, "client": client_id, "at": at}
    row = _RESERVE.row(tx, values)
    return challenge_from(row, box) if row else None


def give_prompt(tx: Connection, challenge_id: str, place: str, nonce: str, *, until: int) -> None:
    """Write the one prompt of a challenge at a place: what was there before cannot be answered."""
    row = {"challenge_id": challenge_id, "place": place, "nonce": nonce, "expires_at": until}
    _prompt_statement(tx.dialect.name).rows(tx, row)


def claim_prompt(tx: Connection, challenge_id: str, place: str, *, at: int) -> str | None:
    """Use up the prompt of a challenge at a place; `None` if there is none, or it has expired."""
    values = {"key": challenge_id, "at_place": place, "at": at}
    nonce: str | None = _CLAIM_PROMPT.value(tx, values)
    return nonce


def settle_challenge(
    tx: Connection, before: ChallengeValue, after: ChallengeValue, *, at: int
) -> int | None:
    """Record an accepted proof and give its attempt back.

    Return the attempts that are left, or `None` if the challenge was not open or had changed.
    """
    ended = after.status is not Status.PENDING
    values = {
        "key": before.id,
        "at": at,
        "proofs_before": proofs_to_json(before.proofs),
        "new_status": after.status,
        "new_reason": after.reason,
        "new_proofs": proofs_to_json(after.proofs),
        "new_auth_time": after.auth_time,
        "new_ended_at": at if ended else None,
        "new_ended_by": after.ended_by,
    }
    left: int | None = _SETTLE.value(tx, values)
    return left


def end_challenge(
    tx: Connection,
    challenge_id: str,
    status: Status,
    *,
    reason: Reason | None = None,
    by: str | None = None,
    at: int,
) -> bool:
    """Move an open challenge to a final state; tell whether it still was open."""
    values = {"key": challenge_id, "at": at, "new_status": status, "new_reason": reason}
    return _END.row(tx, {**values, "new_ended_by": by}) is not None


@dataclass(frozen=True, slots=True)
class StepUp:
    """A `manage` challenge that somebody wants to use up, and for what."""

    challenge_id: str
    client_id: str
    user_id: str
    used_for: str
    fresh_from: int


def spend_step_up(tx: Connection, step_up: StepUp, box: SecretBox) -> ChallengeValue | None:
    """Use up a satisfied `manage` challenge of this client and user, once."""
    values = {
        "key": step_up.challenge_id,
        "client": step_up.client_id,
        "user": step_up.user_id,
        "used_for": step_up.used_for,
        "fresh_from": step_up.fresh_from,
    }
    row = tx.execute(_SPEND_STEP_UP, values).one_or_none()
    return challenge_from(row, box) if row else None
