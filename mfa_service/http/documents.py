"""Shapes of answers, for the API document and for the tests that hold it true."""

from typing import Any

from marshmallow import Schema, fields, validate

from mfa_service.domain.authenticator import Pin, State, SuspendedBy
from mfa_service.domain.challenge import PushState, Reason, Status

_ALWAYS: dict[str, Any] = {"required": True}
_NULLABLE: dict[str, Any] = {"required": True, "allow_none": True}


def _one_of(kind: Any, **options: Any) -> fields.String:  # noqa: ANN401
    return fields.String(validate=validate.OneOf([str(member) for member in kind]), **options)


class OfferDocument(Schema):
    """A method that may be used."""

    method = fields.String(**_ALWAYS)
    authenticator_id = fields.String(**_ALWAYS)
    label = fields.String(**_ALWAYS)


class PushDocument(Schema):
    """What became of the notification."""

    state = _one_of(PushState, **_ALWAYS)


class ChallengeDocument(Schema):
    """A challenge: `display_code` while `push` is offered, the last five when satisfied.

    These are null while the hosted page was opened and its `return_code` was not shown.
    """

    id = fields.String(**_ALWAYS)
    status = _one_of(Status, **_ALWAYS)
    reason = fields.String(validate=validate.OneOf([*map(str, Reason), None]), **_NULLABLE)
    sub = fields.String(**_ALWAYS)
    created_at = fields.Integer(**_ALWAYS)
    expires_at = fields.Integer(**_ALWAYS)
    interval = fields.Integer(**_ALWAYS)
    attempts_left = fields.Integer(**_ALWAYS)
    tx_hash = fields.String(**_NULLABLE)
    methods = fields.List(fields.Nested(OfferDocument), **_ALWAYS)
    push = fields.Nested(PushDocument, **_ALWAYS)
    page = fields.String(**_ALWAYS)
    display_code = fields.String()
    acr = fields.String(allow_none=True)
    acr_satisfied = fields.List(fields.String(), allow_none=True)
    amr = fields.List(fields.String(), allow_none=True)
    auth_time = fields.Integer(allow_none=True)
    result_token = fields.String(allow_none=True)


class RequestOptionsDocument(Schema):
    """What a browser passes to `PublicKeyCredential.parseRequestOptionsFromJSON`."""

    publicKey = fields.Dict(**_ALWAYS)  # noqa: N815  # the name that WebAuthn gives it


class AuthenticatorDocument(Schema):
    """An authenticator; the last members depend on its type."""

    id = fields.String(**_ALWAYS)
    type = fields.String(**_ALWAYS)
    label = fields.String(**_ALWAYS)
    state = _one_of(State, **_ALWAYS)
    suspended_by = fields.String(
        validate=validate.OneOf([*map(str, SuspendedBy), None]), **_NULLABLE
    )
    created_at = fields.Integer(**_ALWAYS)
    last_used_at = fields.Integer(**_NULLABLE)
    platform = fields.String(allow_none=True)
    pin = _one_of(Pin)
    codes_left = fields.Integer()
    backup_eligible = fields.Boolean()
    aaguid = fields.String()


class AuthenticatorsDocument(Schema):
    """What a subject has."""

    authenticators = fields.List(fields.Nested(AuthenticatorDocument), **_ALWAYS)


class UserDocument(Schema):
    """A user."""

    id = fields.String(**_ALWAYS)
    sub = fields.String(**_ALWAYS)
    status = fields.String(**_ALWAYS)
    authenticators = fields.List(fields.Nested(AuthenticatorDocument), **_ALWAYS)
    acr_attainable = fields.String(**_ALWAYS)
    recovery_codes_left = fields.Integer(**_ALWAYS)


class AcceptedPasskeysDocument(Schema):
    """What a page passes to `PublicKeyCredential.signalAllAcceptedCredentials`."""

    rpId = fields.String(**_ALWAYS)  # noqa: N815  # the names that WebAuthn gives them
    userId = fields.String(**_ALWAYS)  # noqa: N815
    allAcceptedCredentialIds = fields.List(fields.String(), **_ALWAYS)  # noqa: N815


class MeDocument(UserDocument):
    """The user who asks; `id` is null while there is nothing of this user yet."""

    id = fields.String(**_NULLABLE)
    passkeys = fields.Nested(AcceptedPasskeysDocument, **_NULLABLE)


class UsersDocument(Schema):
    """None or one."""

    users = fields.List(fields.Nested(UserDocument), validate=validate.Length(max=1), **_ALWAYS)


class EnrollmentDocument(Schema):
    """An enrollment; what is shown once comes with the answer that opened it."""

    id = fields.String(**_ALWAYS)
    type = fields.String(**_ALWAYS)
    sub = fields.String(**_ALWAYS)
    state = fields.String(
        validate=validate.OneOf(("pending", "claimed", "active", "expired")), **_ALWAYS
    )
    created_at = fields.Integer(**_ALWAYS)
    expires_at = fields.Integer(**_ALWAYS)
    label = fields.String(**_NULLABLE)
    authenticator = fields.Nested(AuthenticatorDocument, **_NULLABLE)
    uri = fields.String()
    qr_svg = fields.String()
    manual_code = fields.String()
    otpauth_uri = fields.String()
    secret = fields.String()
    codes = fields.List(fields.String())
    publicKey = fields.Dict()  # noqa: N815  # the name that WebAuthn gives it


class ClaimedDocument(Schema):
    """What a claiming phone is told."""

    device_id = fields.String(**_ALWAYS)
    sub = fields.String(**_ALWAYS)
    issuer = fields.String(**_ALWAYS)
    check_code = fields.String(**_ALWAYS)
    state = fields.String(**_ALWAYS)


class AccountLinkDocument(Schema):
    """A link that works once, and until when."""

    url = fields.String(**_ALWAYS)
    expires_at = fields.Integer(**_ALWAYS)


class ProviderDocument(Schema):
    """How the phone is notified."""

    provider = fields.String(**_ALWAYS)


class DeviceDocument(Schema):
    """What a phone may know of itself."""

    device_id = fields.String(**_ALWAYS)
    sub = fields.String(**_ALWAYS)
    issuer = fields.String(**_ALWAYS)
    state = _one_of(State, **_ALWAYS)
    label = fields.String(**_ALWAYS)
    pin = _one_of(Pin, **_ALWAYS)
    push = fields.Nested(ProviderDocument, **_ALWAYS)


class DeviceIdDocument(Schema):
    """The device whose key was replaced."""

    device_id = fields.String(**_ALWAYS)


class SignedChallengesDocument(Schema):
    """Challenge JWSs that wait for this phone."""

    challenges = fields.List(fields.String(), **_ALWAYS)


class SignedChallengeDocument(Schema):
    """One challenge JWS."""

    challenge = fields.String(**_ALWAYS)


class StatusDocument(Schema):
    """The status that an answer led to."""

    status = _one_of(Status, **_ALWAYS)


class ProblemDocument(Schema):
    """RFC 9457 problem details.

    To the phone that gave the final answer, `status` is that of the challenge, with `reason`.
    """

    type = fields.String(**_ALWAYS)
    title = fields.String(**_ALWAYS)
    status = fields.Raw(required=True, metadata={"type": ["integer", "string"]})
    detail = fields.String(**_ALWAYS)
    instance = fields.String(**_NULLABLE)
    errors = fields.Dict(keys=fields.String(), values=fields.List(fields.String()))
    attempts_left = fields.Integer()
    enroll = fields.List(fields.String())
    reason = fields.String(allow_none=True)
