"""Opaque tokens: what the issuer says of them, kept for a short time, and never made up."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mfa_service.adapters import resource_tokens
from mfa_service.adapters.remote_documents import Fetcher
from mfa_service.adapters.resource_tokens import RemoteTokens
from mfa_service.domain.access_token import TokenRefused
from mfa_service.domain.errors import Unavailable
from mfa_service.domain.route_table import Introspection, TrustedIssuer
from tests.support.gateway import API, INVALID, Gate, denied, gate
from tests.support.login_issuer import Answer, LoginDouble, login_double
from tests.support.ports import FrozenClock
from tests.support.world import AAL2

PLACE, TOKEN, SECRET = "/introspect", "opaque.token-1", "a secret: with +"


@pytest.fixture
def double() -> Iterator[LoginDouble]:
    with login_double(FrozenClock()) as made:
        yield made


@pytest.fixture
def gateway(sqlite_url: str, tmp_path: Path, double: LoginDouble) -> Iterator[Gate]:
    text = (
        f"[[issuer]]\nissuer = '{double.issuer}'\n"
        f"introspection_endpoint = '{double.issuer}{PLACE}'\n"
        "client_id = 'gateway'\nclient_secret_env = 'INTROSPECTION'\n"
        f"[[route]]\npath = '/open'\naudience = '{API}'\n"
        f"[[route]]\naudience = '{API}'\nscopes = ['payments']\n"
        f"acr_values = ['{AAL2}']\nmax_age = 300\n"
    )
    with gate(sqlite_url, tmp_path, routes=text, INTROSPECTION=SECRET) as made:
        double.clock = made.world.clock
        says(double)
        yield made


def says(double: LoginDouble, *, cache_control: str | None = None, **changed: Any) -> None:
    """Let the issuer answer from now on with an active token, but for what is `changed`."""
    at = double.clock.now()
    body = {
        "active": True,
        "iss": double.issuer,
        "aud": API,
        "sub": "alice",
        "client_id": "spa",
        "scope": "payments",
        "token_type": "Bearer",
        "exp": at + 3600,
        "acr": AAL2,
        "auth_time": at,
        "amr": ["mfa"],
    } | changed
    given = {name: value for name, value in body.items() if value is not None}
    headers = {"Cache-Control": cache_control} if cache_control else {}
    double.answers[PLACE] = Answer(body=given, headers=headers)


def status(gateway: Gate, token: str = TOKEN, target: str = "/x") -> int:
    response = gateway.ask(target, token)
    if response.status_code == 401:
        denied(response, 401, INVALID)
    return response.status_code


def test_what_the_issuer_says_is_passed_on(gateway: Gate, double: LoginDouble) -> None:
    found = gateway.ask("/x", TOKEN).headers
    assert [found["X-Auth-Sub"], found["X-Auth-Client"], found["X-Auth-Amr"]] == [
        "alice",
        "spa",
        "mfa",
    ]
    (asked,) = double.received
    assert (asked.method, asked.path) == ("POST", PLACE)
    assert asked.form == {"token": TOKEN, "token_type_hint": "access_token"}
    assert asked.authorization == "Basic Z2F0ZXdheTphJTIwc2VjcmV0JTNBJTIwd2l0aCUyMCUyQg=="


def test_scope_level_and_freshness_are_asked_of_it(gateway: Gate, double: LoginDouble) -> None:
    says(double, scope="openid")
    assert gateway.ask("/x", "one").status_code == 403
    weak: list[dict[str, Any]] = [{"acr": "0"}, {"auth_time": None}, {"acr": None}]
    for number, weaker in enumerate(weak):
        says(double, **weaker)
        challenge = gateway.ask("/x", f"weak{number}").headers["WWW-Authenticate"]
        assert challenge.startswith('Bearer error="insufficient_user_authentication"')


@pytest.mark.parametrize(
    "said",
    [
        {"active": False},
        {"aud": None},
        {"aud": "https://other.example"},
        {"iss": "https://other.example"},
        {"exp": 1},
        {"exp": "soon"},
        {"nbf": 10**10},
        {"nbf": "now"},
        {"token_type": "DPoP"},
        {"token_type": "refresh_token"},
        {"cnf": {"x5t#S256": "x"}},
        {"sub": 5},
        {"sub": "alice\u0000"},
        {"scope": ["payments"]},
    ],
    ids=str,
)
def test_what_is_not_right_is_invalid(
    gateway: Gate, double: LoginDouble, said: dict[str, Any]
) -> None:
    says(double, **said)
    assert status(gateway) == 401


@pytest.mark.parametrize(
    "said", [{"iss": None}, {"exp": None}, {"token_type": None}, {"token_type": "bearer"}], ids=str
)
def test_what_may_be_left_out_may_be_left_out(
    gateway: Gate, double: LoginDouble, said: dict[str, Any]
) -> None:
    says(double, **said)
    assert status(gateway) == 200


@pytest.mark.parametrize(
    "answer",
    [
        Answer(500, {}),
        Answer(401, {"error": "invalid_client"}),
        Answer(302, {}, {"Location": "/elsewhere"}),
        Answer(200, b"active"),
        Answer(200, {}),
        Answer(200, {"active": "true"}),
        Answer(200, {"active": 1}),
        Answer(200, ["active"]),
        Answer(200, b'{"active": false, "active": true}'),
    ],
    ids=lambda answer: f"{answer.status} {answer.body}",
)
def test_an_answer_that_is_none_lets_nobody_in(
    gateway: Gate, double: LoginDouble, answer: Answer
) -> None:
    double.answers[PLACE] = answer
    response = gateway.ask("/x", TOKEN)
    denied(response, 503)
    assert response.headers["Retry-After"] == "2"


def test_an_answer_is_kept_for_30_seconds(gateway: Gate, double: LoginDouble) -> None:
    clock = gateway.world.clock
    for _ in range(3):
        assert status(gateway) == 200
    says(double, active=False)
    clock.advance(29)
    assert (status(gateway), double.asked(PLACE)) == (200, 1)
    clock.advance(1)
    assert (status(gateway), double.asked(PLACE)) == (401, 2)


def test_it_is_never_kept_beyond_the_tokens_end(gateway: Gate, double: LoginDouble) -> None:
    says(double, exp=double.clock.now() + 7)
    assert status(gateway) == 200
    gateway.world.clock.advance(6)
    assert (status(gateway), double.asked(PLACE)) == (200, 1)
    gateway.world.clock.advance(1)
    assert (status(gateway), double.asked(PLACE)) == (401, 2)


@pytest.mark.parametrize(
    ("cache_control", "seconds"),
    [("max-age=4", 4), ("private, max-age=86400", 30), ("no-store", 0), ("No-Cache", 0)],
)
def test_the_issuer_may_shorten_that_and_not_lengthen_it(
    gateway: Gate, double: LoginDouble, cache_control: str, seconds: int
) -> None:
    says(double, cache_control=cache_control)
    assert status(gateway) == 200
    if seconds:
        gateway.world.clock.advance(seconds - 1)
        assert (status(gateway), double.asked(PLACE)) == (200, 1)
        gateway.world.clock.advance(1)
    assert (status(gateway), double.asked(PLACE)) == (200, 2)


def test_a_refusal_is_kept_for_5_seconds(gateway: Gate, double: LoginDouble) -> None:
    says(double, active=False)
    assert status(gateway) == 401
    says(double)
    gateway.world.clock.advance(4)
    assert (status(gateway), double.asked(PLACE)) == (401, 1)
    gateway.world.clock.advance(1)
    assert (status(gateway), double.asked(PLACE)) == (200, 2)


def test_in_an_outage_only_what_is_kept_passes(gateway: Gate, double: LoginDouble) -> None:
    assert status(gateway) == 200
    double.answers[PLACE] = Answer(503, {})
    gateway.world.clock.advance(29)
    assert status(gateway) == 200
    assert status(gateway, "another") == 503
    gateway.world.clock.advance(1)
    assert status(gateway) == 503, "an old answer is no answer"


def test_an_endpoint_that_fails_is_left_alone_for_two_seconds(
    gateway: Gate, double: LoginDouble
) -> None:
    double.answers[PLACE] = Answer(503, {})
    for number in range(10):
        assert status(gateway, f"token{number}") == 503
    assert double.asked(PLACE) == 1
    says(double)
    gateway.world.clock.advance(2)
    assert status(gateway) == 200


def test_a_signed_token_is_not_sent_to_the_endpoint(gateway: Gate, double: LoginDouble) -> None:
    assert status(gateway, double.access_token(aud=API), "/open") == 200
    assert status(gateway, gateway.token(), "/open") == 200
    assert status(gateway, double.access_token(iss="https://other.example"), "/open") == 401
    assert double.asked(PLACE) == 0


def test_nobody_is_asked_about_what_cannot_be_a_token(gateway: Gate, double: LoginDouble) -> None:
    for text in ("a,b", "a b", "ä", "a\\b", "<a>"):
        denied(gateway.ask("/x", text), 401, INVALID)
    assert double.received == []


def test_an_opaque_token_goes_to_the_routes_issuer_alone(
    sqlite_url: str, tmp_path: Path, double: LoginDouble
) -> None:
    with login_double(FrozenClock()) as other:
        entries = "".join(
            f"[[issuer]]\nissuer = '{issuer}'\nintrospection_endpoint = '{issuer}{PLACE}'\n"
            "client_id = 'gateway'\nclient_secret_env = 'INTROSPECTION'\n"
            for issuer in (double.issuer, other.issuer)
        )
        text = f"{entries}[[route]]\naudience = '{API}'\nissuer = '{other.issuer}'\n"
        with gate(sqlite_url, tmp_path, routes=text, INTROSPECTION=SECRET) as made:
            other.clock = made.world.clock
            says(other)
            assert status(made) == 200
    assert double.received == []


def test_without_introspection_an_opaque_token_is_invalid(nginx: Gate) -> None:
    denied(nginx.ask(token=TOKEN), 401, INVALID)


@pytest.fixture
def source(double: LoginDouble) -> RemoteTokens:
    """Return the adapter itself, which waits for 0.3 s at most."""
    how = Introspection(f"{double.issuer}{PLACE}", "gateway", "INTROSPECTION", None)
    trusted = TrustedIssuer(double.issuer, None, how)
    says(double)
    return RemoteTokens(trusted, SECRET, Fetcher(seconds=0.3), double.clock)


def test_the_oldest_answer_makes_room(source: RemoteTokens) -> None:
    for number in range(resource_tokens.MOST_KEPT + 1):
        source._known.put(number.to_bytes(32, "big"), resource_tokens._Known(None, 10**10))
    assert len(source._known._entries) == resource_tokens.MOST_KEPT
    assert source.opaque(TOKEN).sub == "alice"
    assert len(source._known._entries) == resource_tokens.MOST_KEPT


def test_no_token_is_kept(source: RemoteTokens) -> None:
    source.opaque(TOKEN)
    assert TOKEN.encode() not in repr(source._known._entries).encode()
    assert all(len(key) == 32 for key in source._known._entries)


def test_a_hanging_endpoint_holds_few_requests(double: LoginDouble, source: RemoteTokens) -> None:
    """The others are refused at once, so that the service's threads are not all spent there."""
    going_on = threading.Event()

    def hang() -> Iterator[bytes]:
        going_on.wait(10)
        yield b"{}"

    double.answers[PLACE] = Answer(pieces=hang)
    failed: list[Unavailable] = []

    def ask(number: int) -> None:
        try:
            source.opaque(f"token{number}")
        except Unavailable as exc:
            failed.append(exc)

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    going_on.set()
    assert len(failed) == 40
    assert double.asked(PLACE) <= resource_tokens.MOST_AT_ONCE


def test_a_refusal_says_why_to_the_log_alone(double: LoginDouble, source: RemoteTokens) -> None:
    says(double, active=False)
    with pytest.raises(TokenRefused, match="inactive"):
        source.opaque(TOKEN)
