"""An exchange with Microsoft Entra, judged by every rule of its reference."""

import pytest

from tests.support.browsing import Browser
from tests.support.entra import PERSON, EntraDouble, answer_of, arrive
from tests.support.people import answer, confirm
from tests.support.phone import PinKey, claims_of
from tests.support.world import World


def passed(browser: Browser, entra: EntraDouble, world: World) -> dict[str, object]:
    """Return the claims of an answer that Entra takes."""
    fields = answer_of(browser, entra)
    assert entra.faults(fields, world) == []
    return claims_of(fields["id_token"])


def test_a_phone_is_a_software_key(asked: World, entra: EntraDouble, browser: Browser) -> None:
    phone = asked.phone(PERSON, pin=PinKey())
    arrive(browser, entra)
    confirm(browser, phone, asked)
    told = passed(browser, entra, asked)
    assert (told["acr"], told["amr"]) == ("possessionorinherence", ["swk"])


def test_an_app_is_a_one_time_password(asked: World, entra: EntraDouble, browser: Browser) -> None:
    totp = asked.totp(PERSON)
    arrive(browser, entra)
    confirm(browser, totp, asked)
    assert passed(browser, entra, asked)["amr"] == ["otp"]


@pytest.mark.parametrize(
    "acr",
    [
        "possession",
        "knowledgeorpossession",
        "possessionorinherence",
        "knowledgeorpossessionorinherence",
    ],
)
def test_every_kind_that_something_one_has_satisfies(
    asked: World, entra: EntraDouble, browser: Browser, acr: str
) -> None:
    totp = asked.totp(PERSON)
    arrive(browser, entra, entra.request(acr=("inherence", acr)))
    confirm(browser, totp, asked)
    assert passed(browser, entra, asked)["acr"] == acr


def test_without_a_wish_for_methods_any_that_counts_is_taken(
    asked: World, entra: EntraDouble, browser: Browser
) -> None:
    totp = asked.totp(PERSON)
    arrive(browser, entra, entra.request(amr=None))
    confirm(browser, totp, asked)
    assert passed(browser, entra, asked)["amr"] == ["otp"]


def test_only_what_can_answer_is_offered(
    asked: World, entra: EntraDouble, browser: Browser
) -> None:
    phone = asked.phone(PERSON, pin=PinKey())
    step_up = asked.step_up(phone, PERSON)
    asked.totp(PERSON, challenge_id=step_up)
    codes = asked.step_up(phone, PERSON)
    asked.recovery_codes(PERSON, challenge_id=codes)
    page = arrive(browser, entra, entra.request(amr=("otp", "sms")))
    assert page.status == 200
    assert "?method=push" not in page.response.text
    assert "?method=recovery_code" not in page.response.text


@pytest.mark.parametrize("acr", [("knowledge",), ("inherence",), ("knowledgeorinherence",), ()])
def test_what_nothing_of_ours_is_is_denied(
    asked: World, entra: EntraDouble, browser: Browser, acr: tuple[str, ...]
) -> None:
    asked.totp(PERSON)
    arrive(browser, entra, entra.request(acr=acr))
    assert entra.faults(answer_of(browser, entra), asked) == ["access_denied"]


def test_methods_that_nothing_of_ours_is_are_denied(
    asked: World, entra: EntraDouble, browser: Browser
) -> None:
    asked.totp(PERSON)
    arrive(browser, entra, entra.request(amr=("face", "sms")))
    assert entra.faults(answer_of(browser, entra), asked) == ["access_denied"]


def test_recovery_codes_do_not_count(asked: World, entra: EntraDouble, browser: Browser) -> None:
    asked.recovery_codes(PERSON)
    arrive(browser, entra)
    assert entra.faults(answer_of(browser, entra), asked) == ["access_denied"]


def test_who_has_only_another_kind_than_asked_is_denied_before_anything_is_asked(
    asked: World, entra: EntraDouble, browser: Browser
) -> None:
    asked.totp(PERSON)
    arrive(browser, entra, entra.request(amr=("fido",)))
    assert entra.faults(answer_of(browser, entra), asked) == ["access_denied"]


def test_a_software_key_does_not_answer_for_a_hardware_key(
    asked: World, entra: EntraDouble, browser: Browser
) -> None:
    phone = asked.phone(PERSON, pin=PinKey())
    arrive(browser, entra, entra.request(amr=("hwk",)))
    confirm(browser, phone, asked)
    assert entra.faults(answer_of(browser, entra), asked) == ["access_denied"]


def test_a_no_is_access_denied(asked: World, entra: EntraDouble, browser: Browser) -> None:
    phone = asked.phone(PERSON)
    arrive(browser, entra)
    path = browser.page.path
    opened = asked.fetch(phone, path.rsplit("/", 1)[1])
    asked.send(phone, opened["challenge_id"], phone.answer(opened, "deny"))
    browser.get(path)
    browser.get(next(link for link in browser.page.links if "return_code=" in link))
    assert entra.faults(answer_of(browser, entra), asked) == ["access_denied"]


def test_the_answer_is_for_this_browser(asked: World, entra: EntraDouble, browser: Browser) -> None:
    """Somebody else who approves for this browser signs nobody in elsewhere."""
    totp = asked.totp(PERSON)
    arrive(browser, entra)
    other = Browser(asked.app)
    assert other.get(browser.page.path).status == 410
    answer(browser, totp, asked)
    link = next(link for link in browser.page.links if "return_code=" in link)
    code = link.rpartition("return_code=")[2]
    assert other.get(link.replace(code, "x" * len(code))).status == 404


def test_a_browser_that_comes_back_within_a_minute_gets_its_answer_again(
    asked: World, entra: EntraDouble, browser: Browser
) -> None:
    totp = asked.totp(PERSON)
    arrive(browser, entra)
    answer(browser, totp, asked)
    link = next(link for link in browser.page.links if "return_code=" in link)
    for _ in range(2):
        browser.get(link)
        passed(browser, entra, asked)
    asked.clock.advance(60)
    assert browser.get(link).status == 410


def test_entras_client_gets_no_codes(asked: World, entra: EntraDouble, browser: Browser) -> None:
    asked.totp(PERSON)
    arrive(browser, entra, entra.request(response_type="code"))
    assert entra.faults(answer_of(browser, entra), asked) == ["unsupported_response_type"]


def test_no_other_client_gets_id_tokens_from_the_front_channel(
    asked: World, entra: EntraDouble, browser: Browser
) -> None:
    other = asked.client("other", ("mfa:challenge",), redirect_uris=(entra.redirect_uri,))
    asked.totp(PERSON)
    page = arrive(browser, entra, entra.request(client_id=other.client_id))
    assert page.form("externalauthprovider").fields["error"] == "unsupported_response_type"


def test_discovery_tells_of_id_tokens_only_where_entra_asks(asked: World, world: World) -> None:
    for each, expected in ((asked, ["code", "id_token"]), (world, ["code"])):
        found = each.app.test_client().get("/.well-known/openid-configuration").get_json()
        assert found["response_types_supported"] == expected
        assert found["claim_types_supported"] == ["normal"]
        assert "openid" in found["scopes_supported"]
