"""Subjects with a passkey, enrolled in this process before a run."""

import queue
import secrets
from typing import Any, cast

from mfa_service.app import create_app, services_of
from mfa_service.services import places
from mfa_service.services.clients import NewClient
from mfa_service.services.enrollment import EnrollmentRequest
from mfa_service.services.tokens import Caller
from mfa_service.settings import Settings
from tests.support.authenticator import SoftAuthenticator

_SCOPES = ("mfa:challenge", "mfa:enroll")
Holders = queue.SimpleQueue[tuple[str, SoftAuthenticator]]


def enroll_passkeys(settings: Settings, count: int) -> Holders:
    """Enroll so many in the migrated database; any client of the realm may ask them."""
    services = services_of(create_app(settings))
    registered = services.clients.add(NewClient(name="passkeys", scopes=_SCOPES))
    caller = Caller(registered.client, frozenset(_SCOPES))
    place = places.api_of(services.foundation, caller.client)
    holders: Holders = queue.SimpleQueue()
    for _ in range(count):
        sub, key = f"passkey-{secrets.token_hex(6)}", SoftAuthenticator()
        begun = services.enrollment.start(caller, EnrollmentRequest(sub=sub, type="webauthn"))
        options = cast("dict[str, Any]", begun.shown["publicKey"])
        credential = key.create(options, origin=services.issuer)
        proof = {"credential": credential}
        services.enrollment.confirm(caller, begun.id, proof, place=place)
        holders.put((sub, key))
    services.foundation.work.engine.dispose()
    return holders
