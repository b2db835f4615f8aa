"""What a person holds in the hand: the phone on the command line, and an authenticator app."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyotp

from examples.demo.processes import run, script
from examples.demo.story import Deviation, expect

PERIOD = 30
WINDOW = 1


class PhoneOnCommandLine:
    """`mobile-stub`, one process per command; the PIN goes through standard input."""

    def __init__(self, state: Path, pin: str) -> None:
        self._state = state
        self.pin = pin

    def enroll(self, uri: str) -> dict[str, Any]:
        """Claim an enrollment and return what the phone shows, `check_code` among it."""
        return self._call("enroll", uri, "--pin", "-", "--name", "Alice's phone")

    def request(self) -> dict[str, Any]:
        """Return the one request that waits for an answer."""
        found: list[dict[str, Any]] = self._call("pending")["challenges"]
        expect("requests on the phone", len(found), 1)
        return found[0]

    def idle(self) -> None:
        """Raise `Deviation` if anything waits for an answer."""
        expect("requests on the phone", self._call("pending")["challenges"], [])

    def approve(self, challenge_id: str, code: str) -> None:
        """Type the display code and the PIN."""
        answer = self._call("approve", challenge_id, "--code", code, "--pin", "-")
        expect("the phone's answer", answer["status"], "satisfied")

    def make_passkey(self, options: str, origin: str) -> str:
        """Make a passkey behind the fingerprint, and return what the browser has to send."""
        return json.dumps(self._call("passkey", options, "--origin", origin))

    def touch(self, challenge_id: str, code: str) -> None:
        """Type the display code and lay the finger on the sensor."""
        answer = self._call("approve", challenge_id, "--code", code, "--biometric")
        expect("the phone's answer", answer["status"], "satisfied")

    def touch_in_vain(self, challenge_id: str, code: str) -> str:
        """Lay on a finger that the phone does not know, and return what it says."""
        try:
            self._call("approve", challenge_id, "--code", code, "--biometric", "fail")
        except Deviation as refusal:
            return str(refusal)
        raise Deviation("a wrong finger was accepted")

    def approve_in_vain(self, challenge_id: str, code: str) -> str:
        """Type a wrong display code, and return how the phone says that it was refused."""
        try:
            self.approve(challenge_id, code)
        except Deviation as refusal:
            return str(refusal)
        raise Deviation("a wrong display code was accepted")

    def deny(self, challenge_id: str) -> None:
        """Refuse."""
        expect("the phone's answer", self._call("deny", challenge_id)["status"], "denied")

    def report(self, challenge_id: str) -> None:
        """Refuse and report fraud."""
        expect("the phone's answer", self._call("report", challenge_id)["status"], "denied")

    def _call(self, *arguments: str) -> dict[str, Any]:
        command = [script("mobile-stub"), "--state", str(self._state), "--json", *arguments]
        printed = run(command, environment={}, at=self._state.parent, typed=f"{self.pin}\n")
        return dict(json.loads(printed))


class AuthenticatorApp:
    """A TOTP app that knows that a code, once used, is spent: it types the next one then.

    The service takes the steps before and after the present one, so the next code works at once.
    """

    def __init__(self, secret: str, now: Callable[[], float] = time.time) -> None:
        self._totp = pyotp.TOTP(secret)
        self._now = now
        self._last = -1

    def code(self) -> str:
        """Return a code that was not used yet; waits only if the next but one were needed."""
        step = max(self._step(), self._last + 1)
        while step > self._step() + WINDOW:
            time.sleep(0.5)
        self._last = step
        return self._totp.at(step * PERIOD)

    def wrong_code(self) -> str:
        """Return six digits that no step near the present one has."""
        near = {self._totp.at((self._step() + away) * PERIOD) for away in range(-3, 4)}
        return next(code for code in map("{:06}".format, range(100)) if code not in near)

    def _step(self) -> int:
        return int(self._now()) // PERIOD
