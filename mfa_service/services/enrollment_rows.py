"""An enrollment as it stands, and what bounds a new one."""

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Row

from mfa_service.domain.authenticator import Authenticator
from mfa_service.domain.errors import EnrollmentNotOpen
from mfa_service.domain.ports import JsonObject
from mfa_service.domain.subject import Subject
from mfa_service.persistence.states import CLAIMED, EXPIRED, PENDING

CODE_PURPOSE = "enrollment_code"


@dataclass(frozen=True, slots=True)
class Enrollment:
    """An enrollment as it stands; `shown` is there once, in the answer that opened it."""

    id: str
    user_id: str
    type: str
    sub: str
    state: str
    created_at: int
    expires_at: int
    label: str | None
    authenticator: Authenticator | None = None
    shown: JsonObject = field(default_factory=dict, repr=False)


def state_at(row: Row[Any], now: int) -> str:
    """Return the state of an enrollment's row: what is open after its time has expired."""
    expired = row.state in {PENDING, CLAIMED} and now >= row.expires_at
    return EXPIRED if expired else str(row.state)


def check_room(subject: Subject, limit: int, *, replaced: str | None = None) -> None:
    """Raise `EnrollmentNotOpen` if there is no room for one more, beside those it replaces."""
    if sum(authenticator.type != replaced for authenticator in subject.authenticators) >= limit:
        raise EnrollmentNotOpen("The subject has too many authenticators: remove one.")
