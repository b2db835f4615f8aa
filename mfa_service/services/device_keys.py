"""What changes a phone's keys: another PIN, another device key."""

import json
from dataclasses import dataclass

from sqlalchemy import Connection

from mfa_service import jose
from mfa_service.domain.authenticator import Pin
from mfa_service.domain.errors import ProofRejected
from mfa_service.domain.events import Event
from mfa_service.domain.ports import JsonObject
from mfa_service.factors import android_key
from mfa_service.persistence import audit
from mfa_service.persistence.consume import insert_once
from mfa_service.persistence.models import DeviceKey
from mfa_service.persistence.tries import (
    credential_of,
    disable_pin,
    pay_pin,
    replace_credential,
    reset_pin,
)

from .devices import Device, DeviceService, invalid_request
from .foundation import Foundation

ROTATE_TYP = "stepup-rotate+jwt"


@dataclass(frozen=True, slots=True)
class NewPin:
    """A new public PIN key, proven by itself and by the old one."""

    pin_jwk: JsonObject
    pin_proof: str
    old_pin_proof: str

    def __repr__(self) -> str:
        """Hide the proofs."""
        return "NewPin(…)"


class PinCheck:
    """Counts a try of the PIN before it is compared; the limit disables it for good."""

    def __init__(self, foundation: Foundation) -> None:
        self._f = foundation

    def holds(
        self, tx: Connection, device: Device, signature: object, message: str, *, at: int
    ) -> bool:
        """Tell whether the PIN key signed `message`; a wrong PIN is counted, a right one resets.

        A PIN that is not set or was disabled never holds.
        """
        limit = self._f.limits.pin_failures
        failures = pay_pin(tx, device.id, limit=limit)
        if failures is None:
            return False
        if jose.holds_ed25519(device.credential.secret.get("pin_key"), signature, message.encode()):
            reset_pin(tx, device.id)
            return True
        audit.record(tx, device.entry(Event.PIN_FAIL, at))
        if failures >= limit:
            disable_pin(tx, device.id, at=at)
            audit.record(tx, device.entry(Event.PIN_DISABLE, at))
        return False


class DeviceKeyService:
    """Use cases behind `PUT /v1/device/pin` and `POST /v1/device/keys`."""

    def __init__(self, foundation: Foundation, devices: DeviceService) -> None:
        self._f = foundation
        self._devices = devices
        self._pin = PinCheck(foundation)

    def change_pin(self, device: Device, new: NewPin) -> None:
        """Replace the PIN key; raise `ProofRejected` unless both signatures hold.

        Only a wrong old PIN is counted: a faulty new proof is not.
        """
        message = self._pin_message(device, new.pin_jwk)
        at, changed = self._f.clock.now(), False
        with self._f.work.transaction() as tx:
            self._devices.remember(tx, device)
            if message and jose.holds_ed25519(new.pin_jwk, new.pin_proof, message.encode()):
                changed = self._pin.holds(tx, device, new.old_pin_proof, message, at=at)
            if changed:
                pin_key = {name: new.pin_jwk[name] for name in ("kty", "crv", "x")}
                self._store(tx, device, {**device.credential.secret, "pin_key": pin_key})
                audit.record(tx, device.entry(Event.PIN_CHANGE, at))
        if not changed:
            raise ProofRejected

    def rotate(self, device: Device, token: str) -> None:
        """Replace the device key by one that signed `token`; raise `ProofRejected` otherwise.

        Needs the PIN when one is set. Hardware standing is lost unless attested anew, because
        one use of the old key could otherwise move it to an exportable clone.
        """
        at = self._f.clock.now()
        try:
            jws, jwk = self._parse(device, token, at=at)
            message = self._rotate_message(device, jws, jwk)
        except jose.JoseError as exc:
            self._devices.remember_refused(device)
            raise ProofRejected from exc
        with self._f.work.transaction() as tx:
            self._devices.remember(tx, device)
            allowed = device.phone.pin is Pin.NONE or self._pin.holds(
                tx, device, jws.claims.get("pin_proof"), message, at=at
            )
            row = {"thumbprint": jose.thumbprint(jwk), "created_at": at}
            done = allowed and insert_once(tx, DeviceKey, row)
            if done:
                self._replace_key(tx, device, jwk, jws, at=at)
        if not done:
            raise ProofRejected

    def _replace_key(
        self, tx: Connection, device: Device, jwk: JsonObject, jws: jose.Jws, *, at: int
    ) -> None:
        hardware = android_key.proves_hardware(
            jws.claims.get("attestation"),
            jwk,
            challenge=jws.text("jti"),
            roots=self._f.android_roots,
            at=at,
        )
        secret = {**device.credential.secret, "device_key": jwk, "hardware": hardware}
        self._store(
            tx, device, secret, attributes={**device.phone.attributes, "hardware": hardware}
        )
        audit.record(tx, device.entry(Event.KEY_ROTATE, at))

    def _parse(self, device: Device, token: str, *, at: int) -> tuple[jose.Jws, JsonObject]:
        jws = jose.parse(token, typ=ROTATE_TYP, members={"alg", "typ", "jwk"})
        jwk: JsonObject = dict(jose.public_jwk(jose.p256_key(jws.header["jwk"])))
        jose.verify_es256(jws, jose.p256_key(jwk))
        jose.check_times(jws.claims, at=at)
        if jws.claims.get("iss") != device.id or jws.claims.get("aud") != self._f.issuer:
            raise jose.JoseError("iss or aud")
        return jws, jwk

    @staticmethod
    def _rotate_message(device: Device, jws: jose.Jws, jwk: JsonObject) -> str:
        return f"stepup-pin/1.rotate.{device.id}.{jws.text('jti')}.{jose.thumbprint(jwk)}"

    @staticmethod
    def _pin_message(device: Device, pin_jwk: JsonObject) -> str | None:
        try:
            jose.ed25519_key(pin_jwk)
        except jose.JoseError:
            return None
        return f"stepup-pin/1.set.{device.id}.{device.jti}.{jose.thumbprint(pin_jwk)}"

    def _store(
        self,
        tx: Connection,
        device: Device,
        secret: JsonObject,
        attributes: JsonObject | None = None,
    ) -> None:
        sealed = self._f.seal_credential(device.id, device.user.id, secret)
        values: JsonObject = {"credential": sealed}
        if attributes is not None:
            values["attributes"] = json.dumps(attributes)
        if not replace_credential(tx, device.id, old=device.phone.credential, values=values):
            now = self._sealed_anew(tx, device)
            if now is None or not replace_credential(tx, device.id, old=now, values=values):
                raise invalid_request()  # another key or a revocation was first: this one is dead

    def _sealed_anew(self, tx: Connection, device: Device) -> bytes | None:
        """Return the credential as it is now if only its seal is new (`mfa keys master rewrap`)."""
        now = credential_of(tx, device.id)
        if not now:
            return None
        opened, before = (
            self._f.open_credential(device.id, device.user.id, sealed).secret
            for sealed in (now, device.phone.credential)
        )
        return now if opened == before else None
