"""A phone claims an enrollment: its keys arrive, and the person gets a check code to type back."""

import json
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from mfa_service import jose
from mfa_service.domain import push_address
from mfa_service.domain.authenticator import Pin, State
from mfa_service.domain.errors import EnrollmentNotOpen, ProofRejected
from mfa_service.domain.events import Event
from mfa_service.domain.ids import new_authenticator_id
from mfa_service.domain.ports import JsonObject
from mfa_service.domain.text import misleads
from mfa_service.factors import android_key
from mfa_service.persistence import audit, states
from mfa_service.persistence.consume import insert_once
from mfa_service.persistence.models import Authenticator as AuthenticatorRow
from mfa_service.persistence.models import Device as DeviceRow
from mfa_service.persistence.models import DeviceKey
from mfa_service.persistence.models import Enrollment as EnrollmentRow
from mfa_service.persistence.models import User as UserRow

from .devices import DeviceService
from .enrollment_rows import CODE_PURPOSE
from .foundation import Foundation, enrollment_place

CLAIM_TYP = "stepup-enroll+jwt"
_MAX_LABEL, _MAX_PLATFORM, _MAX_VERSION = 64, 32, 255


@dataclass(frozen=True, slots=True)
class Claimed:
    """What the phone is told; `check_code` is told to it alone."""

    device_id: str
    sub: str
    check_code: str

    def __repr__(self) -> str:
        """Hide the check code."""
        return f"Claimed({self.device_id})"


@dataclass(frozen=True, slots=True)
class _Claim:
    """A claim whose signature and shapes hold."""

    code: str
    jwk: JsonObject
    thumbprint: str
    name: str | None
    pin_key: JsonObject | None
    provider: str
    address: JsonObject | None
    attributes: JsonObject
    attestation: object

    def __repr__(self) -> str:
        """Hide the code."""
        return "_Claim(…)"


