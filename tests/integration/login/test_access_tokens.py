"""Which access tokens of the login issuer are believed (RFC 9068 §4, RFC 8725)."""

import hmac
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from mfa_service.adapters.login_issuer import LoginIssuerProvider
from mfa_service.domain.ports import LoginRefused
from tests.support.clients import KeyPair
from tests.support.login_issuer import LoginDouble
from tests.support.phone import b64
from tests.support.ports import FrozenClock
from tests.support.world import ISSUER


@pytest.mark.parametrize("number", range(3), ids=["RS256", "ES256", "EdDSA"])
def test_a_token_for_us_is_believed(
    double: LoginDouble, provider: LoginIssuerProvider, number: int
) -> None:
    claims = provider.access_token_claims(double.access_token(double.pairs[number]))
    assert (claims["sub"], claims["scope"]) == ("alice", "openid mfa:self")


def test_ps256_is_believed_by_an_rsa_key(
    double: LoginDouble, provider: LoginIssuerProvider
) -> None:
    pair = KeyPair("PS256", "pss")
    double.extra_keys.append(pair.jwk)
    assert provider.access_token_claims(double.access_token(pair))["sub"] == "alice"


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": [ISSUER, "https://other.example"]},
        {"nbf": 60},
        {"iat": 60},
        {"iat": -86_399, "exp": 1},
        {"name": "Älice"},
    ],
    ids=str,
)
def test_a_token_that_differs_in_what_may_differ_is_believed(
    double: LoginDouble, provider: LoginIssuerProvider, claims: dict[str, Any]
) -> None:
    token = double.access_token(**_in_time(double, claims))
    assert provider.access_token_claims(token)["sub"] == "alice"


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://other.example"},
        {"iss": None},
        {"aud": "https://other.example"},
        {"aud": [f"{ISSUER}/"]},
        {"aud": None},
        {"aud": {ISSUER: 1}},
        {"sub": None},
        {"sub": ""},
        {"sub": 5},
        {"sub": "a" * 256},
        {"sub": "alice\u0000"},
        {"exp": 0},
        {"exp": None},
        {"exp": "soon"},
        {"iat": 61},
        {"iat": None},
        {"iat": -86_400, "exp": 1},
        {"nbf": 61},
        {"nbf": "now"},
    ],
    ids=str,
)
def test_a_token_with_a_wrong_claim_is_refused(
    double: LoginDouble, provider: LoginIssuerProvider, claims: dict[str, Any]
) -> None:
    with pytest.raises(LoginRefused):
        provider.access_token_claims(double.access_token(**_in_time(double, claims)))


@pytest.mark.parametrize(
    "header",
    [
        {"typ": "JWT"},
        {"typ": None},
        {"typ": "AT+JWT"},
        {"alg": "none"},
        {"alg": "RS512"},
        {"alg": "ES256"},
        {"alg": None},
        {"kid": None},
        {"kid": "ec"},
        {"jku": "https://keys.example"},
        {"jwk": {}},
        {"x5c": ["MII"]},
        {"crit": ["exp"]},
        {"b64": False},
    ],
    ids=str,
)
def test_a_token_with_a_wrong_header_is_refused(
    double: LoginDouble, provider: LoginIssuerProvider, header: dict[str, Any]
) -> None:
    pair, now = double.pairs[0], double.clock.now()
    claims = {"iss": double.issuer, "aud": ISSUER, "sub": "alice", "iat": now, "exp": now + 60}
    assert provider.access_token_claims(double.signed(pair, claims, typ="at+jwt"))
    assert provider.access_token_claims(
        double.signed(pair, claims, typ="application/at+jwt", x5t="ignored")
    )
    with pytest.raises(LoginRefused):
        provider.access_token_claims(double.signed(pair, claims, **({"typ": "at+jwt"} | header)))


@pytest.mark.parametrize("token", ["", "garbage", "a.b.c", "e30.e30.", "ä.ö.ü", "e30.e30.e30.e30"])
def test_what_is_no_token_is_refused(provider: LoginIssuerProvider, token: str) -> None:
    with pytest.raises(LoginRefused):
        provider.access_token_claims(token)


def test_a_token_keyed_with_the_public_key_is_refused(
    double: LoginDouble, provider: LoginIssuerProvider
) -> None:
    public = double.pairs[0].key.public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    signing_input = _unsigned(double, "HS256")
    signature = hmac.digest(pem, signing_input.encode(), "sha256")
    with pytest.raises(LoginRefused):
        provider.access_token_claims(f"{signing_input}.{b64(signature)}")


def test_a_symmetric_key_in_the_key_set_verifies_nothing(
    double: LoginDouble, provider: LoginIssuerProvider
) -> None:
    double.extra_keys.append({"kty": "oct", "kid": "rsa2", "k": b64(b"known to everybody")})
    signing_input = _unsigned(double, "HS256", kid="rsa2")
    signature = hmac.digest(b"known to everybody", signing_input.encode(), "sha256")
    with pytest.raises(LoginRefused):
        provider.access_token_claims(f"{signing_input}.{b64(signature)}")


def test_a_token_without_signature_is_refused(
    double: LoginDouble, provider: LoginIssuerProvider
) -> None:
    with pytest.raises(LoginRefused):
        provider.access_token_claims(_unsigned(double, "none") + ".")


def test_a_token_by_another_key_of_the_same_name_is_refused(
    double: LoginDouble, provider: LoginIssuerProvider
) -> None:
    forged = KeyPair("ES256", "ec")
    with pytest.raises(LoginRefused):
        provider.access_token_claims(double.access_token(forged))


def test_a_short_rsa_key_verifies_nothing(
    double: LoginDouble, provider: LoginIssuerProvider
) -> None:
    weak = KeyPair("RS256", "weak", rsa.generate_private_key(65537, 1024))
    double.extra_keys.append(weak.jwk)
    with pytest.raises(LoginRefused):
        provider.access_token_claims(double.access_token(weak))


def test_a_key_for_encryption_verifies_nothing(
    double: LoginDouble, provider: LoginIssuerProvider
) -> None:
    pair = KeyPair("RS256", "enc")
    double.extra_keys.append(pair.jwk | {"use": "enc"})
    with pytest.raises(LoginRefused):
        provider.access_token_claims(double.access_token(pair))


def test_an_id_token_is_no_access_token(double: LoginDouble, provider: LoginIssuerProvider) -> None:
    with pytest.raises(LoginRefused):
        provider.access_token_claims(double.id_token("nonce", aud=ISSUER))


def test_a_token_dies_with_its_time(
    double: LoginDouble, provider: LoginIssuerProvider, clock: FrozenClock
) -> None:
    token = double.access_token()
    clock.advance(299)
    assert provider.access_token_claims(token)
    clock.advance(1)
    with pytest.raises(LoginRefused):
        provider.access_token_claims(token)


def _in_time(double: LoginDouble, claims: dict[str, Any]) -> dict[str, Any]:
    """Return claims whose small times count from now."""
    now = double.clock.now()
    return {
        name: now + value if name in {"iat", "exp", "nbf"} and isinstance(value, int) else value
        for name, value in claims.items()
    }


def _unsigned(double: LoginDouble, alg: str, kid: str = "rsa") -> str:
    pair = double.pairs[0]
    now = double.clock.now()
    claims = {"iss": double.issuer, "aud": ISSUER, "sub": "alice", "iat": now, "exp": now + 60}
    token = double.signed(pair, claims, alg=alg, kid=kid, typ="at+jwt")
    return token.rsplit(".", 1)[0]
