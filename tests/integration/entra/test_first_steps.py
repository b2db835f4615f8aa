"""Somebody who has nothing yet adds the first one on the way, and can do nothing else."""

import pytest

from mfa_service.persistence.models import Challenge
from tests.integration.races.rows import column
from tests.support.browsing import Browser
from tests.support.entra import PERSON, EntraDouble, answer_of, arrive
from tests.support.people import begun_phone, confirm, listed
from tests.support.racing import race
from tests.support.world import Totp, World

COOKIE = "stepup-account"


def added_totp(browser: Browser, world: World) -> Totp:
    """Add an app on the pages, and go on."""
    browser.get("/account/add/totp")
    browser.submit("/account/add/totp")
    (address,) = [known for known in browser.page.links if known.startswith("otpauth:")]
    secret = address.partition("secret=")[2].partition("&")[0]
    totp = Totp.of_secret(world, secret)
    browser.submit("/confirm", code=totp.code())
    return totp


def test_an_app_is_added_and_answers_in_the_same_visit(
    asked: World, entra: EntraDouble, browser: Browser
) -> None:
    page = arrive(browser, entra)
    assert page.path == "/account"
    assert {link for link in page.links if "/account/add/" in link} == {
        "/account/add/webauthn",
        "/account/add/phone",
        "/account/add/totp",
    }
    totp = added_totp(browser, asked)
    assert browser.page.path.startswith("/challenge/")
    confirm(browser, totp, asked)
    assert entra.faults(answer_of(browser, entra), asked) == []
    assert browser.cookie(COOKIE) is None


def test_a_phone_is_added_and_answers_in_the_same_visit(
    asked: World, entra: EntraDouble, browser: Browser
) -> None:
    arrive(browser, entra)
    browser.get("/account/add/phone")
    browser.submit("/account/add/phone")
    phone, check_code = begun_phone(browser, asked)
    browser.get(browser.page.path)
    browser.submit("/confirm", code=check_code)
    confirm(browser, phone, asked)
    assert entra.faults(answer_of(browser, entra), asked) == []


def test_only_what_can_answer_is_offered_and_added(entra: EntraDouble, browser: Browser) -> None:
    page = arrive(browser, entra, entra.request(amr=("otp",)))
    assert [link for link in page.links if "/account/add/" in link] == ["/account/add/totp"]
    for kind in ("webauthn", "phone", "recovery_codes"):
        assert browser.get(f"/account/add/{kind}").status == 404


def test_not_now_is_access_denied(asked: World, entra: EntraDouble, browser: Browser) -> None:
    arrive(browser, entra)
    browser.submit("/account/give-up")
    assert entra.faults(answer_of(browser, entra), asked) == ["access_denied"]
    assert browser.cookie(COOKIE) is None
    assert listed(asked, PERSON) == []


@pytest.mark.parametrize("path", ["/account/activity", "/account/sessions", "/account/return"])
def test_an_errand_opens_nothing_else(entra: EntraDouble, browser: Browser, path: str) -> None:
    arrive(browser, entra)
    assert browser.open(path).headers["Location"].endswith("/account")


def test_an_errand_ends_with_its_first_authenticator(
    asked: World, entra: EntraDouble, browser: Browser
) -> None:
    arrive(browser, entra)
    cookie = browser.cookie(COOKIE)
    added_totp(browser, asked)
    browser.client.set_cookie(COOKIE, cookie or "", domain="localhost")
    assert browser.get("/account/add/phone").path == "/account"
    assert "/account/add/" not in browser.page.response.text


def test_a_second_browser_cannot_add_another_one_meanwhile(
    asked: World, entra: EntraDouble, browser: Browser
) -> None:
    """Whoever is first is bound; the second one has to answer with it, or is turned away."""
    other = Browser(asked.app)
    arrive(browser, entra)
    arrive(other, entra)
    other.get("/account/add/phone")
    other.submit("/account/add/phone")
    phone, check_code = begun_phone(other, asked)
    other.get(other.page.path)
    added_totp(browser, asked)
    other.submit("/confirm", code=check_code)
    assert other.page.status == 403
    assert [each["type"] for each in listed(asked, PERSON)] == ["totp"]
    assert phone.device_id not in {each["id"] for each in listed(asked, PERSON)}


