"""Exactly-once statements of authenticators: tries counted in advance, proofs that are used up."""

import json
from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, bindparam, case, select, update

from mfa_service.domain.authenticator import Pin, State, SuspendedBy
from mfa_service.domain.factor import Verified

from .consume import insert_once
from .models import Authenticator, Device, SpentProof
from .prepared import Prepared, Record

_SETTLE_AUTHENTICATOR = Prepared(
    update(Authenticator)
    .where(
        Authenticator.id == bindparam("key"),
        Authenticator.state == State.ACTIVE,
        Authenticator.counter <= bindparam("highest"),
        Authenticator.uses_left.is_(None) | (Authenticator.uses_left >= bindparam("uses")),
    )
    .values(
        failures=0,
        last_used_at=bindparam("at"),
        counter=bindparam("new_counter"),
        uses_left=Authenticator.uses_left - bindparam("uses"),
    )
    .returning(Authenticator.id)
)
_PAY_AUTHENTICATOR = Prepared(
    update(Authenticator)
    .where(Authenticator.id == bindparam("key"))
    .where(Authenticator.state == State.ACTIVE, Authenticator.failures < bindparam("limit"))
    .values(failures=Authenticator.failures + 1)
    .returning(*Authenticator.__table__.columns)
)
_ACTIVE = Prepared(
    select(*Authenticator.__table__.columns)
    .where(Authenticator.id == bindparam("key"))
    .where(Authenticator.state == State.ACTIVE)
)
_HOLD_ATTRIBUTES = Prepared(
    update(Authenticator)
    .where(Authenticator.id == bindparam("key"))
    .values(attributes=Authenticator.attributes)
    .returning(Authenticator.attributes)
)
_WRITE_ATTRIBUTES = Prepared(
    update(Authenticator)
    .where(Authenticator.id == bindparam("key"))
    .values(attributes=bindparam("new_attributes"))
)
_FORGIVE = (
    update(Authenticator)
    .where(Authenticator.id.in_(bindparam("ids", expanding=True)))
    .values(failures=case((Authenticator.failures > 0, Authenticator.failures - 1), else_=0))
)
_RESET_PIN = Prepared(
    update(Device).where(Device.authenticator_id == bindparam("key")).values(pin_failures=0)
)
_USE_DEVICE = Prepared(
    update(Authenticator)
    .where(Authenticator.id == bindparam("key"), Authenticator.state == State.ACTIVE)
    .values(last_used_at=bindparam("at"))
    .returning(Authenticator.id)
)
_PAY_PIN = Prepared(
    update(Device)
    .where(
        Device.authenticator_id == bindparam("key"),
        Device.pin == Pin.SET,
        Device.pin_failures < bindparam("limit"),
    )
    .values(pin_failures=Device.pin_failures + 1)
    .returning(Device.pin_failures)
)


def pay_authenticators(tx: Connection, ids: Sequence[str], *, limit: int) -> list[Record]:
    """Count a failure in advance on each active authenticator that has tries left.

    One statement each, always in the same order: nearly always there is one.
    """
    values = ({"key": key, "limit": limit} for key in sorted(ids))
    return [row for each in values for row in _PAY_AUTHENTICATOR.rows(tx, each)]


def active_authenticators(tx: Connection, ids: Sequence[str]) -> list[Record]:
    """Return those that are active, for proofs of which no failures are counted."""
    return [row for key in sorted(ids) for row in _ACTIVE.rows(tx, {"key": key})]


def settle_authenticator(
    tx: Connection, authenticator_id: str, verified: Verified, *, at: int
) -> bool:
    """Use up what a verified proof uses up; tell whether nobody was first."""
    counter, spends = verified.counter, verified.spends
    values = {
        "key": authenticator_id,
        "at": at,
        "uses": 0 if spends is None else 1,
        "highest": -1 if counter is None else counter - 1,
        "new_counter": -1 if counter is None else counter,
    }
    if spends is not None:
        row = {"authenticator_id": authenticator_id, "token": spends, "spent_at": at}
        if not insert_once(tx, SpentProof, row):
            return False
    if _SETTLE_AUTHENTICATOR.row(tx, values) is None:
        return False
    if verified.attributes:
        change_attributes(tx, authenticator_id, verified.attributes)
    return True


def change_attributes(tx: Connection, authenticator_id: str, changed: Mapping[str, object]) -> None:
    """Write some attributes over the present ones, whose row is taken before they are read."""
    now = _HOLD_ATTRIBUTES.row(tx, {"key": authenticator_id})
    if now is not None:
        merged = {**json.loads(now.attributes), **changed}
        values = {"key": authenticator_id, "new_attributes": json.dumps(merged)}
        _WRITE_ATTRIBUTES.rows(tx, values)


def forgive(tx: Connection, ids: Sequence[str]) -> None:
    """Give back the failure that was counted in advance."""
    tx.execute(_FORGIVE, {"ids": list(ids)})


def suspend_exhausted(tx: Connection, ids: Sequence[str], *, limit: int, at: int) -> list[str]:
    """Suspend those that have no tries left; return which."""
    statement = (
        update(Authenticator)
        .where(Authenticator.id.in_(ids), Authenticator.state == State.ACTIVE)
        .where(Authenticator.failures >= limit)
        .values(state=State.SUSPENDED, suspended_by=SuspendedBy.LIMIT, suspended_at=at)
        .returning(Authenticator.id)
    )
    return list(tx.scalars(statement))


def use_device(tx: Connection, device_id: str, *, at: int) -> bool:
    """Note that a phone was used; tell whether it still may be."""
    return _USE_DEVICE.row(tx, {"key": device_id, "at": at}) is not None


def replace_credential(
    tx: Connection, authenticator_id: str, *, old: bytes, values: Mapping[str, object]
) -> bool:
    """Replace what was read by what follows from it; tell whether nobody was first."""
    statement = (
        update(Authenticator)
        .where(Authenticator.id == authenticator_id, Authenticator.state == State.ACTIVE)
        .where(Authenticator.credential == old)
        .values(dict(values))
        .returning(Authenticator.id)
    )
    return tx.execute(statement).one_or_none() is not None


def credential_of(tx: Connection, authenticator_id: str) -> bytes | None:
    """Return the sealed credential as it is now."""
    query = select(Authenticator.credential).where(Authenticator.id == authenticator_id)
    return tx.scalar(query)


def pay_pin(tx: Connection, device_id: str, *, limit: int) -> int | None:
    """Count a wrong PIN in advance; return the count, or `None` when no PIN can be tried."""
    failures: int | None = _PAY_PIN.value(tx, {"key": device_id, "limit": limit})
    return failures


def reset_pin(tx: Connection, device_id: str) -> None:
    """Start the count anew after a right PIN."""
    _RESET_PIN.rows(tx, {"key": device_id})


def disable_pin(tx: Connection, device_id: str, *, at: int) -> None:
    """Disable the PIN for good."""
    tx.execute(
        update(Device)
        .where(Device.authenticator_id == device_id, Device.pin == Pin.SET)
        .values(pin=Pin.DISABLED, pin_disabled_at=at)
    )
