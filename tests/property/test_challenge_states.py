"""A challenge against a model of its states: no way back, no other edge, five wrong answers."""

from typing import Any, ClassVar, cast

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from werkzeug.test import TestResponse

from mfa_service.domain.factor import Factor
from mfa_service.factors.recovery_code import Argon2id, RecoveryCode
from tests.support.phone import PinKey
from tests.support.properties import REPEATABLE
from tests.support.world import AAL1, AAL2, World

ASKED: dict[str, dict[str, Any]] = {
    "nothing": {},
    "aal1": {"acr_values": [AAL1]},
    "aal2": {"acr_values": [AAL2]},
    "aal2 or aal1": {"acr_values": [AAL2, AAL1]},
    "aal2 if possible": {"acr_values": [AAL2], "essential": False},
}
KINDS = {"totp": "have", "push": "have", "pin": "know", "pwd": "know", "recovery_code": None}
LIFETIME = 600


class ChallengeStates(RuleBasedStateMachine):
    """One subject with a phone, a TOTP and recovery codes, and one challenge."""

    world: ClassVar[World]
    subjects: ClassVar[int] = 0

    @initialize(asked=st.sampled_from(sorted(ASKED)), password=st.booleans())
    def open(self, asked: str, *, password: bool) -> None:
        type(self).subjects += 1
        sub, world = f"user{self.subjects}", self.world
        self.api = world.client()
        self.pin = PinKey()
        self.phone = world.phone(sub, pin=self.pin)
        self.totp = world.totp(sub, reason="test")
        self.codes = world.recovery_codes(sub, reason="test")
        prior = {"prior": world.prior()} if password else {}
        request: dict[str, Any] = {**ASKED[asked], **prior, "expires_in": LIFETIME}
        opened = self.api.challenge(sub, **request)
        self.id, self.display_code = opened["id"], opened["display_code"]
        self.expires_at = opened["expires_at"]
        self.wanted = asked if asked in {"aal1", "aal2"} else "anything"
        self.proven: set[str] = {"pwd"} if password else set()
        self.used: set[str] = set()
        self.phone_active = True
        self.status, self.reason, self.attempts = "pending", None, 5

    # what the contract says

    def suffices(self, proven: set[str]) -> bool:
        kinds = {KINDS[name] for name in proven} - {None}
        return self.wanted != "aal2" or len(kinds) > 1

    def end(self, status: str, reason: str | None = None) -> None:
        self.status, self.reason = status, reason  # type: ignore[assignment]

    def accepted(self, method: str, *proven: str) -> None:
        self.used.add(method)
        self.proven |= {method, *proven}
        rest = {"totp", "recovery_code"} | ({"push", "pin"} if self.phone_active else set())
        if self.suffices(self.proven):
            self.end("satisfied")
        elif not self.suffices(self.proven | (rest - self.used)):
            self.end("failed", "unmet_authentication_requirements")

    def refused(self) -> None:
        self.attempts -= 1
        if self.attempts == 0:
            self.end("failed", "attempts_exhausted")

    def is_open(self) -> bool:
        if self.status == "pending" and self.world.clock.now() >= self.expires_at:
            self.end("expired")
        return self.status == "pending"

    def judge_wrong(self, response: TestResponse) -> None:
        if self.is_open():
            self.refused()
            assert response.status_code == 403
            assert response.get_json()["attempts_left"] == self.attempts
        else:
            assert response.status_code == 409

    # what the world does

    @rule(method=st.sampled_from(["totp", "recovery_code", "webauthn"]))
    def answer_wrongly(self, method: str) -> None:
        proof: dict[str, Any] = {"method": method, "code": self.totp.wrong()}
        if method == "webauthn":
            proof = {"method": method, "credential": {}}
        self.judge_wrong(self.api.post(f"/v1/challenges/{self.id}/answers", proof))

    @precondition(lambda self: "totp" not in self.used)
    @rule()
    def answer_with_totp(self) -> None:
        code = self.totp.next()
        response = self.api.answer(self.id, "totp", code)
        if self.is_open():
            self.accepted("totp")
        assert response.status_code == (200 if "totp" in self.used else 409)

    @precondition(lambda self: "recovery_code" not in self.used)
    @rule()
    def answer_with_recovery_code(self) -> None:
        response = self.api.answer(self.id, "recovery_code", self.codes.pop())
        if self.is_open():
            self.accepted("recovery_code")
        assert response.status_code == (200 if "recovery_code" in self.used else 409)

    @rule()
    def repeat_what_was_accepted(self) -> None:
        code = self.totp.code()
        if "totp" in self.used:
            self.judge_wrong(self.api.answer(self.id, "totp", code))

    @precondition(lambda self: self.phone_active)
    @rule(decision=st.sampled_from(["approve", "deny", "report_fraud", "wrong code", "wrong PIN"]))
    def answer_on_the_phone(self, decision: str) -> None:
        path = f"/v1/device/challenges/{self.id}"
        seen = self.world.device(self.phone, "GET", path)
        if not self.is_open():
            assert seen.status_code == 409
            return
        asked = self.world.fetch(self.phone, self.id)
        wrong = f"{(int(self.display_code) + 1) % 1_000_000:06}"
        token = {
            "approve": lambda: self.phone.answer(asked, code=self.display_code, pin=self.pin),
            "wrong code": lambda: self.phone.answer(asked, code=wrong, pin=self.pin),
            "wrong PIN": lambda: self.phone.answer(asked, code=self.display_code, pin=PinKey()),
        }.get(decision, lambda: self.phone.answer(asked, decision))()
        response = self.world.send(self.phone, self.id, token)
        if decision == "approve":
            self.accepted("push", "pin")
        elif decision == "deny":
            self.end("denied", "user_denied")
        elif decision == "report_fraud":
            self.end("denied", "fraud_reported")
        else:
            self.judge_wrong(response)
            return
        assert response.get_json() == {"status": self.status}

    @precondition(lambda self: self.phone_active)
    @rule()
    def put_the_phone_away(self) -> None:
        path = f"/v1/authenticators/{self.phone.device_id}"
        response = self.api.call("PATCH", path, {"state": "suspended"})
        assert response.status_code == 200
        self.phone_active = False

    @rule(what=st.sampled_from(["cancel", "tidy", "touch", "expire", "wait"]))
    def happen(self, what: str) -> None:
        getattr(self, f"_{what}")()

    def _cancel(self) -> None:
        response = self.api.call("DELETE", f"/v1/challenges/{self.id}")
        if self.is_open():
            self.end("cancelled")
        assert response.status_code == (204 if self.status == "cancelled" else 409)

    def _touch(self) -> None:
        other, path = self.world.client("other"), f"/v1/challenges/{self.id}"
        assert other.call("DELETE", path).status_code == 404
        assert other.answer(self.id, "totp", self.totp.code()).status_code == 404
        assert other.get(path).status_code == 404

    def _expire(self) -> None:
        self.world.clock.at = max(self.world.clock.at, self.expires_at)

    def _wait(self) -> None:
        self.world.clock.advance(31)

    def _tidy(self) -> None:
        self.world.services.housekeeping.run()

    @invariant()
    def it_is_what_the_model_says(self) -> None:
        self.world.client()  # a fresh access token
        found = self.api.read(self.id)
        self.is_open()
        assert (found["status"], found["reason"]) == (self.status, self.reason)
        assert found["attempts_left"] == self.attempts
        assert ("result_token" in found) is (self.status == "satisfied")
        if self.status == "satisfied":
            assert (AAL2 in found["acr_satisfied"]) is self.has_two_kinds()

    def has_two_kinds(self) -> bool:
        return len({KINDS[name] for name in self.proven} - {None}) > 1


def test_a_challenge_moves_only_as_the_contract_says(world: World) -> None:
    factors = cast("dict[str, Factor]", world.services.foundation.factors)
    factors["recovery_code"] = RecoveryCode(argon2=Argon2id(memory_kib=8, passes=1))
    ChallengeStates.world = world
    run_state_machine_as_test(
        ChallengeStates,
        settings=settings(
            REPEATABLE,
            max_examples=35,
            stateful_step_count=9,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
