"""What phones call (contract section 6)."""

from mfa_service.domain import push_address
from mfa_service.domain.errors import InvalidRequest
from mfa_service.services.device_keys import NewPin
from mfa_service.wiring import Services

from .operations import Call, Reply

_MAX_KNOWN = 100


def claim_enrollment(services: Services, call: Call) -> Reply:
    """Tie this phone's keys to an enrollment."""
    claimed = services.claiming.claim(call.body)
    body = {
        "device_id": claimed.device_id,
        "sub": claimed.sub,
        "issuer": services.issuer,
        "check_code": claimed.check_code,
        "state": "pending",
    }
    return Reply(201, body)


def read_device(services: Services, call: Call) -> Reply:
    """Return what the phone may know of itself."""
    return Reply(200, services.devices.describe(call.phone()))


def remove_device(services: Services, call: Call) -> Reply:
    """Let the phone remove itself."""
    services.devices.remove(call.phone())
    return Reply(204)


def set_push(services: Services, call: Call) -> Reply:
    """Replace where the phone is notified."""
    try:
        provider, address = push_address.parse(call.body)
    except push_address.PushAddressInvalid as exc:
        raise InvalidRequest({"push": [str(exc)]}) from exc
    services.devices.set_push(call.phone(), provider, address)
    return Reply(204)


def change_pin(services: Services, call: Call) -> Reply:
    """Replace the PIN key."""
    services.device_keys.change_pin(call.phone(), NewPin(**call.body))
    return Reply(204)


def rotate_key(services: Services, call: Call) -> Reply:
    """Replace the device key."""
    services.device_keys.rotate(call.phone(), call.body)
    return Reply(200, {"device_id": call.phone().id})


def list_challenges(services: Services, call: Call) -> Reply:
    """Return the signed challenges that wait for this phone."""
    known = [known for known in call.query["known"].split(",") if known]
    if len(known) > _MAX_KNOWN:
        raise InvalidRequest({"known": ["At most 100 ids."]})
    found = services.phone_challenges.pending(call.phone(), wait=call.query["wait"], known=known)
    return Reply(200, {"challenges": found})


def read_challenge(services: Services, call: Call) -> Reply:
    """Return one signed challenge."""
    token = services.phone_challenges.one(call.phone())
    return Reply(200, {"challenge": token})


def answer_challenge(services: Services, call: Call) -> Reply:
    """Approve, deny, or report fraud."""
    status = services.phone_answers.answer(call.phone(), call.body)
    return Reply(200, {"status": status})
