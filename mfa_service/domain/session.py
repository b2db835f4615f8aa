"""A person's session in self-service (S 3.9, S 9.2)."""

from dataclasses import dataclass, field
from enum import StrEnum


class BeganBy(StrEnum):
    """How a session began. Neither a link nor a hint proves a factor (contract section 10)."""

    LINK = "link"
    LOGIN = "login"
    HINT = "hint"


@dataclass(frozen=True, slots=True)
class Session:
    """A session that is alive. `id` names it in lists; only its cookie opens it.

    `intent` is what the person wants to change while the step-up for it runs, `shown` what an
    enrollment shows here and nowhere else, sealed; `notice` is said on the next page. With an
    `authorization_id` the session is an errand: it adds a first authenticator for that request.
    """

    id: str
    user_id: str
    began_by: BeganBy
    created_at: int
    seen_at: int
    expires_at: int
    user_agent: str
    intent: str | None = None
    shown: bytes | None = field(default=None, repr=False)
    notice: str | None = None
    authorization_id: str | None = None
