"""Passkeys of the world: enrolled through the API, and answering its options."""

from dataclasses import dataclass
from typing import Any

from werkzeug.test import TestResponse

from .authenticator import SoftAuthenticator
from .world import ISSUER, Api, World


@dataclass
class Passkey:
    """An enrolled passkey, and the client whose page uses it."""

    api: Api
    key: SoftAuthenticator
    id: str

    def credential(self, challenge: dict[str, Any], **odd: Any) -> dict[str, Any]:
        """Fetch options and return an AuthenticationResponseJSON, on `origin` (the issuer's)."""
        return sign(self.key, options(self.api, challenge), **odd)

    def answer(self, challenge: dict[str, Any], **odd: Any) -> TestResponse:
        """Fetch options and answer them."""
        return send(self.api, challenge, self.credential(challenge, **odd))


def enrolled(
    world: World,
    sub: str = "alice",
    *,
    key: SoftAuthenticator | None = None,
    api: Api | None = None,
    **members: Any,
) -> Passkey:
    """Return an enrolled and confirmed passkey; `members` go into the enrollment."""
    api, key = api or world.client(), key or SoftAuthenticator()
    enrollment = api.enroll(sub, type="webauthn", **members)
    done = api.confirm(enrollment, credential=register(key, enrollment))
    assert done.status_code == 200, done.text
    return Passkey(api, key, done.get_json()["authenticator"]["id"])


def register(
    key: SoftAuthenticator, enrollment: dict[str, Any], *, origin: str = ISSUER, **odd: Any
) -> dict[str, Any]:
    """Return a RegistrationResponseJSON for what an enrollment shows."""
    return key.create(enrollment["publicKey"], origin=origin, **odd)


def options(api: Api, challenge: dict[str, Any]) -> dict[str, Any]:
    """Return fresh request options; fails unless they were given."""
    response = api.post(f"/v1/challenges/{challenge['id']}/webauthn")
    assert response.status_code == 200, response.text
    return dict(response.get_json()["publicKey"])


def sign(
    key: SoftAuthenticator, given: dict[str, Any], *, origin: str = ISSUER, **odd: Any
) -> dict[str, Any]:
    """Return an AuthenticationResponseJSON for request options."""
    return key.get(given, origin=origin, **odd)


def send(
    api: Api, challenge: dict[str, Any], credential: dict[str, Any], **more: Any
) -> TestResponse:
    """Answer a challenge with what an authenticator gave."""
    body = {"method": "webauthn", "credential": credential}
    return api.post(f"/v1/challenges/{challenge['id']}/answers", body, **more)


def step_up(passkey: Passkey, sub: str = "alice") -> str:
    """Return the id of a `manage` challenge that the passkey has satisfied."""
    challenge = passkey.api.challenge(sub, purpose="manage", methods=["webauthn"])
    response = passkey.answer(challenge)
    assert response.status_code == 200, response.text
    return str(challenge["id"])
