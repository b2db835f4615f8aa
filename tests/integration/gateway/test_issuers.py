"""Tokens of another issuer: its keys, its outages, its roll-over, and what it never vouches for."""

import hmac
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.support.clients import KeyPair
from tests.support.gateway import API, INVALID, Gate, denied, gate
from tests.support.login_issuer import KEYS, METADATA, Answer, LoginDouble, login_double
from tests.support.phone import b64
from tests.support.ports import FrozenClock
from tests.support.world import AAL1, AAL2

DOWN = Answer(503, {})


@pytest.fixture
def double(clock: FrozenClock) -> Iterator[LoginDouble]:
    with login_double(clock) as made:
        yield made


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
def gateway(
    sqlite_url: str, tmp_path: Path, double: LoginDouble, clock: FrozenClock
) -> Iterator[Gate]:
    """Return a gateway that takes tokens of the double, and of it alone."""
    text = (
        f"[[route]]\npath = '/open'\naudience = '{API}'\nissuer = '{double.issuer}'\n"
        f"[[route]]\npath = '/ours'\naudience = '{API}'\nissuer = 'http://localhost:8000'\n"
        f"[[route]]\naudience = '{API}'\nissuer = '{double.issuer}'\n"
        f"scopes = ['payments']\nacr_values = ['{AAL2}']\nmax_age = 300\n"
    )
    with gate(sqlite_url, tmp_path, routes=text) as made:
        made.world.clock.at = clock.at
        double.clock = made.world.clock
        yield made


def persons(double: LoginDouble, pair: KeyPair | None = None, **changed: Any) -> str:
    at = double.clock.now()
    claims = {"aud": API, "scope": "payments", "acr": AAL2, "amr": ["pwd"], "auth_time": at}
    return double.access_token(pair, **(claims | changed))


def passes(gateway: Gate, token: str, target: str = "/x") -> bool:
    """Tell whether it is let in; if not it has to be invalid, not something else."""
    response = gateway.ask(target, token)
    if response.status_code != 200:
        denied(response, 401, INVALID)
    return response.status_code == 200


def unavailable(gateway: Gate, token: str) -> None:
    response = gateway.ask("/x", token)
    denied(response, 503)
    assert int(response.headers["Retry-After"]) > 0


@pytest.mark.parametrize("number", range(3), ids=["RS256", "ES256", "EdDSA"])
def test_a_persons_token_passes_with_its_claims(
    gateway: Gate, double: LoginDouble, number: int
) -> None:
    found = gateway.ask("/x", persons(double, double.pairs[number])).headers
    assert [found["X-Auth-Sub"], found["X-Auth-Client"], found["X-Auth-Acr"]] == [
        "alice",
        "spa",
        AAL2,
    ]


def test_what_a_token_does_not_say_is_empty(gateway: Gate, double: LoginDouble) -> None:
    token = persons(double, client_id=None, scope=None, acr=None, amr=None, auth_time=None)
    found = gateway.ask("/open", token).headers
    assert [found[f"X-Auth-{name}"] for name in ("Sub", "Client", "Scope", "Acr", "Amr")] == [
        "alice",
        "",
        "",
        "",
        "",
    ]


def test_scope_level_and_freshness_are_asked_of_it(gateway: Gate, double: LoginDouble) -> None:
    at = double.clock.now()
    assert gateway.ask("/x", persons(double, scope="openid")).status_code == 403
    for weaker in ({"acr": AAL1}, {"auth_time": at - 301}, {"auth_time": None}):
        challenge = gateway.ask("/x", persons(double, **weaker)).headers["WWW-Authenticate"]
        assert challenge.endswith(f'acr_values="{AAL2}", max_age="300"')


def test_a_route_takes_the_tokens_of_its_issuers_alone(gateway: Gate, double: LoginDouble) -> None:
    """Two issuers can both have a user of one name."""
    assert passes(gateway, persons(double), "/open")
    assert not passes(gateway, persons(double), "/ours")
    assert passes(gateway, gateway.token(), "/ours")
    assert not passes(gateway, gateway.token(), "/open")


def test_an_issuer_that_nobody_trusts_is_never_asked(gateway: Gate, clock: FrozenClock) -> None:
    """Neither `iss` nor anything else in a token chooses an address."""
    with login_double(clock) as stranger:
        stranger.clock = gateway.world.clock
        assert not passes(gateway, persons(stranger))
        assert stranger.received == []


def test_one_issuer_cannot_speak_for_another(gateway: Gate, double: LoginDouble) -> None:
    """A key of the double signs in our name, and ours in its."""
    assert not passes(gateway, persons(double, iss="http://localhost:8000"), "/ours")
    at = double.clock.now()
    claims = {"iss": double.issuer, "aud": API, "sub": "alice", "iat": at, "exp": at + 300}
    ours = gateway.world.services.foundation.keys.signer.sign(claims, typ="at+jwt")
    assert not passes(gateway, ours, "/open")


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "https://other.example"},
        {"aud": None},
        {"iss": "https://other.example"},
        {"sub": None},
        {"sub": ""},
        {"exp": 0},
        {"exp": None},
        {"nbf": 10**10},
        {"cnf": {"jkt": "x"}},
        {"scope": ["payments"]},
        {"acr": ["phr"]},
    ],
    ids=str,
)
def test_a_claim_that_does_not_fit_makes_it_invalid(
    gateway: Gate, double: LoginDouble, claims: dict[str, Any]
) -> None:
    assert not passes(gateway, persons(double, **claims))


