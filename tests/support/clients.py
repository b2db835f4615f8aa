"""How a client proves itself at the token endpoint: every right way, and any of them wrong."""

import base64
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, quote_plus, urlencode

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import Algorithm, ECAlgorithm, OKPAlgorithm, RSAAlgorithm, RSAPSSAlgorithm
from werkzeug.test import TestResponse

from mfa_service.services.clients import NewClient
from tests.support.phone import b64
from tests.support.world import ALL_SCOPES, ISSUER, World

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_SHA256: dict[str, Algorithm] = {
    "ES256": ECAlgorithm(ECAlgorithm.SHA256),
    "EdDSA": OKPAlgorithm(),
    "RS256": RSAAlgorithm(RSAAlgorithm.SHA256),
    "PS256": RSAPSSAlgorithm(RSAPSSAlgorithm.SHA256),
    "RS512": RSAAlgorithm(RSAAlgorithm.SHA512),
    "PS512": RSAPSSAlgorithm(RSAPSSAlgorithm.SHA512),
}
_RSA_KEY = rsa.generate_private_key(65537, 2048)
_MAKERS: dict[str, Callable[[], Any]] = {
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
}


@dataclass
class KeyPair:
    """A client's key; `alg` says how it signs."""

    alg: str
    kid: str = "k1"
    key: Any = None

    def __post_init__(self) -> None:
        if self.key is None:
            self.key = _MAKERS.get(self.alg, lambda: _RSA_KEY)()

    @property
    def jwk(self) -> dict[str, Any]:
        public: dict[str, Any] = _SHA256[self.alg].to_jwk(self.key.public_key(), as_dict=True)
        return {name: public[name] for name in public if name != "key_ops"} | {"kid": self.kid}

    def sign(self, header: dict[str, Any], claims: dict[str, Any]) -> str:
        """Return a compact JWS over exactly this header and these claims."""
        parts = [b64(json.dumps(part).encode()) for part in (header, claims)]
        signing_input = ".".join(parts)
        signature = _SHA256[self.alg].sign(signing_input.encode(), self.key)
        return f"{signing_input}.{b64(signature)}"


@dataclass
class Keyed:
    """A registered client that proves itself with its own key."""

    world: World
    pair: KeyPair
    id: str = ""
    extra_keys: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        jwks = {"keys": [self.pair.jwk, *self.extra_keys]}
        made = self.world.services.clients.add(NewClient("keyed", ALL_SCOPES, jwks=jwks))
        self.id = made.client.id

    def assertion(self, header: dict[str, Any] | None = None, **changed: Any) -> str:
        """Return an assertion; members of `changed` replace claims, `None` removes them."""
        now = self.world.clock.now()
        claims = {
            "iss": self.id,
            "sub": self.id,
            "aud": ISSUER,
            "jti": secrets.token_urlsafe(16),
            "iat": now,
            "exp": now + 60,
            **changed,
        }
        head = {"alg": self.pair.alg, "kid": self.pair.kid, "typ": "JWT", **(header or {})}
        return self.pair.sign(
            {name: value for name, value in head.items() if value is not None},
            {name: value for name, value in claims.items() if value is not None},
        )

    def ask(self, assertion: str | None = None, **form: str) -> TestResponse:
        """Ask for a token with an assertion."""
        proof = self.assertion() if assertion is None else assertion
        fields = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": proof, **form}
        return token_request(self.world, fields)


def basic(client_id: str, secret: str, *, plus: bool = False) -> str:
    """Return an Authorization header; id and secret are form-url-encoded first (RFC 6749)."""
    encode = quote_plus if plus else lambda text: quote(text, safe="")
    pair = f"{encode(client_id)}:{encode(secret)}"
    return "Basic " + base64.b64encode(pair.encode()).decode()


def token_request(
    world: World, form: dict[str, Any] | str, authorization: str | None = None
) -> TestResponse:
    """Ask for a token; a `form` that is a text is sent as it is."""
    if isinstance(form, dict):
        form = urlencode({"grant_type": "client_credentials", **form}, doseq=True)
    headers = {} if authorization is None else {"Authorization": authorization}
    media = "application/x-www-form-urlencoded"
    return world.app.test_client().post(
        "/oauth2/token", data=form, content_type=media, headers=headers
    )


def oauth_error(response: TestResponse, status: int, error: str) -> None:
    """Fail unless this is a refusal of RFC 6749 §5.2."""
    assert response.status_code == status, response.text
    assert response.mimetype == "application/json"
    assert response.get_json()["error"] == error
    assert response.headers["Cache-Control"] == "no-store"
    assert ("WWW-Authenticate" in response.headers) is (status == 401)
