"""Shapes of requests; unknown members are refused."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, validate, validates_schema

from mfa_service import canonical
from mfa_service.domain.authenticator import State
from mfa_service.domain.challenge import Purpose
from mfa_service.domain.text import misleads

from .fields import Anything, Boolean, Digits, Integer, shown, text

METHODS = ("push", "totp", "recovery_code", "webauthn")
ENROLLMENT_TYPES = ("phone", "totp", "webauthn", "recovery_codes")
_MAX_CODE = 64
_MAX_TRANSACTION_BYTES = 4096


class PriorSchema(Schema):
    """What the caller has verified in this session."""

    amr = fields.List(
        fields.String(),
        required=True,
        validate=validate.Length(max=16),
        metadata={"example": ["pwd"]},
    )
    auth_time = Integer(required=True, validate=validate.Range(min=0))


class ContextSchema(Schema):
    """Where the request comes from, shown on the phone."""

    ip = shown(0, 256)
    user_agent = shown(0, 256)
    application = shown(0, 256)
    location = shown(0, 256)


class AnswerSchema(Schema):
    """One proof; which members it has depends on `method`."""

    method = fields.String(
        required=True,
        validate=validate.OneOf(("totp", "recovery_code", "webauthn")),
        metadata={"example": "totp"},
    )
    code = text(0, _MAX_CODE, metadata={"example": "000000"})
    authenticator_id = text(1, 64)
    credential = Anything()

    @validates_schema
    def check_members(self, data: dict[str, Any], **_: Any) -> None:
        """Require exactly what the method needs."""
        needed = "credential" if data.get("method") == "webauthn" else "code"
        allowed = {"method", needed} | (
            {"authenticator_id"} if data.get("method") == "totp" else set()
        )
        if needed not in data:
            raise ValidationError("Missing data for required field.", needed)
        for name in set(data) - allowed:
            raise ValidationError("Unknown field.", name)


class OneCallAnswerSchema(AnswerSchema):
    """A proof that comes with the request that opens the challenge."""

    method = fields.String(required=True, validate=validate.OneOf(("totp", "recovery_code")))


class ChallengeRequestSchema(Schema):
    """What a client asks of one subject."""

    sub = text(1, 255, required=True, metadata={"example": "alice"})
    acr_values = fields.List(fields.String(), validate=validate.Length(min=1))
    essential = Boolean(load_default=True)
    prior = fields.Nested(PriorSchema)
    max_age = Integer(load_default=3600, validate=validate.Range(min=0))
    methods = fields.List(
        fields.String(validate=validate.OneOf(METHODS)), validate=validate.Length(min=1)
    )
    binding_message = shown(0, 128)
    transaction = Anything()
    purpose = fields.Enum(Purpose, by_value=True, load_default=Purpose.LOGIN)
    context = fields.Nested(ContextSchema)
    expires_in = Integer(load_default=120, validate=validate.Range(min=30, max=600))
    nonce = text(0, 255)
    return_uri = text(1, 2048)
    state = text(0, 1024)
    answer = fields.Nested(OneCallAnswerSchema)

    @validates_schema
    def check_transaction(self, data: dict[str, Any], **_: Any) -> None:
        """Require integers, text that does not mislead, and a canonical form of at most 4 KiB."""
        transaction = data.get("transaction")
        if transaction is None:
            return
        try:
            size = len(canonical.canonical_json(transaction))
        except canonical.NotCanonical as exc:
            raise ValidationError("Numbers have to be integers.", "transaction") from exc
        if size > _MAX_TRANSACTION_BYTES:
            raise ValidationError("Longer than 4 KiB in canonical form.", "transaction")
        if _misleads_within(transaction):
            raise ValidationError("Characters that change the direction of text.", "transaction")


class WebAuthnAnswerSchema(Schema):
    """No members."""


class PushAgainSchema(Schema):
    """Which phone to notify again; all that are offered when left out."""

    authenticator_id = text(1, 64)


class WaitQuery(Schema):
    """How long to hold on, in seconds."""

    wait = Digits(load_default=0, validate=validate.Range(min=0, max=30))
    return_code = text(1, 64)


class DeviceWaitQuery(Schema):
    """How long to hold on, and what the phone knows already."""

    wait = Digits(load_default=0, validate=validate.Range(min=0, max=30))
    known = text(0, 8192, load_default="")


class SubQuery(Schema):
    """The subject that is looked for."""

    sub = text(1, 255, required=True)


class ReasonQuery(Schema):
    """Why an administrator acts."""

    reason = text(1, 500, required=True)


class RemoveQuery(Schema):
    """What permits the removal."""

    challenge_id = text(1, 64)
    reason = text(1, 500)


class EnrollmentRequestSchema(Schema):
    """What shall be enrolled for whom."""

    sub = text(1, 255, required=True, metadata={"example": "alice"})
    type = fields.String(required=True, validate=validate.OneOf(ENROLLMENT_TYPES))
    label = shown(1, 64)
    challenge_id = text(1, 64)
    reason = text(1, 500)


class ConfirmSchema(Schema):
    """What only the holder of the new authenticator knows: exactly one member."""

    check_code = text(0, _MAX_CODE)
    code = text(0, _MAX_CODE)
    credential = Anything()

    @validates_schema
    def check_members(self, data: dict[str, Any], **_: Any) -> None:
        """Exactly one of the three."""
        if len(data) != 1:
            raise ValidationError("Exactly one of check_code, code and credential.")


class AuthenticatorPatchSchema(Schema):
    """What shall change; at least a label or a state."""

    label = shown(1, 64)
    state = fields.String(validate=validate.OneOf((State.ACTIVE, State.SUSPENDED)))
    challenge_id = text(1, 64)
    reason = text(1, 500)

    @validates_schema
    def check_members(self, data: dict[str, Any], **_: Any) -> None:
        """Something has to change."""
        if not {"label", "state"} & set(data):
            raise ValidationError("A label or a state is needed.")

    @post_load
    def to_state(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Return the state as a value of the domain."""
        return data | ({"state": State(data["state"])} if "state" in data else {})


