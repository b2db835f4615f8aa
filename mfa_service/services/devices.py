"""Who the phone is: the signed request, and the few things a phone may do to itself."""

import hashlib
import hmac
import json
from dataclasses import dataclass

from sqlalchemy import Connection

from mfa_service import jose
from mfa_service.domain.authenticator import Authenticator, State, SuspendedBy
from mfa_service.domain.challenge import Challenge
from mfa_service.domain.errors import AuthenticatorNotActive, Unauthenticated
from mfa_service.domain.events import Event
from mfa_service.domain.factor import Credential
from mfa_service.domain.ports import JsonObject
from mfa_service.domain.subject import Subject, User
from mfa_service.persistence import audit, queries, states
from mfa_service.persistence.consume import lock_user, remember_token
from mfa_service.persistence.tries import use_device

from .foundation import Foundation, push_place

REQUEST_TYP = "stepup-req+jwt"
_JTI_SECONDS = 300
_MAX_JTI = 255


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """What the phone's signature has to cover."""

    token: str
    method: str
    path: str
    body: bytes

    def __repr__(self) -> str:
        """Hide token and body."""
        return f"SignedRequest({self.method})"


@dataclass(frozen=True, slots=True)
class Device:
    """A phone that signed this request, with its user, its opened credential and what it names."""

    phone: Authenticator
    subject: Subject
    credential: Credential
    jti: str
    signed_at: int
    challenge: Challenge | None = None

    @property
    def user(self) -> User:
        """Whose phone it is."""
        return self.subject.user

    @property
    def id(self) -> str:
        """The device id is the authenticator's."""
        return self.phone.id

    def entry(self, event: Event, at: int, *, result: str | None = None) -> audit.Entry:
        """Return an audit entry about this phone."""
        return audit.Entry(event, at, user_id=self.user.id, authenticator_id=self.id, result=result)


