"""The operations that phones call."""

from mfa_service.http import device
from mfa_service.http import documents as doc
from mfa_service.http import schemas as shape

from .operations import Media, Operation, Proof

_DEVICE_CHALLENGE = "/v1/device/challenges/<id:challenge_id>"

DEVICE_OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "POST",
        "/v1/device/enrollments/claim",
        "claimEnrollment",
        "Tie this phone's keys to an enrollment",
        device.claim_enrollment,
        proof=Proof.NONE,
        media=Media.JOSE,
        replies={201: doc.ClaimedDocument()},
        problems=("proof-rejected", "enrollment-not-open"),
    ),
    Operation(
        "GET",
        "/v1/device",
        "readDevice",
        "Read what this phone may know of itself",
        device.read_device,
        proof=Proof.DEVICE,
        only_active=False,
        replies={200: doc.DeviceDocument()},
    ),
    Operation(
        "DELETE",
        "/v1/device",
        "removeDevice",
        "Let this phone remove itself",
        device.remove_device,
        proof=Proof.DEVICE,
        replies={204: None},
        problems=("authenticator-not-active",),
    ),
    Operation(
        "PUT",
        "/v1/device/push",
        "setPush",
        "Replace where this phone is notified",
        device.set_push,
        proof=Proof.DEVICE,
        body=shape.PushAddressSchema(),
        replies={204: None},
        problems=("authenticator-not-active",),
    ),
    Operation(
        "PUT",
        "/v1/device/pin",
        "changePin",
        "Replace the PIN key",
        device.change_pin,
        proof=Proof.DEVICE,
        body=shape.PinSchema(),
        replies={204: None},
        problems=("proof-rejected", "authenticator-not-active"),
    ),
    Operation(
        "POST",
        "/v1/device/keys",
        "rotateDeviceKey",
        "Replace the device key",
        device.rotate_key,
        proof=Proof.DEVICE,
        media=Media.JOSE,
        replies={200: doc.DeviceIdDocument()},
        problems=("proof-rejected", "authenticator-not-active"),
    ),
    Operation(
        "GET",
        "/v1/device/challenges",
        "listDeviceChallenges",
        "Fetch the challenges that wait for this phone",
        device.list_challenges,
        proof=Proof.DEVICE,
        query=shape.DeviceWaitQuery(),
        replies={200: doc.SignedChallengesDocument()},
        problems=("authenticator-not-active",),
    ),
    Operation(
        "GET",
        _DEVICE_CHALLENGE,
        "readDeviceChallenge",
        "Fetch one challenge",
        device.read_challenge,
        proof=Proof.DEVICE,
        replies={200: doc.SignedChallengeDocument()},
        problems=("not-found", "challenge-not-open", "authenticator-not-active"),
    ),
    Operation(
        "POST",
        f"{_DEVICE_CHALLENGE}/answer",
        "answerDeviceChallenge",
        "Approve, deny, or report fraud",
        device.answer_challenge,
        proof=Proof.DEVICE,
        media=Media.JOSE,
        replies={200: doc.StatusDocument()},
        problems=(
            "not-found",
            "proof-rejected",
            "challenge-not-open",
            "authenticator-not-active",
        ),
    ),
)
