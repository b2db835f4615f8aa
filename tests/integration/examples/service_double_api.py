"""A double of the service's client-facing API, written from the contract: its HTTP."""

import base64
import secrets
from collections.abc import Callable
from typing import Any

from flask import Flask, Response, jsonify, request
from joserfc.jwk import KeySet

from tests.integration.examples.service_double import (
    CLIENT_ID,
    CLIENT_SECRET,
    ISSUER,
    LADDER,
    Challenge,
    Double,
    Enrollment,
)
from tests.integration.examples.service_double_pages import DoublePages

KNOWN = frozenset(
    [
        "sub",
        "acr_values",
        "essential",
        "prior",
        "max_age",
        "methods",
        "binding_message",
        "transaction",
        "purpose",
        "context",
        "expires_in",
        "nonce",
        "return_uri",
        "state",
        "answer",
    ]
)
METHOD_OF = {
    "phone": "push",
    "totp": "totp",
    "recovery_codes": "recovery_code",
    "webauthn": "webauthn",
}
RESULT = ("acr", "acr_satisfied", "amr", "auth_time", "result_token")
Answer = tuple[Any, int] | Response


class Refused(Exception):
    """Becomes an RFC 9457 problem."""

    def __init__(self, status: int, slug: str, **more: Any) -> None:
        super().__init__(slug)
        self.status = status
        self.body = more | {"type": f"{ISSUER}/problems/{slug}", "status": status, "title": slug}


