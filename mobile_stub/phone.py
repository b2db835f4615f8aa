"""The phone: what a person can do with it, each act one method."""

import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx

from mobile_stub import enrolling, rotation
from mobile_stub.answering import answered, approval, check_pin_set
from mobile_stub.answers import BiometricProof, Decision, FurtherProof, Outcome
from mobile_stub.challenges import Challenge
from mobile_stub.encoding import compact_json
from mobile_stub.enrolling import Claim, Enrolled
from mobile_stub.enrollment_uri import Offer
from mobile_stub.errors import BadInput, PhoneError, Refused, Unreachable
from mobile_stub.jws import thumbprint
from mobile_stub.keys import PinKey
from mobile_stub.pin_policy import chosen_pin, typed_pin, weakness_of
from mobile_stub.platform_authenticator import Ceremony, PlatformAuthenticator
from mobile_stub.refusals import pin_refusal_for
from mobile_stub.session import Session
from mobile_stub.state import State, StateFile
from mobile_stub.watching import watched
from mobile_stub.wire import Clock, Wire


class Phone:
    """A phone whose keys live in one state file.

    Every method raises `PhoneError` with one plain sentence; no error, `repr` or file holds a
    PIN, a code or an answer. `clock` gives seconds since the epoch.
    """

    def __init__(
        self,
        state_file: Path,
        *,
        transport: httpx.BaseTransport | None = None,
        clock: Clock = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._store = StateFile(state_file)
        self._passkeys = PlatformAuthenticator(self._store)
        self._transport = transport
        self._clock = clock
        self._sleep = sleep

    def enroll(self, offer: Offer, claim: Claim, *, user: str | None = None) -> Enrolled:
        """Make new keys, claim the enrollment and return its check code; do not wait.

        `user` is the user's identifier where it is known, for the PIN rules. Raises
        `PinRefused`, `StateFault` or `Refused`.
        """
        if claim.pin is not None:
            claim = replace(claim, pin=chosen_pin(claim.pin, user=user))
        with self._store.locked():
            enrolled = enrolling.enroll(offer, claim, store=self._store, open_wire=self._wire)
        advice = None if claim.pin is None else weakness_of(claim.pin, user=enrolled.sub)
        return replace(enrolled, pin_advice=advice)

    def pending(self) -> list[Challenge]:
        """Return what waits for an answer now, verified."""
        with self._session() as session:
            return session.challenges(wait=0)

    def watch(self, on_fault: Callable[[PhoneError], None]) -> Iterator[Challenge]:
        """Yield each new challenge once, for ever; passing faults go to `on_fault`.

        Raises the faults that waiting cannot heal, such as a phone that was revoked.
        """

        def look(wait: int, known: frozenset[str]) -> list[Challenge]:
            with self._session() as session:
                return session.challenges(wait=wait, known=known)

        return watched(look, on_fault=on_fault, clock=self._clock, sleep=self._sleep)

    def challenge(self, challenge_id: str) -> Challenge:
        """Return one pending challenge, verified."""
        with self._session() as session:
            return session.challenge(challenge_id)

    def approve(
        self,
        challenge_id: str,
        *,
        code: str,
        pin: str | None = None,
        proof: FurtherProof | Ceremony | None = None,
    ) -> Outcome:
        """Approve with the display code and whatever else completes an alternative of `require`.

        A ceremony stands for the passkey of this phone. Raises `MissingInput`, `BadInput` or
        `NotVerified` before anything is spent, and `Refused` with `attempts_left` when the service
        rejects the answer.
        """
        further = BiometricProof(self._passkeys, proof) if isinstance(proof, Ceremony) else proof
        with self._session() as session:
            challenge = session.challenge(challenge_id)
            evidence = approval(session, challenge, code=code, pin=pin, proof=further)
            return answered(session, challenge, Decision.APPROVE, evidence)

    def deny(self, challenge_id: str) -> Outcome:
        """Deny for good."""
        with self._session() as session:
            return answered(session, session.challenge(challenge_id), Decision.DENY, {})

    def report(self, challenge_id: str) -> Outcome:
        """Deny for good and report fraud; pushes to this user stop for 30 minutes."""
        with self._session() as session:
            return answered(session, session.challenge(challenge_id), Decision.REPORT_FRAUD, {})

    def make_passkey(
        self, options: dict[str, Any], ceremony: Ceremony, *, synced: bool = False
    ) -> dict[str, Any]:
        """Make a passkey on this phone; return what confirms its enrollment (contract 5).

        A `synced` one says that it is backed up elsewhere. Raises `BadInput`, or `NotVerified`.
        """
        return self._passkeys.register(options, ceremony, synced=synced)

    def use_passkey(self, options: dict[str, Any], ceremony: Ceremony) -> dict[str, Any]:
        """Sign request options with a passkey of this phone; return the `credential` of a proof.

        Raises `BadInput` where it has none for them, or `NotVerified`.
        """
        return self._passkeys.assertion(options, ceremony)

    def status(self) -> dict[str, Any]:
        """Return what the service says about this phone, in the names of the contract."""
        with self._session() as session:
            return session.device()

    def remove(self) -> None:
        """Remove this phone at the service, then forget its keys.

        The service goes on counting it as a suspended authenticator (contract 5): say so first.
        """
        with self._session() as session:
            session.calls.call("DELETE", "/v1/device")
        self.forget()

    def forget(self) -> None:
        """Delete the keys here only, for a phone that the service knows no more."""
        with self._store.locked():
            self._store.delete()

    def set_push(self, push: Mapping[str, Any]) -> None:
        """Tell the service how to wake this phone, in the contract's form of `push`."""
        with self._session() as session:
            body = compact_json(push)
            session.calls.call("PUT", "/v1/device/push", body_for=lambda _: body)

    def change_pin(self, *, old: str, new: str) -> None:
        """Replace the PIN; the old one's proof covers the new key.

        Raises `PinRefused`, or `Refused` when the old PIN was wrong, which the service counts.
        """
        with self._session() as session:
            former, chosen = typed_pin(old), chosen_pin(new, user=session.state.sub)
            if former == chosen:
                raise BadInput("The new PIN is the old one.")
            check_pin_set(session)
            secret = session.state.device_secret
            keys = PinKey.derive(former, secret), PinKey.derive(chosen, secret)
            _send_new_pin(session, *keys)

    def rotate_keys(
        self, *, pin: str | None = None, attestation: Mapping[str, Any] | None = None
    ) -> None:
        """Replace the device key; a lost reply is settled by trying both keys."""
        with self._store.locked(), self._locked_session() as session:
            rotation.rotate(session, self._store, pin=pin, attestation=attestation)

    def _wire(self, issuer: str) -> Wire:
        return Wire(issuer, transport=self._transport, clock=self._clock)

    @contextmanager
    def _session(self) -> Generator[Session]:
        state = self._store.load()
        if state.next_key is not None:
            with self._store.locked(), self._locked_session() as session:
                state = session.state
        with self._wire(state.issuer) as wire:
            yield Session.over(wire, state)

    @contextmanager
    def _locked_session(self) -> Generator[Session]:
        state: State = self._store.load()
        with self._wire(state.issuer) as wire:
            yield Session.over(wire, rotation.settled(wire, self._store, state))


def _send_new_pin(session: Session, former: PinKey, chosen: PinKey) -> None:
    def body_for(jti: str) -> bytes:
        parts = (session.device_id, jti, thumbprint(chosen.jwk()))
        proofs = {
            "pin_proof": chosen.proof("set", *parts),
            "old_pin_proof": former.proof("set", *parts),
        }
        return compact_json({"pin_jwk": chosen.jwk(), **proofs})

    try:
        session.calls.call("PUT", "/v1/device/pin", body_for=body_for)
    except Refused as refused:
        raise pin_refusal_for(refused) from refused
    except Unreachable as lost:
        if not lost.lost_reply:
            raise
        raise Unreachable(
            "The reply was lost, so the PIN is either the new one or still the old one."
            " Use the new one first.",
            lost_reply=True,
        ) from lost
