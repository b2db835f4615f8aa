"""Tables. Times are integer seconds since the epoch, UTC; `sealed` columns open only in place."""

from .authenticators import Authenticator, Device, DeviceKey, SpentProof
from .challenges import Challenge, PushSent
from .clients import Client, SigningKey
from .enrollments import Enrollment
from .operations import AuditEvent, IdempotentReply, Outbox, SeenToken
from .users import User

__all__ = [
    "AuditEvent",
    "Authenticator",
    "Challenge",
    "Client",
    "Device",
    "DeviceKey",
    "Enrollment",
    "IdempotentReply",
    "Outbox",
    "PushSent",
    "SeenToken",
    "SigningKey",
    "SpentProof",
    "User",
]