class UserCodeSchema(Schema):
    """The code that CIBA clients have to know before they may ask a person."""

    user_code = shown(4, _MAX_CODE, required=True)


class AccountLinkRequestSchema(Schema):
    """Whom a link into self-service is for."""

    sub = text(1, 255, required=True, metadata={"example": "alice"})


class PushAddressSchema(Schema):
    """Where the phone is notified; the members depend on the provider."""

    provider = fields.String(required=True, validate=validate.OneOf(("none", "fcm", "webpush")))
    token = text(1, 4096)
    endpoint = text(1, 2048)
    keys = Anything()


class PinSchema(Schema):
    """A new public PIN key, proven by itself and by the old one."""

    pin_jwk = Anything(required=True)
    pin_proof = text(1, 128, required=True)
    old_pin_proof = text(1, 128, required=True)


class OwnChallengeRequestSchema(ChallengeRequestSchema):
    """What people ask of themselves: without what only a client could vouch for."""

    class Meta:
        """Refuse these members like unknown ones."""

        exclude = ("sub", "prior", "return_uri", "state", "context")


class OwnEnrollmentRequestSchema(EnrollmentRequestSchema):
    """What people enroll for themselves."""

    class Meta:
        """Refuse these members like unknown ones."""

        exclude = ("sub", "reason")


class OwnAuthenticatorPatchSchema(AuthenticatorPatchSchema):
    """What people change of their own; at least a label or a state."""

    class Meta:
        """Refuse these members like unknown ones."""

        exclude = ("reason",)


class OwnRemoveQuery(Schema):
    """The step-up that permits the removal."""

    challenge_id = text(1, 64)


def _misleads_within(value: object) -> bool:
    if isinstance(value, str):
        return misleads(value)
    if isinstance(value, dict):
        return any(misleads(str(key)) or _misleads_within(item) for key, item in value.items())
    return isinstance(value, list) and any(_misleads_within(item) for item in value)
