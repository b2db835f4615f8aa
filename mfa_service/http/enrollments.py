"""Enrollments, authenticators and users, for the client that administers them."""

from mfa_service.services import places
from mfa_service.services.authenticators import Patch
from mfa_service.services.enrollment import EnrollmentRequest
from mfa_service.wiring import Services

from . import representations
from .operations import Call, Reply


def start_enrollment(services: Services, call: Call) -> Reply:
    """Tie a new authenticator to a subject."""
    started = services.enrollment.start(call.client(), EnrollmentRequest(**call.body))
    location = f"{services.issuer}/v1/enrollments/{started.id}"
    return Reply(201, representations.enrollment(services, started), {"Location": location})


def read_enrollment(services: Services, call: Call) -> Reply:
    """Return its state."""
    found = services.enrollment.read(call.client(), call.path["enrollment_id"])
    return Reply(200, representations.enrollment(services, found))


def confirm_enrollment(services: Services, call: Call) -> Reply:
    """Finish it with what only the holder of the new authenticator knows."""
    caller, wanted = call.client(), call.path["enrollment_id"]
    place = places.api_of(services.foundation, caller.client)
    done = services.enrollment.confirm(caller, wanted, call.body, place=place)
    return Reply(200, representations.enrollment(services, done))


def cancel_enrollment(services: Services, call: Call) -> Reply:
    """End it."""
    services.enrollment.cancel(call.client(), call.path["enrollment_id"])
    return Reply(204)


def find_users(services: Services, call: Call) -> Reply:
    """Return the user with this subject, or none."""
    found = services.users.by_sub(call.client(), call.query["sub"])
    users = [representations.user(services, call.client().client, found)] if found else []
    return Reply(200, {"users": users})


def read_user(services: Services, call: Call) -> Reply:
    """Return one user."""
    found = services.users.read(call.client(), call.path["user_id"])
    return Reply(200, representations.user(services, call.client().client, found))


def erase_user(services: Services, call: Call) -> Reply:
    """Erase a person's data."""
    services.users.erase(call.client(), call.path["user_id"], reason=call.query["reason"])
    return Reply(204)


def list_authenticators(services: Services, call: Call) -> Reply:
    """Return what a subject has."""
    found = services.authenticators.of_sub(call.client(), call.query["sub"])
    return Reply(200, {"authenticators": [representations.authenticator(a) for a in found]})


def read_authenticator(services: Services, call: Call) -> Reply:
    """Return one authenticator."""
    found = services.authenticators.read(call.client(), call.path["authenticator_id"])
    return Reply(200, representations.authenticator(found))


def change_authenticator(services: Services, call: Call) -> Reply:
    """Rename, suspend or reactivate."""
    patch, wanted = Patch(**call.body), call.path["authenticator_id"]
    changed = services.authenticators.change(call.client(), wanted, patch)
    return Reply(200, representations.authenticator(changed))


def remove_authenticator(services: Services, call: Call) -> Reply:
    """Revoke it."""
    services.authenticators.remove(
        call.client(),
        call.path["authenticator_id"],
        challenge_id=call.query.get("challenge_id"),
        reason=call.query.get("reason"),
    )
    return Reply(204)


def make_account_link(services: Services, call: Call) -> Reply:
    """Make a link with which a person begins a session of self-service."""
    link = services.account.links.make(call.client(), call.body["sub"])
    return Reply(201, {"url": link.url, "expires_at": link.expires_at})
