"""What is read. Statements are built once; each uses an index."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, bindparam, or_, select

from mfa_service.domain.authenticator import Authenticator as AuthenticatorValue
from mfa_service.domain.authenticator import State
from mfa_service.domain.challenge import Challenge as ChallengeValue
from mfa_service.domain.challenge import Status
from mfa_service.domain.ports import SecretBox
from mfa_service.domain.subject import Client as ClientValue
from mfa_service.domain.subject import Subject
from mfa_service.domain.subject import User as UserValue

from .base import Base
from .models import Authenticator, Challenge, Client, Device, Enrollment, User
from .open_challenges import IS_OPEN, IS_RECENT, oldest
from .prepared import Prepared, Record, record
from .rows import authenticator_from, challenge_from, client_from, user_from


@dataclass(frozen=True, slots=True)
class OfDevice:
    """What is read of a phone: whose it is, itself, and the challenge that was looked for."""

    subject: Subject
    phone: AuthenticatorValue
    challenge: ChallengeValue | None


class _Joined:
    """The columns of a table that come last in rows of a join, under names of their own."""

    def __init__(self, model: type[Base], prefix: str) -> None:
        table = model.__table__
        self.columns = [column.label(f"{prefix}_{column.name}") for column in table.columns]
        self._make = record([column.name for column in table.columns])

    def row(self, joined: Record) -> Record:
        """Return them as if they had been read alone."""
        make: Any = self._make
        return make(*joined[-len(self.columns) :])


@dataclass(frozen=True, slots=True)
class Ended:
    """Which ended challenges are wanted: whose, since when, and older than which."""

    user_id: str
    since: int
    most: int
    before: str | None = None


_LISTED = (State.ACTIVE, State.SUSPENDED)
_IS_LISTED = or_(*(Authenticator.state == state for state in _LISTED))

AUTHENTICATOR_COLUMNS: tuple[Any, ...] = (
    Authenticator.id.label("authenticator_id"),
    Authenticator.user_id,
    Authenticator.type,
    Authenticator.label,
    Authenticator.state,
    Authenticator.suspended_by,
    Authenticator.suspended_at,
    Authenticator.created_at.label("authenticator_created_at"),
    Authenticator.last_used_at,
    Authenticator.attributes,
    Authenticator.credential,
    Authenticator.failures,
    Authenticator.counter,
    Authenticator.uses_left,
    Device.pin,
    Device.pin_disabled_at,
    Device.push_provider,
    Device.removed_itself,
)
_DEVICE = Device.authenticator_id == Authenticator.id
_SUBJECT = (
    select(User.__table__, *AUTHENTICATOR_COLUMNS)
    .outerjoin(
        Authenticator,
        (Authenticator.user_id == User.id) & _IS_LISTED,
    )
    .outerjoin(Device, _DEVICE)
    .order_by(Authenticator.created_at, Authenticator.id)
)
_SUBJECT_BY_SUB = Prepared(
    _SUBJECT.where(User.realm == bindparam("realm"), User.sub == bindparam("sub"))
)
_SUBJECT_BY_ID = Prepared(_SUBJECT.where(User.id == bindparam("id")))
_AUTHENTICATOR = (
    select(User.__table__, *AUTHENTICATOR_COLUMNS)
    .join(Authenticator, Authenticator.user_id == User.id)
    .outerjoin(Device, _DEVICE)
    .where(Authenticator.id == bindparam("id"))
)
_LISTED_OF_TYPE = (
    select(*AUTHENTICATOR_COLUMNS)
    .outerjoin(Device, _DEVICE)
    .where(Authenticator.type == bindparam("type"), Authenticator.id > bindparam("after"))
    .where(_IS_LISTED)
    .order_by(Authenticator.id)
    .limit(bindparam("most"))
)
_LISTED_BY_NAME = select(Authenticator.id).where(
    Authenticator.credential_name == bindparam("name"), _IS_LISTED
)
_OWNER = select(Authenticator.user_id).where(Authenticator.id == bindparam("id"))
_OF_DEVICE = (
    select(User.__table__, *AUTHENTICATOR_COLUMNS)
    .join(Authenticator, Authenticator.user_id == User.id)
    .outerjoin(Device, _DEVICE)
    .where(User.id == _OWNER.scalar_subquery())
    .where(_IS_LISTED | (Authenticator.id == bindparam("id")))
    .order_by(Authenticator.created_at, Authenticator.id)
)
_SUBJECT_OF_DEVICE = Prepared(_OF_DEVICE)
_OURS = select(Client.__table__).where(Client.scopes != "")  # see `references`
_CLIENT = Prepared(_OURS.where(Client.id == bindparam("id")))
_IN_ONE = _Joined(Client, "client")
_CLIENT_AND_SUBJECT = Prepared(
    select(User.__table__, *AUTHENTICATOR_COLUMNS, *_IN_ONE.columns)
    .select_from(Client)
    .outerjoin(User, (User.realm == Client.realm) & (User.sub == bindparam("sub")))
    .outerjoin(Authenticator, (Authenticator.user_id == User.id) & _IS_LISTED)
    .outerjoin(Device, _DEVICE)
    .where(Client.scopes != "", Client.id == bindparam("id"))
    .order_by(Authenticator.created_at, Authenticator.id)
)
_ASKED = _Joined(Challenge, "challenge")
_DEVICE_AND_CHALLENGE = Prepared(
    _OF_DEVICE.add_columns(*_ASKED.columns).outerjoin(
        Challenge, (Challenge.user_id == User.id) & (Challenge.id == bindparam("challenge"))
    )
)
_CHALLENGE = Prepared(select(Challenge.__table__).where(Challenge.id == bindparam("id")))
_PENDING = (
    select(Challenge.__table__)
    .where(
        Challenge.user_id == bindparam("user_id"),
        IS_OPEN,
        IS_RECENT,
        Challenge.expires_at > bindparam("at"),
        Challenge.offers_push == 1,
    )
    .order_by(Challenge.created_at, Challenge.id)
)
_ENDED = (
    select(Challenge.__table__)
    .where(
        Challenge.user_id == bindparam("user_id"),
        Challenge.created_at >= bindparam("since"),
        (Challenge.status != Status.PENDING) | (Challenge.expires_at <= bindparam("at")),
    )
    .order_by(Challenge.created_at.desc(), Challenge.id.desc())
    .limit(bindparam("most"))
)
_BEGAN = select(Challenge.created_at).where(
    Challenge.id == bindparam("before"), Challenge.user_id == bindparam("user_id")
)
_OLDER = (Challenge.created_at < _BEGAN.scalar_subquery()) | (
    (Challenge.created_at == _BEGAN.scalar_subquery()) & (Challenge.id < bindparam("before"))
)
_ENDED_BEFORE = _ENDED.where(_OLDER)
_ENROLLMENT = select(Enrollment.__table__).where(Enrollment.id == bindparam("id"))


def client(tx: Connection, client_id: str) -> ClientValue | None:
    """Return a client of ours, disabled ones too."""
    row = _CLIENT.row(tx, {"id": client_id})
    return client_from(row) if row else None


def clients(tx: Connection) -> list[ClientValue]:
    """Return every client of ours, oldest first."""
    rows = tx.execute(_OURS.order_by(Client.created_at, Client.id))
    return [client_from(row) for row in rows]


def subject_by_sub(tx: Connection, realm: str, sub: str) -> Subject | None:
    """Return a user with what is listed of its authenticators, in one statement."""
    return _subject(_SUBJECT_BY_SUB.rows(tx, {"realm": realm, "sub": sub}))


def subject_by_id(tx: Connection, user_id: str) -> Subject | None:
    """Return a user with what is listed of its authenticators, in one statement."""
    return _subject(_SUBJECT_BY_ID.rows(tx, {"id": user_id}))


def client_and_subject(
    tx: Connection, client_id: str, sub: str
) -> tuple[ClientValue, Subject | None] | None:
    """Return a client of ours and a subject of its realm, in one statement."""
    rows = _CLIENT_AND_SUBJECT.rows(tx, {"id": client_id, "sub": sub})
    if not rows:
        return None
    known = rows[0].id is not None
    return client_from(_IN_ONE.row(rows[0])), _subject(rows) if known else None


def subject_of_device(
    tx: Connection, device_id: str, challenge_id: str | None, box: SecretBox
) -> OfDevice | None:
    """Return the subject whose phone this is, the phone in any state, and a challenge of theirs.

    One statement.
    """
    if challenge_id is None:
        rows = _SUBJECT_OF_DEVICE.rows(tx, {"id": device_id})
    else:
        rows = _DEVICE_AND_CHALLENGE.rows(tx, {"id": device_id, "challenge": challenge_id})
    if not rows:
        return None
    found = {row.authenticator_id: authenticator_from(row) for row in rows}
    listed = tuple(a for a in found.values() if a.state in _LISTED)
    asked = None if challenge_id is None else _ASKED.row(rows[0])
    return OfDevice(
        Subject(user_from(rows[0]), listed),
        found[device_id],
        challenge_from(asked, box) if asked is not None and asked.id is not None else None,
    )


def authenticator(
    tx: Connection, authenticator_id: str
) -> tuple[UserValue, AuthenticatorValue] | None:
    """Return an authenticator in any state, with its user."""
    row = tx.execute(_AUTHENTICATOR, {"id": authenticator_id}).one_or_none()
    return (user_from(row), authenticator_from(row)) if row else None


def listed_of_type(
    tx: Connection, type_: str, *, after: str, most: int
) -> list[AuthenticatorValue]:
    """Return active and suspended ones of a type, of everybody, by id from `after` on."""
    rows = tx.execute(_LISTED_OF_TYPE, {"type": type_, "after": after, "most": most})
    return [authenticator_from(row) for row in rows]


def is_listed(tx: Connection, credential_name: str) -> bool:
    """Tell whether a credential is active or suspended, whosever it is."""
    return tx.execute(_LISTED_BY_NAME, {"name": credential_name}).first() is not None


def challenge(tx: Connection, challenge_id: str, box: SecretBox) -> ChallengeValue | None:
    """Return a challenge in any state."""
    row = _CHALLENGE.row(tx, {"id": challenge_id})
    return challenge_from(row, box) if row else None


def pending_pushes(
    tx: Connection, user_id: str, box: SecretBox, *, at: int
) -> list[ChallengeValue]:
    """Return what is pending for a user and offers a phone, oldest first."""
    rows = tx.execute(_PENDING, {"user_id": user_id, "at": at, **oldest(at)})
    return [challenge_from(row, box) for row in rows]


def ended_challenges(
    tx: Connection, wanted: Ended, box: SecretBox, *, at: int
) -> list[ChallengeValue]:
    """Return what has ended of a user's challenges, newest first."""
    values = {"user_id": wanted.user_id, "since": wanted.since, "most": wanted.most, "at": at}
    if wanted.before is None:
        rows = tx.execute(_ENDED, values)
    else:
        rows = tx.execute(_ENDED_BEFORE, values | {"before": wanted.before})
    return [challenge_from(row, box) for row in rows]


def enrollment(tx: Connection, enrollment_id: str) -> Row[Any] | None:
    """Return an enrollment's row."""
    return tx.execute(_ENROLLMENT, {"id": enrollment_id}).one_or_none()


def _subject(rows: list[Row[Any]]) -> Subject | None:
    if not rows:
        return None
    found = tuple(authenticator_from(row) for row in rows if row.authenticator_id is not None)
    return Subject(user_from(rows[0]), found)
