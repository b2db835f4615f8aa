"""What one operation of the API is: the table of these drives routing, checks and the document."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from marshmallow import Schema

from mfa_service.services.devices import Device
from mfa_service.services.tokens import Caller
from mfa_service.wiring import Services


class Proof(StrEnum):
    """How the caller proves who it is."""

    CLIENT = "client"
    USER = "user"
    DEVICE = "device"
    NONE = "none"


class Media(StrEnum):
    """What the body is."""

    JSON = "application/json"
    JOSE = "application/jose"
    FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Call:
    """One request, after every check that is the same for all operations."""

    path: Mapping[str, str]
    query: Mapping[str, Any]
    body: Any = field(repr=False)
    caller: Caller | None = None
    device: Device | None = None

    def client(self) -> Caller:
        """Return the proven client; a view of an operation without one is our own fault."""
        if self.caller is None:
            raise LookupError("the operation proves no client")
        return self.caller

    def person(self) -> str:
        """Return the proven person's `sub`; a view without one is our own fault."""
        if self.caller is None or self.caller.sub is None:
            raise LookupError("the operation proves no person")
        return self.caller.sub

    def phone(self) -> Device:
        """Return the proven phone; a view of an operation without one is our own fault."""
        if self.device is None:
            raise LookupError("the operation proves no phone")
        return self.device


@dataclass(frozen=True, slots=True)
class Reply:
    """What a view answers; `body` is JSON, `None` for an empty answer."""

    status: int
    body: Mapping[str, object] | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Operation:
    """One method at one path."""

    method: str
    path: str
    name: str
    summary: str
    view: Callable[[Services, Call], Reply]
    proof: Proof = Proof.CLIENT
    scopes: tuple[str, ...] = ()
    query: Schema | None = None
    body: Schema | None = None
    media: Media = Media.JSON
    body_optional: bool = False
    only_active: bool = True
    idempotent: bool = False
    about_subject: bool = False
    secret: bool = False
    replies: Mapping[int, Schema | None] = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    @property
    def has_body(self) -> bool:
        """Whether the operation reads a body."""
        return self.body is not None or self.media is Media.JOSE