class DoubleApi:
    """The calls that the authorization server makes."""

    def __init__(self, double: Double) -> None:
        self.double = double
        self.app = Flask("double")
        self.app.register_error_handler(Refused, _problem)
        self.app.before_request(self._admit)
        views: dict[str, Callable[..., Answer]] = {
            "GET /.well-known/jwks.json": self.keys,
            "POST /oauth2/token": self.token,
            "POST /v1/challenges": self.open,
            "GET /v1/challenges/<name>": self.read,
            "DELETE /v1/challenges/<name>": self.cancel,
            "POST /v1/challenges/<name>/answers": self.answer,
            "GET /v1/users": self.users,
            "POST /v1/enrollments": self.enroll,
            "POST /v1/enrollments/<name>/confirm": self.confirm,
            "POST /v1/account-links": self.account_link,
        }
        for rule, view in views.items():
            method, path = rule.split()
            self.app.add_url_rule(path, rule, view, methods=[method])
        DoublePages(double).install(self.app)

    def keys(self) -> Answer:
        return jsonify(KeySet([self.double.key]).as_dict(private=False))

    def token(self) -> Answer:
        expected = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        if request.headers.get("Authorization") != f"Basic {expected}":
            return jsonify(error="invalid_client"), 401
        token = secrets.token_urlsafe(16)
        self.double.tokens[token] = self.double.now() + self.double.token_lives
        return jsonify(access_token=token, token_type="Bearer", expires_in=300), 200

    def open(self) -> Answer:
        asked = request.get_json()
        if set(asked) - KNOWN or not request.headers.get("Idempotency-Key"):
            raise Refused(422, "invalid-request")
        if any(ord(sign) < 32 for sign in str(asked.get("transaction", {}).get("payee", ""))):
            raise Refused(422, "invalid-request")
        has = [METHOD_OF[one] for one in self.double.owned.get(asked["sub"], [])]
        methods = [one for one in asked.get("methods", has) if one in has]
        if not self.double.possible(asked, methods):
            raise Refused(409, "acr-unattainable", enroll=["phone", "totp"])
        challenge = Challenge(asked, methods, self.double.now())
        self.double.challenges[challenge.id] = challenge
        return self._object(challenge), 201

    def read(self, name: str) -> Answer:
        return self._object(self._challenge(name)), 200

    def cancel(self, name: str) -> Answer:
        challenge = self._challenge(name)
        if challenge.status not in {"pending", "cancelled"}:
            raise Refused(409, "challenge-not-open")
        challenge.status = "cancelled"
        return "", 204

    def answer(self, name: str) -> Answer:
        challenge, proof = self._challenge(name), request.get_json()
        if challenge.status != "pending":
            raise Refused(409, "challenge-not-open")
        if not self.double.answer(challenge, proof["method"], proof["code"]):
            raise Refused(403, "proof-rejected", attempts_left=challenge.attempts_left)
        return self._object(challenge), 200

    def users(self) -> Answer:
        sub = request.args["sub"]
        types = self.double.owned.get(sub)
        if types is None:
            return jsonify(users=[]), 200
        listed = [
            {"id": f"aut_{place}", "type": kind, "label": kind, "state": "active"}
            for place, kind in enumerate(types)
        ]
        user = {"id": "usr_1", "sub": sub, "authenticators": listed}
        return jsonify(users=[user | {"acr_attainable": self.double.attainable(sub)}]), 200

    def enroll(self) -> Answer:
        asked = request.get_json()
        sub, kind = asked["sub"], asked["type"]
        if self.double.owned.get(sub):
            self._authorised(sub, kind, asked.get("challenge_id"))
        enrollment = Enrollment(sub, kind, code=f"{secrets.randbelow(10**6):06}")
        self.double.enrollments[enrollment.id] = enrollment
        shown: dict[str, Any] = {"qr_svg": "<svg xmlns='http://www.w3.org/2000/svg'/>"}
        if kind == "phone":
            shown |= {"uri": f"{ISSUER}/enroll#v=1&c=ABC", "manual_code": "ABCD-EFGH"}
        elif kind == "totp":
            shown |= {"otpauth_uri": "otpauth://totp/x?secret=ABC", "secret": "ABC"}
        elif kind == "webauthn":
            shown = {"publicKey": {"challenge": "c", "user": {"name": '"<&'}}}
        else:
            enrollment.state = "active"
            self.double.own(sub, kind)
            shown = {"codes": [f"1{place}-AAAA-BBBB-CCCC-DDDD" for place in range(10)]}
        base = {"id": enrollment.id, "type": kind, "sub": sub, "state": enrollment.state}
        return base | shown, 201

    def confirm(self, name: str) -> Answer:
        enrollment, body = self.double.enrollments[name], request.get_json()
        if enrollment.state != "pending":
            raise Refused(409, "enrollment-not-open")
        if enrollment.code not in str(body):
            enrollment.wrong += 1
            if enrollment.wrong == 5:
                enrollment.state = "expired"
            raise Refused(403, "proof-rejected")
        enrollment.state = "active"
        self.double.own(enrollment.sub, enrollment.type)
        return {"id": name, "state": "active"}, 200

    def account_link(self) -> Answer:
        sub = request.get_json()["sub"]
        return {"url": f"{ISSUER}/account/link/{sub}", "expires_at": 0}, 201

    def _authorised(self, sub: str, kind: str, challenge_id: str | None) -> None:
        challenge = self.double.challenges.get(challenge_id or "")
        if challenge is None or challenge.spent or challenge.status != "satisfied":
            raise Refused(403, "binding-requires-step-up")
        without = Challenge({**challenge.asked, "prior": {}}, [], 0, proofs=challenge.proofs)
        reached = self.double.satisfied(without)["acr_satisfied"]
        best = LADDER.index(self.double.attainable(sub)) + 1
        needed = min(best, {"phone": 3, "webauthn": 4}.get(kind, 2))
        right = challenge.asked.get("purpose") == "manage" and challenge.asked["sub"] == sub
        if not right or len(reached) < needed:
            raise Refused(403, "binding-requires-step-up")
        challenge.spent = True

    def _challenge(self, name: str) -> Challenge:
        challenge = self.double.challenges.get(name)
        if challenge is None:
            raise Refused(404, "not-found")
        return challenge

    def _admit(self) -> None:
        body = request.get_json(silent=True)
        self.double.requests.append((request.method, request.path, body))
        if not request.path.startswith("/v1/"):
            return
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if self.double.tokens.get(token, 0) <= self.double.now():
            raise Refused(401, "unauthenticated")

    def _object(self, challenge: Challenge) -> dict[str, Any]:
        methods = [
            {"method": one, "authenticator_id": "aut_1", "label": one} for one in challenge.methods
        ]
        shown = {
            "id": challenge.id,
            "status": challenge.status,
            "reason": challenge.reason,
            "sub": challenge.asked["sub"],
            "created_at": challenge.created_at,
            "expires_at": challenge.created_at + 120,
            "interval": 2,
            "attempts_left": challenge.attempts_left,
            "tx_hash": challenge.tx_hash,
            "methods": methods,
            "push": {"state": "queued" if "push" in challenge.methods else "none"},
            "page": f"{ISSUER}/challenge/{challenge.id}.{challenge.page_secret}",
        }
        if "push" in challenge.methods:
            shown["display_code"] = "493021"
        if challenge.status == "satisfied":
            held = request.args.get("return_code") == challenge.return_code
            open_ = held or not challenge.opened
            shown |= self.double.satisfied(challenge) if open_ else dict.fromkeys(RESULT)
        return shown


def _problem(refused: Refused) -> Response:
    answer = jsonify(refused.body)
    answer.status_code = refused.status
    answer.content_type = "application/problem+json"
    return answer
