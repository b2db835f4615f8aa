"""How metadata and keys of the login issuer are fetched, bounded and kept."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from mfa_service.adapters.login_issuer import LoginIssuerProvider
from mfa_service.adapters.remote_documents import MAX_BYTES
from mfa_service.domain.errors import Unavailable
from mfa_service.domain.ports import LoginRefused
from tests.integration.login.conftest import provider_for
from tests.support.clients import KeyPair
from tests.support.login_issuer import KEYS, METADATA, Answer, LoginDouble
from tests.support.ports import FrozenClock


def test_nothing_is_fetched_before_it_is_needed(
    double: LoginDouble, provider: LoginIssuerProvider
) -> None:
    assert double.received == []
    provider.access_token_claims(double.access_token())
    assert [request.path for request in double.received] == [METADATA, KEYS]


def test_many_tokens_cost_one_look_at_the_keys(
    double: LoginDouble, provider: LoginIssuerProvider
) -> None:
    for _ in range(5):
        provider.access_token_claims(double.access_token())
    assert (double.asked(METADATA), double.asked(KEYS)) == (1, 1)


@pytest.mark.parametrize(
    ("cache_control", "seconds"),
    [
        ("", 60),
        ("no-store", 60),
        ("public, max-age=10", 60),
        ("max-age=600", 600),
        ("MAX-AGE=600, public", 600),
        ("s-max-age=5, max-age=600", 600),
        ("max-age=99999999", 86_400),
        ("max-age=-5", 60),
        ("max-age=soon", 60),
    ],
)
def test_keys_are_kept_as_long_as_the_issuer_says_within_bounds(
    double: LoginDouble,
    provider: LoginIssuerProvider,
    clock: FrozenClock,
    cache_control: str,
    seconds: int,
) -> None:
    double.keys_headers = {"Cache-Control": cache_control}
    provider.access_token_claims(double.access_token())
    clock.advance(seconds - 1)
    provider.access_token_claims(double.access_token())
    assert double.asked(KEYS) == 1
    clock.advance(1)
    provider.access_token_claims(double.access_token())
    assert double.asked(KEYS) == 2


def test_a_new_key_is_seen_at_its_first_token(
    double: LoginDouble, provider: LoginIssuerProvider, clock: FrozenClock
) -> None:
    double.keys_headers = {"Cache-Control": "max-age=86400"}
    provider.access_token_claims(double.access_token())
    double.pairs = [KeyPair("ES256", "next")]
    clock.advance(5)
    assert provider.access_token_claims(double.access_token())
    with pytest.raises(LoginRefused):
        provider.access_token_claims(double.access_token(KeyPair("RS256", "rsa")))


def test_made_up_key_ids_cause_one_look_in_five_seconds(
    double: LoginDouble, provider: LoginIssuerProvider, clock: FrozenClock
) -> None:
    """A stranger with a random `kid` each time must not make us storm the issuer."""
    provider.access_token_claims(double.access_token())
    clock.advance(5)
    for number in range(20):
        with pytest.raises(LoginRefused):
            provider.access_token_claims(double.access_token(KeyPair("ES256", f"k{number}")))
    assert double.asked(KEYS) == 2


BROKEN: dict[str, Answer] = {
    "500": Answer(500, {}),
    "404": Answer(404, {}),
    "an empty answer": Answer(204, b""),
    "no JSON": Answer(200, b"<html>"),
    "a list": Answer(200, []),
    "a name twice": Answer(200, b'{"keys": [], "keys": []}'),
    "too large": Answer(200, b'{"keys": [], "x": "' + b"x" * MAX_BYTES + b'"}'),
    "a redirect": Answer(302, {}, {"Location": METADATA}),
    "compressed": Answer(200, b"\x1f\x8b", {"Content-Encoding": "gzip"}),
}


@pytest.mark.parametrize("path", [METADATA, KEYS])
@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_an_issuer_that_answers_wrongly_is_unavailable(
    double: LoginDouble, provider: LoginIssuerProvider, path: str, broken: Answer
) -> None:
    double.answers[path] = broken
    with pytest.raises(Unavailable) as refused:
        provider.access_token_claims(double.access_token())
    assert refused.value.headers["Retry-After"] == "5"
    assert double.asked(path) == 1


def test_an_issuer_that_drips_is_given_up(
    double: LoginDouble, provider: LoginIssuerProvider
) -> None:
    """Each byte comes in time; all of them together do not."""

    def drip() -> Iterator[bytes]:
        for _ in range(100):
            yield b" "
            time.sleep(0.05)

    double.answers[KEYS] = Answer(pieces=drip)
    with pytest.raises(Unavailable):
        provider.access_token_claims(double.access_token())


def test_an_issuer_that_says_nothing_is_given_up(
    double: LoginDouble, provider: LoginIssuerProvider
) -> None:
    def silence() -> Iterator[bytes]:
        time.sleep(1)
        yield b"{}"

    double.answers[METADATA] = Answer(pieces=silence)
    with pytest.raises(Unavailable):
        provider.access_token_claims(double.access_token())


def test_a_body_without_end_is_given_up(double: LoginDouble, provider: LoginIssuerProvider) -> None:
    def flood() -> Iterator[bytes]:
        while True:
            yield b" " * 65_536

    double.answers[METADATA] = Answer(pieces=flood)
    with pytest.raises(Unavailable):
        provider.access_token_claims(double.access_token())


def test_an_issuer_that_is_not_there_is_unavailable(
    double: LoginDouble, clock: FrozenClock
) -> None:
    nowhere = provider_for(double, clock, issuer="http://127.0.0.1:9")
    with pytest.raises(Unavailable):
        nowhere.access_token_claims(double.access_token())


def test_an_outage_is_asked_about_once_in_five_seconds(
    double: LoginDouble, provider: LoginIssuerProvider, clock: FrozenClock
) -> None:
    """Else every request of every person would wait for the same time-out."""
    double.answers[METADATA] = Answer(500, {})
    for seconds in (0, 1, 3, 1):
        clock.advance(seconds)
        with pytest.raises(Unavailable):
            provider.access_token_claims(double.access_token())
    assert double.asked(METADATA) == 2
    double.answers.clear()
    clock.advance(5)
    assert provider.access_token_claims(double.access_token())


def test_a_short_outage_is_not_noticed_by_those_whose_key_is_known(
    double: LoginDouble, provider: LoginIssuerProvider, clock: FrozenClock
) -> None:
    provider.access_token_claims(double.access_token())
    double.answers = {METADATA: Answer(503, {}), KEYS: Answer(503, {})}
    clock.advance(60 + 3599)
    assert provider.access_token_claims(double.access_token())
    with pytest.raises(Unavailable):
        provider.access_token_claims(double.access_token(KeyPair("ES256", "new")))


def test_after_an_hour_of_outage_nothing_is_believed(
    double: LoginDouble, provider: LoginIssuerProvider, clock: FrozenClock
) -> None:
    """A key may have been withdrawn meanwhile."""
    provider.access_token_claims(double.access_token())
    double.answers = {METADATA: Answer(503, {}), KEYS: Answer(503, {})}
    clock.advance(60 + 3600)
    with pytest.raises(Unavailable):
        provider.access_token_claims(double.access_token())


@pytest.mark.parametrize(
    "changed",
    [
        {"issuer": "https://evil.example"},
        {"issuer": None},
        {"jwks_uri": "http://keys.example/jwks"},
        {"jwks_uri": "file:///etc/passwd"},
        {"jwks_uri": "https://user:pass@keys.example/jwks"},
        {"jwks_uri": None},
        {"jwks_uri": 5},
        {"token_endpoint": "ftp://login.example/token"},
        {"token_endpoint": "//login.example/token"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"authorization_endpoint": "https://login.example/#x"},
    ],
    ids=str,
)
def test_metadata_of_another_issuer_or_with_an_unsafe_address_is_not_used(
    double: LoginDouble, provider: LoginIssuerProvider, changed: dict[str, Any]
) -> None:
    double.answers[METADATA] = Answer(body=double.metadata | changed)
    with pytest.raises(Unavailable):
        provider.access_token_claims(double.access_token())
    assert double.asked(KEYS) == 0


def test_an_issuer_whose_name_differs_by_a_slash_is_another(
    double: LoginDouble, provider: LoginIssuerProvider
) -> None:
    double.answers[METADATA] = Answer(body=double.metadata | {"issuer": f"{double.issuer}/"})
    with pytest.raises(Unavailable):
        provider.access_token_claims(double.access_token())


def test_keys_that_cannot_be_used_do_not_hide_the_others(
    double: LoginDouble, provider: LoginIssuerProvider
) -> None:
    double.extra_keys = [{"kty": "EC", "crv": "P-521", "kid": "odd"}, {"kty": "RSA"}, "text"]  # type: ignore[list-item]
    assert provider.access_token_claims(double.access_token())


def test_a_key_set_that_is_none_is_not_taken(
    double: LoginDouble, provider: LoginIssuerProvider
) -> None:
    double.answers[KEYS] = Answer(body={"keys": {}})
    with pytest.raises(Unavailable):
        provider.access_token_claims(double.access_token())
