"""Tables. Times are integer seconds since the epoch, UTC; `sealed` columns open only in place."""

from .authenticators import (
    Authenticator,
    AuthenticatorModel,
    Device,
    DeviceKey,
    MetadataBlob,
    SpentProof,
)
from .authorizations import Authorization, PushedRequest
from .challenges import Challenge, Prompt, PushSent
from .clients import Client, SigningKey
from .enrollments import Enrollment
from .operations import AuditEvent, IdempotentReply, Outbox, SeenToken
from .sessions import AccountLink, Session
from .users import Erasure, User

__all__ = [
    "AccountLink",
    "AuditEvent",
    "Authenticator",
    "AuthenticatorModel",
    "Authorization",
    "Challenge",
    "Client",
    "Device",
    "DeviceKey",
    "Enrollment",
    "Erasure",
    "IdempotentReply",
    "MetadataBlob",
    "Outbox",
    "Prompt",
    "PushSent",
    "PushedRequest",
    "SeenToken",
    "Session",
    "SigningKey",
    "SpentProof",
    "User",
]