class ClaimService:
    """The use case behind `POST /v1/device/enrollments/claim`."""

    def __init__(self, foundation: Foundation, devices: DeviceService) -> None:
        self._f = foundation
        self._devices = devices

    def claim(self, token: str) -> Claimed:
        """Tie the phone's keys to the enrollment whose code it knows.

        The same key gets the same answer again, for a lost reply. Another key means that
        somebody else saw the code: the enrollment ends. Raises `ProofRejected` for a faulty
        claim, `EnrollmentNotOpen` for a code that is unknown, expired or used.
        """
        at = self._f.clock.now()
        try:
            claim = self._parse(token, at=at)
        except (jose.JoseError, push_address.PushAddressInvalid) as exc:
            raise ProofRejected from exc
        with self._f.work.reading() as tx:  # a stranger's claim takes no lock and hashes nothing
            enrollment_id = self._enrollment_of(tx, claim, at=at)
        if enrollment_id is None:
            raise EnrollmentNotOpen
        found = self._claim(enrollment_id, self._attested(claim, at=at), at=at)
        self._f.tell(enrollment_id=enrollment_id)
        if found is None:
            raise EnrollmentNotOpen
        return found

    def _claim(self, enrollment_id: str, claim: _Claim, *, at: int) -> Claimed | None:
        device_id = new_authenticator_id(self._f.randomness, enrollment_id)
        with self._f.work.transaction() as tx:
            row = states.claim_enrollment(tx, enrollment_id, claim.thumbprint, device_id, at=at)
            if row is not None:
                return self._tie(tx, row, claim, device_id, at=at)
            return self._again(tx, claim, at=at)

    def _parse(self, token: str, *, at: int) -> _Claim:
        jws = jose.parse(token, typ=CLAIM_TYP, members={"alg", "typ", "jwk"})
        jwk: JsonObject = dict(jose.public_jwk(jose.p256_key(jws.header["jwk"])))
        jose.verify_es256(jws, jose.p256_key(jwk))
        jose.check_times(jws.claims, at=at)
        if jws.claims.get("aud") != self._f.issuer:
            raise jose.JoseError("aud")
        code = jws.text("code")
        jws.text("jti")
        provider, address = push_address.parse(_known_push(jws.claims.get("push")))
        attributes: JsonObject = {
            "platform": _short(jws, "platform", _MAX_PLATFORM),
            "app_version": _short(jws, "app_version", _MAX_VERSION),
        }
        return _Claim(
            code=code,
            jwk=jwk,
            thumbprint=jose.thumbprint(jwk),
            name=_short(jws, "name", _MAX_LABEL),
            pin_key=_pin_key(jws, code),
            provider=provider,
            address=address,
            attributes=attributes,
            attestation=jws.claims.get("attestation"),
        )

    def _attested(self, claim: _Claim, *, at: int) -> _Claim:
        """Return the claim with its key's standing: in hardware or not."""
        hardware = android_key.proves_hardware(
            claim.attestation,
            claim.jwk,
            challenge=claim.code,
            roots=self._f.android_roots,
            at=at,
        )
        return replace(claim, attributes={**claim.attributes, "hardware": hardware})

    def _enrollment_of(self, tx: Connection, claim: _Claim, *, at: int) -> str | None:
        query = select(EnrollmentRow.id).where(
            EnrollmentRow.code_hash.in_(self._hashes(claim)),
            EnrollmentRow.state.in_((states.PENDING, states.CLAIMED)),
            EnrollmentRow.expires_at > at,
        )
        return tx.scalars(query).one_or_none()

    def _tie(
        self, tx: Connection, row: Row[Any], claim: _Claim, device_id: str, *, at: int
    ) -> Claimed:
        key = {"thumbprint": claim.thumbprint, "created_at": at}
        if not insert_once(tx, DeviceKey, key):
            raise ProofRejected
        secret: JsonObject = {
            "device_key": claim.jwk,
            "pin_key": claim.pin_key,
            "hardware": claim.attributes["hardware"],
        }
        self._insert_phone(tx, row, claim, device_id, secret, at=at)
        check_code = self._f.randomness.digits(6)
        pending = json.dumps({"check_code": check_code, "credential": secret}).encode()
        sealed = self._f.secret_box.seal(pending, place=enrollment_place(row.id))
        states.seal_enrollment(tx, row.id, sealed)
        entry = audit.Entry(
            Event.ENROLL_CLAIM,
            at,
            client_id=row.client_id,
            user_id=row.user_id,
            authenticator_id=device_id,
        )
        audit.record(tx, entry)
        return Claimed(device_id, self._sub(tx, row.user_id), check_code)

    def _insert_phone(
        self,
        tx: Connection,
        row: Row[Any],
        claim: _Claim,
        device_id: str,
        secret: JsonObject,
        *,
        at: int,
    ) -> None:
        default = self._f.factor_of("phone").default_label
        authenticator: JsonObject = {
            "id": device_id,
            "user_id": row.user_id,
            "type": "phone",
            "label": row.label or claim.name or default,
            "state": State.PENDING,
            "created_at": at,
            "attributes": json.dumps(claim.attributes),
            "credential": self._f.seal_credential(device_id, row.user_id, secret),
            "failures": 0,
            "counter": -1,
        }
        device: JsonObject = {
            "authenticator_id": device_id,
            "pin": Pin.SET if claim.pin_key else Pin.NONE,
            "pin_failures": 0,
            "push_provider": claim.provider,
            "push_address": self._devices.seal_address(device_id, claim.address),
            "removed_itself": 0,
        }
        tx.execute(insert(AuthenticatorRow), authenticator)
        tx.execute(insert(DeviceRow), device)

    def _again(self, tx: Connection, claim: _Claim, *, at: int) -> Claimed | None:
        """Answer a repeated claim by the same key; end what a second key tries to claim."""
        table = EnrollmentRow
        query = select(table.__table__).where(
            table.code_hash.in_(self._hashes(claim)),
            table.state == states.CLAIMED,
            table.expires_at > at,
        )
        row = tx.execute(query).one_or_none()
        if row is None:
            return None
        if row.claimed_by != claim.thumbprint:
            states.end_enrollment(tx, row.id)
            event, reason = Event.ENROLL_FAIL, "claimed_twice"
            audit.record(tx, audit.Entry(event, at, user_id=row.user_id, reason=reason))
            return None
        pending = json.loads(self._f.secret_box.open(row.sealed, place=enrollment_place(row.id)))
        return Claimed(row.authenticator_id, self._sub(tx, row.user_id), pending["check_code"])

    def _hashes(self, claim: _Claim) -> tuple[str, ...]:
        return self._f.keyed_hash.every(claim.code, purpose=CODE_PURPOSE)

    @staticmethod
    def _sub(tx: Connection, user_id: str) -> str:
        return tx.scalars(select(UserRow.sub).where(UserRow.id == user_id)).one()


def _known_push(push: object) -> JsonObject:
    """Return the known members; a browser's subscription carries others, which are ignored."""
    if push is None:
        return {"provider": "none"}
    if not isinstance(push, dict):
        raise jose.JoseError("push")
    known = {"none": (), "fcm": ("token",), "webpush": ("endpoint", "keys")}
    names = known.get(str(push.get("provider")), ())
    kept: JsonObject = {name: push[name] for name in ("provider", *names) if name in push}
    if isinstance(keys := kept.get("keys"), dict):
        kept["keys"] = {name: keys[name] for name in ("p256dh", "auth") if name in keys}
    return kept


def _short(jws: jose.Jws, name: str, limit: int) -> str | None:
    value = jws.claims.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not 1 <= len(value) <= limit or misleads(value):
        raise jose.JoseError(name)
    return value


def _pin_key(jws: jose.Jws, code: str) -> JsonObject | None:
    """Return the public PIN key, which has to prove itself over the code; `None` without one."""
    jwk, proof = jws.claims.get("pin_jwk"), jws.claims.get("pin_proof")
    if jwk is None and proof is None:
        return None
    if not jose.holds_ed25519(jwk, proof, f"stepup-pin/1.enroll.{code}".encode()):
        raise jose.JoseError("pin_proof")
    return {name: jwk[name] for name in ("kty", "crv", "x")} if isinstance(jwk, dict) else None