class DeviceService:
    """Authenticates phones and keeps their own settings."""

    def __init__(self, foundation: Foundation) -> None:
        self._f = foundation

    def authenticate(
        self, request: SignedRequest, *, only_active: bool = True, challenge_id: str | None = None
    ) -> Device:
        """Return the phone that signed `request`; any fault raises the one `Unauthenticated`.

        Raises `AuthenticatorNotActive` for a phone that is not confirmed or is suspended, unless
        the call is open to such. Whether the `jti` is new is settled by `remember`, in the
        transaction of what the request does. `challenge_id` is read along, if it is theirs.
        """
        try:
            device = self._authenticate(request, challenge_id)
        except jose.JoseError as exc:
            raise invalid_request() from exc
        if only_active and device.phone.state is not State.ACTIVE:
            raise AuthenticatorNotActive("This phone is not active.")
        return device

    @staticmethod
    def remember(tx: Connection, device: Device) -> None:
        """Use up the request's `jti` (5 min, all workers); raise `Unauthenticated` if it was."""
        until = device.signed_at + jose.SKEW + _JTI_SECONDS
        if not remember_token(tx, device.id, device.jti, until=until):
            raise invalid_request()

    def remember_refused(self, device: Device) -> None:
        """Use up the `jti` of a request that is refused before it changes anything."""
        with self._f.work.transaction() as tx:
            self.remember(tx, device)

    def describe(self, device: Device) -> JsonObject:
        """Return what the phone may know of itself."""
        return {
            "device_id": device.id,
            "sub": device.user.sub,
            "issuer": self._f.issuer,
            "state": device.phone.state,
            "label": device.phone.label,
            "pin": device.phone.pin,
            "push": {"provider": device.phone.push_provider or "none"},
        }

    def set_push(self, device: Device, provider: str, address: JsonObject | None) -> None:
        """Replace where the phone is notified; the address is sealed."""
        at, sealed = self._f.clock.now(), self.seal_address(device.id, address)
        with self._f.work.transaction() as tx:
            self.remember(tx, device)
            states.set_push_address(tx, device.id, provider, sealed)
            self._require_active(states.change_active(tx, device.id, {"state": State.ACTIVE}))
            audit.record(tx, device.entry(Event.PUSH_ADDRESS, at, result=provider))

    def remove(self, device: Device) -> None:
        """Let the phone remove itself: it stops working at once and goes on counting as suspended.

        Otherwise one moment at the unlocked phone would let anyone enroll freely as new.
        """
        at = self._f.clock.now()
        with self._f.work.transaction() as tx:
            self.remember(tx, device)
            lock_user(tx, device.user.id)
            states.mark_removed(tx, device.id)
            self._require_active(states.suspend(tx, device.id, SuspendedBy.USER, at=at))
            event = Event.AUTHENTICATOR_SUSPEND
            audit.record(tx, device.entry(event, at, result="removed_itself"))
        self._f.tell(user_id=device.user.id)

    def use(self, tx: Connection, device: Device, *, at: int) -> None:
        """Note that the phone was used; raise `AuthenticatorNotActive` if it no longer may be."""
        self._require_active(use_device(tx, device.id, at=at))

    @staticmethod
    def _require_active(done: bool) -> None:  # noqa: FBT001
        """Roll back what was decided on an old reading: the phone was suspended or revoked."""
        if not done:
            raise AuthenticatorNotActive("This phone is not active.")

    def seal_address(self, device_id: str, address: JsonObject | None) -> bytes | None:
        """Return a push address in its stored form."""
        if address is None:
            return None
        return self._f.secret_box.seal(json.dumps(address).encode(), place=push_place(device_id))

    def _authenticate(self, request: SignedRequest, challenge_id: str | None) -> Device:
        jws = jose.parse(request.token, typ=REQUEST_TYP, members={"alg", "typ", "kid"})
        device_id = jws.header["kid"]
        if not isinstance(device_id, str):
            raise jose.JoseError("kid")
        with self._f.work.reading() as tx:
            found = queries.subject_of_device(tx, device_id, challenge_id, self._f.secret_box)
        if found is None or not self._may_speak(found.phone):
            raise jose.JoseError("unknown device")
        phone = found.phone
        credential = self._f.open_credential(phone.id, phone.user_id, phone.credential)
        jose.verify_es256(jws, jose.p256_key(credential.secret["device_key"]))
        self._check_claims(jws, request)
        jti, signed_at = jws.text("jti"), jose.integer(jws.claims, "iat")
        return Device(phone, found.subject, credential, jti, signed_at, found.challenge)

    def _may_speak(self, phone: Authenticator) -> bool:
        """Tell whether the phone may sign at all; an unconfirmed one dies with its enrollment."""
        if phone.type != "phone" or phone.state is State.REVOKED or phone.removed_itself:
            return False
        age = self._f.clock.now() - phone.created_at
        return phone.state is not State.PENDING or age < self._f.limits.enrollment_lifetime

    def _check_claims(self, jws: jose.Jws, request: SignedRequest) -> None:
        if jws.claims.get("htm") != request.method:
            raise jose.JoseError("htm")
        if jws.claims.get("htu") != self._f.issuer + request.path:
            raise jose.JoseError("htu")
        if abs(jose.integer(jws.claims, "iat") - self._f.clock.now()) > jose.SKEW:
            raise jose.JoseError("iat")
        if len(jws.text("jti")) > _MAX_JTI:
            raise jose.JoseError("jti")
        if request.body or "bh" in jws.claims:
            expected = jose.b64url(hashlib.sha256(request.body).digest())
            if not hmac.compare_digest(jws.text("bh").encode(), expected.encode()):
                raise jose.JoseError("bh")


def invalid_request() -> Unauthenticated:
    """One body for every fault, also for a revoked phone."""
    return Unauthenticated("The request of the device is not valid.", challenge="Device")
