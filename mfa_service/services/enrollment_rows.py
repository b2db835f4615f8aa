"""An enrollment as it stands, and what bounds a new one."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from sqlalchemy import Row

from mfa_service.domain.authenticator import Authenticator
from mfa_service.domain.errors import EnrollmentNotOpen
from mfa_service.domain.ports import JsonObject
from mfa_service.domain.subject import Subject
from mfa_service.persistence.states import ACTIVE, CLAIMED, EXPIRED, PENDING

CODE_PURPOSE = "enrollment_code"


@dataclass(frozen=True, slots=True)
class Enrollment:
    """An enrollment as it stands; `shown` is there once, in the answer that opened it.

    `claimant` is the phone that claimed it and waits for its check code.
    """

    id: str
    user_id: str
    type: str
    sub: str
    state: str
    created_at: int
    expires_at: int
    label: str | None
    authenticator: Authenticator | None = None
    claimant: Authenticator | None = None
    attempts_left: int = 0
    shown: JsonObject = field(default_factory=dict, repr=False)

    @property
    def is_over(self) -> bool:
        """Whether nothing can change it any more."""
        return self.state in {ACTIVE, EXPIRED}

    @property
    def revision(self) -> str:
        """What changes whenever a page has something new to show."""
        return f"{self.state}-{self.attempts_left}"


def state_at(row: Row[Any], now: int) -> str:
    """Return the state of an enrollment's row: what is open after its time has expired."""
    expired = row.state in {PENDING, CLAIMED} and now >= row.expires_at
    return EXPIRED if expired else str(row.state)


def check_room(subject: Subject, limit: int, *, replaced: str | None = None) -> None:
    """Raise `EnrollmentNotOpen` if there is no room for one more, beside those it replaces."""
    if sum(authenticator.type != replaced for authenticator in subject.authenticators) >= limit:
        raise EnrollmentNotOpen("The subject has too many authenticators: remove one.")


def claim_uri(issuer: str, code: str) -> str:
    """Return what a phone's camera reads; the code is in the fragment, which no server gets."""
    return f"{issuer}/enroll#v=1&iss={quote(issuer, safe='')}&c={code}"