@pytest.mark.parametrize("typ", ["JWT", None, "AT+JWT", "logout+jwt", "secevent+jwt"])
def test_an_id_token_or_another_kind_is_no_access_token(
    gateway: Gate, double: LoginDouble, typ: str | None
) -> None:
    at = double.clock.now()
    claims = {"iss": double.issuer, "aud": API, "sub": "alice", "iat": at, "exp": at + 60}
    pair = double.pairs[0]
    assert passes(gateway, double.signed(pair, claims, typ="application/at+jwt"), "/open")
    assert not passes(gateway, double.signed(pair, claims, typ=typ), "/open")


@pytest.mark.parametrize("alg", ["none", "HS256", "ES256", "RS512"])
def test_the_header_does_not_choose_how_it_is_verified(
    gateway: Gate, double: LoginDouble, alg: str
) -> None:
    signing_input = persons(double).rsplit(".", 1)[0].split(".")[1]
    header = b64(f'{{"alg":"{alg}","kid":"rsa","typ":"at+jwt"}}'.encode())
    public = double.pairs[0].key.public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    text = f"{header}.{signing_input}"
    for signature in (b"", hmac.digest(pem, text.encode(), "sha256")):
        assert not passes(gateway, f"{text}.{b64(signature)}")


def test_keys_are_fetched_once_and_kept_as_the_issuer_says(
    gateway: Gate, double: LoginDouble
) -> None:
    double.keys_headers = {"Cache-Control": "public, max-age=600"}
    assert double.received == []
    for _ in range(5):
        assert passes(gateway, persons(double))
    assert (double.asked(METADATA), double.asked(KEYS)) == (1, 1)
    gateway.world.clock.advance(599)
    assert passes(gateway, persons(double))
    assert double.asked(KEYS) == 1
    gateway.world.clock.advance(1)
    assert passes(gateway, persons(double))
    assert double.asked(KEYS) == 2


def test_a_new_key_is_seen_at_its_first_token(gateway: Gate, double: LoginDouble) -> None:
    double.keys_headers = {"Cache-Control": "max-age=86400"}
    assert passes(gateway, persons(double))
    gateway.world.clock.advance(5)
    double.pairs = [KeyPair("ES256", "next")]
    assert passes(gateway, persons(double))


def test_a_withdrawn_key_is_good_no_longer_than_the_keys_are_kept(
    gateway: Gate, double: LoginDouble
) -> None:
    double.keys_headers = {"Cache-Control": "max-age=600"}
    old = double.pairs[1]
    assert passes(gateway, persons(double, old))
    double.pairs = [KeyPair("ES256", "next")]
    gateway.world.clock.advance(600)
    assert not passes(gateway, persons(double, old))
    assert passes(gateway, persons(double))


def test_a_short_outage_is_not_noticed(gateway: Gate, double: LoginDouble) -> None:
    """Known keys stay good for an hour beyond their time; unknown ones do not become good."""
    double.keys_headers = {"Cache-Control": "max-age=600"}
    assert passes(gateway, persons(double))
    double.answers = {METADATA: DOWN, KEYS: DOWN}
    gateway.world.clock.advance(600 + 3599)
    assert passes(gateway, persons(double))
    assert not passes(gateway, persons(double, exp=double.clock.now()))
    unavailable(gateway, persons(double, KeyPair("ES256", "unknown")))


def test_a_long_outage_ends_it_and_it_comes_back(gateway: Gate, double: LoginDouble) -> None:
    double.keys_headers = {"Cache-Control": "max-age=600"}
    assert passes(gateway, persons(double))
    double.answers = {METADATA: DOWN, KEYS: DOWN}
    gateway.world.clock.advance(600 + 3600)
    unavailable(gateway, persons(double))
    double.answers = {}
    gateway.world.clock.advance(5)
    assert passes(gateway, persons(double))


def test_an_issuer_that_was_never_up_lets_nobody_in(gateway: Gate, double: LoginDouble) -> None:
    double.answers = {METADATA: DOWN}
    unavailable(gateway, persons(double))
    assert passes(gateway, gateway.token(), "/ours"), "ours do not depend on it"


def test_keys_of_a_foreign_name_are_not_taken(gateway: Gate, double: LoginDouble) -> None:
    """Metadata have to name the issuer that they are for (RFC 8414 §3.3)."""
    double.answers[METADATA] = Answer(body=double.metadata | {"issuer": "https://other.example"})
    unavailable(gateway, persons(double))


def test_made_up_key_ids_cause_no_storm(gateway: Gate, double: LoginDouble) -> None:
    assert passes(gateway, persons(double))
    gateway.world.clock.advance(5)
    for number in range(20):
        assert not passes(gateway, persons(double, KeyPair("ES256", f"k{number}")))
    assert double.asked(KEYS) == 2


def test_metadata_may_be_at_another_place(
    sqlite_url: str, tmp_path: Path, double: LoginDouble
) -> None:
    place = "/.well-known/oauth-authorization-server/tenant"
    text = (
        f"[[issuer]]\nissuer = '{double.issuer}'\nmetadata = '{double.issuer}{place}'\n"
        f"[[route]]\naudience = '{API}'\n"
    )
    double.answers = {METADATA: DOWN, place: Answer(body=double.metadata)}
    with gate(sqlite_url, tmp_path, routes=text) as made:
        double.clock = made.world.clock
        assert passes(made, persons(double))
        assert passes(made, made.token())
        assert double.asked(METADATA) == 0
