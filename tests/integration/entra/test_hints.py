"""Entra's hint is what makes a request authentic: everything else asks nobody."""

from typing import Any

import pytest

from tests.support.browsing import Browser
from tests.support.ciba import shown
from tests.support.clients import KeyPair
from tests.support.entra import (
    APPLICATION,
    KEYS,
    METADATA,
    OTHER_TENANT,
    PERSON,
    EntraDouble,
    answer_of,
    arrive,
)
from tests.support.login_issuer import Answer
from tests.support.phone import Phone, b64
from tests.support.world import World


@pytest.fixture
def phone(asked: World) -> Phone:
    return asked.phone(PERSON)


def nobody_was_asked(world: World, phone: Phone) -> bool:
    return shown(world, phone) == []


@pytest.mark.parametrize(
    "changed",
    [
        {"tid": OTHER_TENANT},
        {"iss": None},
        {"aud": "bbbbbbbb-bbbb-cccc-dddd-eeeeeeeeeeee"},
        {"aud": [APPLICATION, "x"]},
        {"aud": None},
        {"tid": None},
        {"oid": None},
        {"sub": None},
        {"sub": "s" * 300},
        {"iat": None},
        {"iat": 1},
    ],
)
def test_a_hint_that_does_not_hold_asks_nobody(
    asked: World, entra: EntraDouble, browser: Browser, phone: Phone, changed: dict[str, Any]
) -> None:
    arrive(browser, entra, entra.request(id_token_hint=entra.hint(**changed)))
    assert entra.faults(answer_of(browser, entra), asked) == ["invalid_request"]
    assert nobody_was_asked(asked, phone)


@pytest.mark.parametrize(("age", "taken"), [(599, True), (600, True), (601, False), (-61, False)])
def test_the_age_of_a_hint_counts_and_not_its_end(
    asked: World, entra: EntraDouble, browser: Browser, phone: Phone, age: int, *, taken: bool
) -> None:
    iat = asked.clock.now() - age
    arrive(browser, entra, entra.request(id_token_hint=entra.hint(iat=iat, exp=iat + 1)))
    assert nobody_was_asked(asked, phone) is not taken


def test_another_tenant_of_the_same_cloud_asks_nobody(
    asked: World, entra: EntraDouble, browser: Browser, phone: Phone
) -> None:
    """Its hints are signed by the very same keys."""
    hint = entra.hint(tid=OTHER_TENANT, iss=entra.issuer(OTHER_TENANT))
    arrive(browser, entra, entra.request(id_token_hint=hint))
    assert entra.faults(answer_of(browser, entra), asked) == ["invalid_request"]
    assert nobody_was_asked(asked, phone)


def test_a_hint_about_another_object_is_about_somebody_else(
    asked: World, entra: EntraDouble, browser: Browser, phone: Phone
) -> None:
    hint = entra.hint(oid="00000000-0000-0000-0000-0000000000b0")
    page = arrive(browser, entra, entra.request(id_token_hint=hint))
    assert nobody_was_asked(asked, phone)
    assert page.path == "/account"


@pytest.mark.parametrize("token", ["", "a.b", "a.b.c"])
def test_without_a_hint_nobody_is_asked(
    asked: World, entra: EntraDouble, browser: Browser, phone: Phone, token: str
) -> None:
    arrive(browser, entra, entra.request(id_token_hint=token))
    assert entra.faults(answer_of(browser, entra), asked) == ["invalid_request"]
    assert nobody_was_asked(asked, phone)


def test_a_hint_without_a_signature_asks_nobody(
    asked: World, entra: EntraDouble, browser: Browser, phone: Phone
) -> None:
    _, claims, _ = entra.hint().split(".")
    header = b64(b'{"alg":"none","kid":"entra","typ":"JWT"}')
    unsigned = f"{header}.{claims}."
    arrive(browser, entra, entra.request(id_token_hint=unsigned))
    assert entra.faults(answer_of(browser, entra), asked) == ["invalid_request"]
    assert nobody_was_asked(asked, phone)


@pytest.mark.parametrize("kid", ["entra", "unknown"])
def test_a_hint_of_another_key_asks_nobody(
    asked: World, entra: EntraDouble, browser: Browser, phone: Phone, kid: str
) -> None:
    forged = entra.hint(KeyPair("ES256", kid))
    arrive(browser, entra, entra.request(id_token_hint=forged))
    assert entra.faults(answer_of(browser, entra), asked) == ["invalid_request"]
    assert nobody_was_asked(asked, phone)


def test_an_address_of_another_cloud_gets_no_answer(
    asked: World, entra: EntraDouble, browser: Browser, phone: Phone
) -> None:
    elsewhere = "https://login.microsoftonline.com/common/federation/externalauthprovider"
    page = arrive(browser, entra, entra.request(redirect_uri=elsewhere))
    assert page.status == 400
    assert page.forms == []
    assert nobody_was_asked(asked, phone)


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"response_mode": "query"}, "invalid_request"),
        ({"response_mode": ""}, "invalid_request"),
        ({"nonce": ""}, "invalid_request"),
        ({"nonce": "n" * 300}, "invalid_request"),
        ({"scope": "profile"}, "invalid_scope"),
        ({"claims": "no JSON"}, "invalid_request"),
        ({"claims": ""}, "access_denied"),
    ],
)
def test_a_request_that_is_not_as_the_reference_has_it_asks_nobody(
    asked: World,
    entra: EntraDouble,
    browser: Browser,
    phone: Phone,
    changed: dict[str, Any],
    error: str,
) -> None:
    arrive(browser, entra, entra.request(**changed))
    assert entra.faults(answer_of(browser, entra), asked) == [error]
    assert nobody_was_asked(asked, phone)


@pytest.mark.parametrize("path", [METADATA, KEYS])
def test_while_entras_keys_cannot_be_known_nobody_is_asked(
    asked: World, entra: EntraDouble, browser: Browser, phone: Phone, path: str
) -> None:
    entra.answers[path] = Answer(503)
    page = arrive(browser, entra)
    assert page.status == 503
    assert nobody_was_asked(asked, phone)


def test_metadata_of_another_issuer_are_not_believed(
    asked: World, entra: EntraDouble, browser: Browser, phone: Phone
) -> None:
    keys = f"{entra.authority}{KEYS}"
    entra.answers[METADATA] = Answer(body={"issuer": entra.authority, "jwks_uri": keys})
    assert arrive(browser, entra).status == 503
    assert nobody_was_asked(asked, phone)


def test_a_new_key_of_entra_is_known_once_it_signs(
    asked: World, entra: EntraDouble, browser: Browser, phone: Phone
) -> None:
    arrive(browser, entra)
    asked.clock.advance(10)
    entra.pair = KeyPair("ES256", "new")
    arrive(browser, entra)
    assert len(shown(asked, phone)) == 2


def test_a_client_without_the_scope_asks_nobody(
    asked: World, entra: EntraDouble, browser: Browser, phone: Phone
) -> None:
    asked.services.clients.disable(entra.client_id)
    assert arrive(browser, entra).status == 400
    assert nobody_was_asked(asked, phone)
