"""What people call for themselves: the operations of clients, held to one subject.

The caller is this service as a client, so a challenge opened here serves the binding rule here
and in self-service, and no other client's does (contract section 10).
"""

from dataclasses import replace

from mfa_service.domain.errors import NotFound
from mfa_service.wiring import Services

from . import challenges, enrollments, representations
from .operations import Call, Reply


def read_me(services: Services, call: Call) -> Reply:
    """Return the user; one who has nothing yet is answered, not made.

    `passkeys` is what the page passes to `PublicKeyCredential.signalAllAcceptedCredentials`.
    """
    caller, sub = call.client(), call.person()
    found = services.users.by_sub(caller, sub)
    if found is None:
        return Reply(200, {**representations.nobody(services, sub), "passkeys": None})
    offered = services.passkeys.offered
    passkeys = services.passkeys.accepted(found.user.id) if offered else None
    return Reply(
        200, {**representations.user(services, call.client().client, found), "passkeys": passkeys}
    )


def list_authenticators(services: Services, call: Call) -> Reply:
    """Return what the user has."""
    return enrollments.list_authenticators(services, replace(call, query={"sub": call.person()}))


def start_enrollment(services: Services, call: Call) -> Reply:
    """Tie a new authenticator to the user."""
    return _located(services, enrollments.start_enrollment(services, _about_me(call)))


def open_challenge(services: Services, call: Call) -> Reply:
    """Ask the user to prove presence."""
    return _located(services, challenges.open_challenge(services, _about_me(call)))


def read_challenge(services: Services, call: Call) -> Reply:
    """Return its state, waiting for a change if asked."""
    _require_mine(services, call)
    return challenges.read_challenge(services, call)


def answer_challenge(services: Services, call: Call) -> Reply:
    """Answer it with one proof."""
    _require_mine(services, call)
    return challenges.answer_challenge(services, call)


def webauthn_options(services: Services, call: Call) -> Reply:
    """Give request options for a passkey."""
    _require_mine(services, call)
    return challenges.webauthn_options(services, call)


def push_again(services: Services, call: Call) -> Reply:
    """Notify the phone once more."""
    _require_mine(services, call)
    return challenges.push_again(services, call)


def cancel_challenge(services: Services, call: Call) -> Reply:
    """Cancel it."""
    _require_mine(services, call)
    return challenges.cancel_challenge(services, call)


def _about_me(call: Call) -> Call:
    return replace(call, body=call.body | {"sub": call.person()})


def _require_mine(services: Services, call: Call) -> None:
    """Raise `NotFound` for a challenge of somebody else: people share this service's client."""
    found = services.challenges.read(call.client().client, call.path["challenge_id"])
    if found.asked.sub != call.person():
        raise NotFound


def _located(services: Services, reply: Reply) -> Reply:
    """Return the reply with the place where the person finds what was made."""
    path = reply.headers["Location"].removeprefix(f"{services.issuer}/v1/")
    return replace(reply, headers={"Location": f"{services.issuer}/v1/me/{path}"})
