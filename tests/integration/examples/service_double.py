"""A double of the service's client-facing API, written from the contract: the state behind it."""

import base64
import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import rfc8785
from joserfc import jwt
from joserfc.jwk import ECKey

ISSUER = "https://stepup.example"
CLIENT_ID = "cli_authorization_server"
CLIENT_SECRET = secrets.token_urlsafe(32)
LADDER = ["0", "urn:stepup:acr:aal1", "urn:stepup:acr:aal2", "phr", "phrh", "urn:stepup:acr:aal3"]
AMR = {
    "totp": {"otp"},
    "recovery_code": {"otp", "recovery"},
    "phone": {"mca", "swk", "user"},
    "phone+pin": {"mca", "swk", "user", "pin", "mfa"},
    "webauthn": {"mfa", "pop", "user"},
}
Claims = dict[str, Any]


@dataclass(slots=True)
class Challenge:
    """One challenge, as the double remembers it."""

    asked: dict[str, Any]
    methods: list[str]
    created_at: int
    id: str = field(default_factory=lambda: "chl_" + secrets.token_urlsafe(16))
    jti: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    status: str = "pending"
    reason: str | None = None
    attempts_left: int = 5
    proofs: set[str] = field(default_factory=set)
    auth_time: int = 0
    spent: bool = False
    opened: bool = False
    page_secret: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    page_cookie: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    return_code: str = field(default_factory=lambda: secrets.token_urlsafe(16))

    @property
    def tx_hash(self) -> str | None:
        if "transaction" not in self.asked:
            return None
        digest = hashlib.sha256(rfc8785.dumps(self.asked["transaction"])).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


@dataclass(slots=True)
class Enrollment:
    """One enrollment, as the double remembers it."""

    sub: str
    type: str
    code: str
    id: str = field(default_factory=lambda: "enr_" + secrets.token_urlsafe(16))
    state: str = "pending"
    wrong: int = 0


def level_of(proofs: set[str], *, password: bool) -> int:
    """Section 4, for the methods that this double knows: the index in `LADDER`."""
    if not proofs:
        return 0
    if "webauthn" in proofs:
        return 3
    strong = proofs & {"totp", "phone", "phone+pin"}
    return 2 if "phone+pin" in proofs or (strong and password) else 1


class Double:
    """The state, and the hands of people: approving, denying, letting time pass."""

    def __init__(self, now: Callable[[], int]) -> None:
        self.now = now
        self.key = ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"}, auto_kid=True)
        self.challenges: dict[str, Challenge] = {}
        self.enrollments: dict[str, Enrollment] = {}
        self.owned: dict[str, list[str]] = {}
        self.codes: dict[str, str] = {}
        self.requests: list[tuple[str, str, Any]] = []
        self.tamper: Callable[[Claims, Claims], tuple[Claims, Claims]] = lambda head, body: (
            head,
            body,
        )
        self.signer = self.key
        self.token_lives = 300
        self.tokens: dict[str, int] = {}

    def own(self, sub: str, *types: str) -> None:
        """Give a subject authenticators."""
        self.owned.setdefault(sub, []).extend(types)

    def only(self) -> Challenge:
        """Return the newest challenge."""
        return list(self.challenges.values())[-1]

    def approve(self, *, pin: bool = True) -> None:
        """The person types the display code, and the PIN, into the phone."""
        self.prove(self.only(), "phone+pin" if pin else "phone")

    def end(self, status: str, reason: str | None) -> None:
        """End the newest challenge without success."""
        self.only().status, self.only().reason = status, reason

    def answer(self, challenge: Challenge, method: str, code: str) -> bool:
        """Judge a typed code as section 3 says, and tell whether it was right."""
        right = method in challenge.methods and code
        if right and self.codes.pop(code, None) == method:
            self.prove(challenge, method)
            return True
        challenge.attempts_left -= 1
        if not challenge.attempts_left:
            challenge.status, challenge.reason = "failed", "attempts_exhausted"
        return False

    def prove(self, challenge: Challenge, proof: str) -> None:
        """Settle an accepted proof as section 3 says."""
        challenge.proofs.add(proof)
        challenge.auth_time = self.now()
        wanted = challenge.asked.get("acr_values")
        essential = challenge.asked.get("essential", True)
        if not wanted or not essential or self._reached(challenge) & set(wanted):
            challenge.status = "satisfied"
        elif not self._reachable(challenge) & set(wanted):
            challenge.status, challenge.reason = "failed", "unmet_authentication_requirements"

    def attainable(self, sub: str) -> str:
        """The highest level that a subject reaches without `prior`."""
        proofs = {_proof(one) for one in self.owned.get(sub, [])}
        return LADDER[level_of(proofs, password=False)]

    def possible(self, asked: dict[str, Any], methods: list[str]) -> bool:
        """Whether the subject's methods can reach one of the asked levels."""
        wanted = asked.get("acr_values")
        proofs = {_proof(method) for method in methods}
        top = level_of(proofs, password=self._counts(asked))
        if not proofs:
            return False
        return (
            not wanted
            or not asked.get("essential", True)
            or bool(set(wanted) & set(LADDER[: top + 1]))
        )

    def satisfied(self, challenge: Challenge) -> Claims:
        """What a satisfied challenge object has in addition."""
        password = self._counts(challenge.asked)
        satisfied = LADDER[: level_of(challenge.proofs, password=password) + 1]
        amr = set().union(*(AMR[proof] for proof in challenge.proofs)) | (
            {"pwd"} if password else set()
        )
        if password and challenge.proofs != {"recovery_code"}:
            amr.add("mfa")
        wanted = challenge.asked.get("acr_values", [])
        acr = next((one for one in wanted if one in satisfied), satisfied[-1])
        facts: Claims = {
            "acr": acr,
            "acr_satisfied": satisfied,
            "amr": sorted(amr),
            "auth_time": challenge.auth_time,
        }
        return facts | {"result_token": self._token(challenge, facts)}

    def _token(self, challenge: Challenge, facts: Claims) -> str:
        header: Claims = {"alg": "ES256", "typ": "stepup-result+jwt", "kid": self.key.kid}
        claims: Claims = facts | {
            "iss": ISSUER,
            "aud": CLIENT_ID,
            "sub": challenge.asked["sub"],
            "jti": challenge.jti,
            "txn": challenge.id,
            "iat": self.now(),
            "exp": challenge.auth_time + 300,
        }
        if "nonce" in challenge.asked:
            claims["nonce"] = challenge.asked["nonce"]
        if challenge.tx_hash is not None:
            claims["tx_hash"] = challenge.tx_hash
        header, claims = self.tamper(header, claims)
        return jwt.encode(header, claims, self.signer, algorithms=[header["alg"]])

    def _counts(self, asked: dict[str, Any]) -> bool:
        prior = asked.get("prior", {})
        age = self.now() - prior.get("auth_time", 0)
        return "pwd" in prior.get("amr", []) and age <= asked.get("max_age", 3600)

    def _reached(self, challenge: Challenge) -> set[str]:
        level = level_of(challenge.proofs, password=self._counts(challenge.asked))
        return set(LADDER[: level + 1])

    def _reachable(self, challenge: Challenge) -> set[str]:
        proofs = challenge.proofs | {_proof(method) for method in challenge.methods}
        return set(LADDER[: level_of(proofs, password=self._counts(challenge.asked)) + 1])


def _proof(kind: str) -> str:
    return {"push": "phone+pin", "phone": "phone+pin", "recovery_codes": "recovery_code"}.get(
        kind, kind
    )
