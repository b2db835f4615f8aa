"""`id_token_hint`: only a fresh one, of a trusted issuer, for us, in its realm, asks anybody."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.support.browsing import Browser
from tests.support.ciba import shown
from tests.support.clients import KeyPair
from tests.support.code_flow import Party, answer_of, party_of
from tests.support.hinting import AUDIENCE, hint, hinted_world
from tests.support.login_issuer import KEYS, METADATA, Answer, LoginDouble
from tests.support.people import confirm
from tests.support.phone import Phone, b64, claims_of
from tests.support.world import AAL1, AAL2, World


@pytest.fixture
def pair(sqlite_url: str, tmp_path: Path) -> Iterator[tuple[World, LoginDouble]]:
    with hinted_world(sqlite_url, tmp_path) as made:
        yield made


@pytest.fixture
def issuer(pair: tuple[World, LoginDouble]) -> LoginDouble:
    return pair[1]


@pytest.fixture
def party(pair: tuple[World, LoginDouble]) -> Party:
    return party_of(pair[0])


@pytest.fixture
def phone(party: Party) -> Phone:
    return party.world.phone()


def arrive(party: Party, token: str, **changed: str) -> Browser:
    """Open a plain request that carries a hint, as any link might."""
    browser = Browser(party.world.app)
    given = party.parameters(login_hint="", id_token_hint=token, **changed)
    browser.get(f"/oauth2/authorize?{urlencode(given)}")
    return browser


def is_refused(party: Party, phone: Phone, browser: Browser) -> bool:
    """Tell whether the client hears of it, and the person does not."""
    told = answer_of(browser)
    assert told["error"] == "invalid_request"
    assert told["iss"] == party.world.issuer
    return shown(party.world, phone) == []


def test_a_fresh_hint_asks_the_person(party: Party, issuer: LoginDouble, phone: Phone) -> None:
    browser = arrive(party, hint(issuer))
    confirm(browser, phone, party.world)
    tokens = party.redeem(answer_of(browser)["code"]).get_json()
    assert claims_of(tokens["id_token"])["sub"] == "alice"


@pytest.mark.parametrize("number", [0, 1, 2])
def test_hints_in_every_algorithm_of_the_issuer_are_read(
    party: Party, issuer: LoginDouble, phone: Phone, number: int
) -> None:
    arrive(party, hint(issuer, issuer.pairs[number]))
    assert len(shown(party.world, phone)) == 1


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "https://other.example"},
        {"iss": None},
        {"aud": "somebody-else"},
        {"aud": [AUDIENCE, "somebody-else"]},
        {"aud": None},
        {"sub": None},
        {"sub": "s" * 256},
        {"exp": 1},
        {"exp": None},
        {"iat": None},
        {"nbf": 9_999_999_999},
    ],
)
def test_a_hint_that_does_not_hold_asks_nobody(
    party: Party, issuer: LoginDouble, phone: Phone, changed: dict[str, Any]
) -> None:
    assert is_refused(party, phone, arrive(party, hint(issuer, **changed)))


@pytest.mark.parametrize(("age", "taken"), [(600, True), (601, False), (-60, True), (-61, False)])
def test_an_old_hint_asks_nobody(
    party: Party, issuer: LoginDouble, phone: Phone, age: int, *, taken: bool
) -> None:
    """Any relying party that ever got one could ring the phone with it."""
    iat = party.world.clock.now() - age
    arrive(party, hint(issuer, iat=iat, exp=iat + 3600))
    assert len(shown(party.world, phone)) == int(taken)


def test_a_hint_without_a_signature_asks_nobody(
    party: Party, issuer: LoginDouble, phone: Phone
) -> None:
    _, claims, _ = hint(issuer).split(".")
    for header in (
        b'{"alg":"none","kid":"rsa"}',
        b'{"alg":"none"}',
        b'{"alg":"RS256","kid":"rsa"}',
    ):
        assert is_refused(party, phone, arrive(party, f"{b64(header)}.{claims}."))


def test_a_hint_signed_with_the_public_key_as_a_secret_asks_nobody(
    party: Party, issuer: LoginDouble, phone: Phone
) -> None:
    """RFC 8725 section 2.1."""
    _, claims, signature = hint(issuer).split(".")
    header = b64(b'{"alg":"HS256","kid":"rsa","typ":"JWT"}')
    assert is_refused(party, phone, arrive(party, f"{header}.{claims}.{signature}"))


def test_a_hint_of_a_foreign_key_under_a_known_name_asks_nobody(
    party: Party, issuer: LoginDouble, phone: Phone
) -> None:
    assert is_refused(party, phone, arrive(party, hint(issuer, KeyPair("ES256", "ec"))))


def test_a_hint_of_another_kind_of_token_asks_nobody(
    party: Party, issuer: LoginDouble, phone: Phone
) -> None:
    token = issuer.access_token(aud=AUDIENCE)
    assert is_refused(party, phone, arrive(party, token))


def test_an_issuer_is_trusted_in_its_realm_only(
    party: Party, issuer: LoginDouble, phone: Phone
) -> None:
    other = party_of(party.world, "other", realm="staff")
    assert is_refused(other, phone, arrive(other, hint(issuer)))


@pytest.mark.parametrize("path", [METADATA, KEYS])
def test_while_the_issuers_keys_cannot_be_known_nobody_is_asked(
    party: Party, issuer: LoginDouble, phone: Phone, path: str
) -> None:
    issuer.answers[path] = Answer(503)
    browser = arrive(party, hint(issuer))
    assert browser.page.status == 503
    assert shown(party.world, phone) == []


def test_a_hint_and_a_name_at_once_ask_nobody(
    party: Party, issuer: LoginDouble, phone: Phone
) -> None:
    given = party.parameters(id_token_hint=hint(issuer))
    browser = Browser(party.world.app)
    browser.get(f"/oauth2/authorize?{urlencode(given)}")
    assert is_refused(party, phone, browser)


def test_prior_in_a_plain_request_is_refused(
    party: Party, issuer: LoginDouble, phone: Phone
) -> None:
    prior = '{"amr": ["pwd"], "auth_time": 1}'
    assert is_refused(party, phone, arrive(party, hint(issuer), prior=prior))


def test_what_a_hint_says_about_the_password_does_not_count_by_itself(
    party: Party, issuer: LoginDouble, phone: Phone
) -> None:
    browser = arrive(party, hint(issuer), acr_values=AAL2)
    confirm(browser, phone, party.world)
    tokens = party.redeem(answer_of(browser)["code"]).get_json()
    assert claims_of(tokens["id_token"])["acr"] == AAL1


def test_it_counts_where_the_operator_trusts_it(sqlite_url: str, tmp_path: Path) -> None:
    with hinted_world(sqlite_url, tmp_path, prior=True) as (world, issuer):
        party, totp = party_of(world), world.totp()
        browser = arrive(party, hint(issuer), acr_values=AAL2)
        confirm(browser, totp, world)
        told = claims_of(party.redeem(answer_of(browser)["code"]).get_json()["id_token"])
        assert (told["acr"], told["amr"]) == (AAL2, ["mfa", "otp", "pwd"])


@pytest.mark.parametrize("changed", [{"amr": None}, {"amr": "pwd"}, {"auth_time": None}])
def test_what_it_does_not_say_whole_does_not_count(
    sqlite_url: str, tmp_path: Path, changed: dict[str, Any]
) -> None:
    with hinted_world(sqlite_url, tmp_path, prior=True) as (world, issuer):
        party, totp = party_of(world), world.totp()
        browser = arrive(party, hint(issuer, **changed))
        confirm(browser, totp, world)
        told = claims_of(party.redeem(answer_of(browser)["code"]).get_json()["id_token"])
        assert told["amr"] == ["otp"]
