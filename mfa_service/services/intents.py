"""What a person wants to change, kept in their session while the step-up for it runs."""

import json
from dataclasses import asdict, dataclass
from enum import StrEnum

from mfa_service.domain.errors import BindingRequiresStepUp


class Action(StrEnum):
    """Changes that a person makes in self-service."""

    ADD = "add"
    RENAME = "rename"
    SUSPEND = "suspend"
    REACTIVATE = "reactivate"
    REMOVE = "remove"
    DISPUTE = "dispute"


LESSER = frozenset({Action.SUSPEND, Action.DISPUTE})
"""Changes that only take away, and are urgent: who signed in needs no step-up for them."""


@dataclass(frozen=True, slots=True)
class Intent:
    """A change; `concerns` is the type to add, the challenge to dispute, else the authenticator."""

    action: Action
    concerns: str
    label: str | None = None


class Stage(StrEnum):
    """An intent waits for its step-up, is taken once that is done, and then made."""

    ASKED = "asked"
    TAKEN = "taken"
    MADE = "made"


@dataclass(frozen=True, slots=True)
class Pending:
    """An intent with the step-up that it waits for, and the `state` that comes back with it.

    It stays after it was made: a browser that comes back twice is led to the same place.
    """

    intent: Intent
    challenge_id: str
    state: str
    stage: Stage = Stage.ASKED
    enrollment_id: str | None = None

    def to_json(self) -> str:
        """Return the form that is stored."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Pending":
        """Return what `to_json` wrote."""
        members = json.loads(text)
        intent, stage = members.pop("intent"), Stage(members.pop("stage"))
        action = Action(intent.pop("action"))
        return cls(Intent(action, **intent), stage=stage, **members)


class Hindrance(StrEnum):
    """Why a change cannot be made."""

    PAUSED = "paused"
    ALL_SUSPENDED = "all_suspended"
    UNATTAINABLE = "unattainable"
    FULL = "full"
    OVER = "over"
    NOT_CONFIRMED = "not_confirmed"


class ChangeRefused(BindingRequiresStepUp):
    """A change that is not made, with the reason that a person can be told."""

    def __init__(self, hindrance: Hindrance) -> None:
        super().__init__()
        self.hindrance = hindrance
