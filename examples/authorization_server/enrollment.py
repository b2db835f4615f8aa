"""Call the step-up service to see and add a person's authenticators."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from examples.authorization_server.service_calls import ServiceCalls
from examples.authorization_server.wanted import LEVELS

LEVEL_OF = {
    "phone": "urn:stepup:acr:aal2",
    "totp": "urn:stepup:acr:aal1",
    "recovery_codes": "urn:stepup:acr:aal1",
    "webauthn": "phr",
}


@dataclass(frozen=True, slots=True)
class Person:
    """What the service knows about a subject: authenticators, and the highest level they reach."""

    authenticators: tuple[dict[str, Any], ...] = ()
    attainable: str = LEVELS[0]

    def level_to_add(self, kind: str) -> str:
        """Return the level that adding this type needs: its own, or the best there is (S 3.8.2)."""
        best = LEVELS.index(self.attainable) if self.attainable in LEVELS else 0
        return LEVELS[min(best, LEVELS.index(LEVEL_OF[kind]))]


class Enroller:
    """The enrollment calls of the contract; raises `ServiceProblem`."""

    def __init__(self, calls: ServiceCalls) -> None:
        self._calls = calls

    def person(self, sub: str) -> Person:
        """Return what the subject has."""
        users = self._calls.get(f"/v1/users?{urlencode({'sub': sub})}")["users"]
        if not users:
            return Person()
        return Person(tuple(users[0]["authenticators"]), users[0]["acr_attainable"])

    def begin(self, sub: str, kind: str, challenge_id: str | None) -> dict[str, Any]:
        """Open an enrollment; one that needs a step-up is refused as `binding-requires-step-up`."""
        body = {"sub": sub, "type": kind}
        if challenge_id is not None:
            body["challenge_id"] = challenge_id
        return self._calls.post("/v1/enrollments", body, once=True)

    def confirm(self, enrollment_id: str, proof: dict[str, Any]) -> None:
        """Confirm with the code that only the new authenticator shows, or its new passkey."""
        path = f"/v1/enrollments/{quote(enrollment_id, safe='')}/confirm"
        self._calls.post(path, proof, once=True)

    def self_service(self, sub: str) -> str:
        """Return a link that opens the service's own pages for the subject, once."""
        return str(self._calls.post("/v1/account-links", {"sub": sub})["url"])