def test_an_errand_is_over_after_ten_minutes(
    asked: World, entra: EntraDouble, browser: Browser
) -> None:
    arrive(browser, entra)
    asked.clock.advance(600)
    assert "/account/add/" not in browser.get("/account").response.text
    assert browser.open("/account/add/totp").headers["Location"].endswith("/account")


def test_somebody_whose_way_is_suspended_is_not_new(
    asked: World, entra: EntraDouble, browser: Browser
) -> None:
    totp = asked.totp(PERSON)
    asked.client().call("PATCH", f"/v1/authenticators/{totp.id}", {"state": "suspended"})
    arrive(browser, entra)
    assert entra.faults(answer_of(browser, entra), asked) == ["access_denied"]


def test_somebody_who_has_something_that_does_not_count_is_not_new(
    asked: World, entra: EntraDouble, browser: Browser
) -> None:
    asked.recovery_codes(PERSON)
    arrive(browser, entra)
    assert entra.faults(answer_of(browser, entra), asked) == ["access_denied"]


def test_the_challenge_of_an_errand_is_opened_once(
    asked: World, entra: EntraDouble, browser: Browser
) -> None:
    arrive(browser, entra)
    cookie = browser.cookie(COOKIE)
    browser.get("/account/add/totp")
    browser.submit("/account/add/totp")
    (address,) = [known for known in browser.page.links if known.startswith("otpauth:")]
    totp = Totp.of_secret(asked, address.partition("secret=")[2].partition("&")[0])
    form = browser.page.form("/confirm")
    response = browser.post(form.action, {**form.fields, "code": totp.code()})
    assert response.headers["Location"].endswith("/account")
    first = browser.open("/account")
    assert "/challenge/" in first.headers["Location"]
    browser.client.set_cookie(COOKIE, cookie or "", domain="localhost")
    assert browser.get("/account").path == "/account"
    assert browser.page.status == 200


def test_a_script_or_a_prefetch_opens_no_challenge(
    asked: World, entra: EntraDouble, browser: Browser
) -> None:
    arrive(browser, entra)
    browser.get("/account/add/totp")
    browser.submit("/account/add/totp")
    (address,) = [known for known in browser.page.links if known.startswith("otpauth:")]
    totp = Totp.of_secret(asked, address.partition("secret=")[2].partition("&")[0])
    form = browser.page.form("/confirm")
    browser.post(form.action, {**form.fields, "code": totp.code()})
    assert browser.open("/account", Sec_Purpose="prefetch").status_code == 403
    assert browser.get("/account").path.startswith("/challenge/")


def test_the_page_says_whose_account_it_is(
    asked: World, entra: EntraDouble, browser: Browser
) -> None:
    """Somebody whom another person's hint was slipped sees it before they add anything."""
    assert "alice@contoso.example" in arrive(browser, entra).text
    other = Browser(asked.app)
    for name in ("\u202ebob", 7, "", None, "x" * 300, "a\nb"):
        fields = entra.request(id_token_hint=entra.hint(preferred_username=name))
        assert "Account" not in arrive(other, entra, fields).text


def test_going_on_twice_at_once_opens_one_challenge(
    asked: World, entra: EntraDouble, browser: Browser
) -> None:
    arrive(browser, entra)
    browser.get("/account/add/totp")
    browser.submit("/account/add/totp")
    (address,) = [known for known in browser.page.links if known.startswith("otpauth:")]
    totp = Totp.of_secret(asked, address.partition("secret=")[2].partition("&")[0])
    form = browser.page.form("/confirm")
    browser.post(form.action, {**form.fields, "code": totp.code()})
    cookie = browser.cookie(COOKIE) or ""

    def go_on() -> int:
        other = Browser(asked.app)
        other.client.set_cookie(COOKIE, cookie, domain="localhost")
        return other.open("/account").status_code

    statuses = race([go_on] * 6)
    assert statuses.count(303) == 1
    assert set(statuses) <= {200, 303, 404}
    assert len(column(asked, Challenge.id)) == 1
