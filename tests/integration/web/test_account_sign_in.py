"""Sign-in to self-service at the login issuer: what it takes, and what it refuses."""

from urllib.parse import parse_qs, urlsplit

import pytest

from tests.support.browsing import Browser
from tests.support.database import rows
from tests.support.people import LOGIN, WatchedLogin, by_link, by_login, finish_login
from tests.support.world import ISSUER, World, close, make_world


def begin(world: World) -> Browser:
    browser = Browser(world.app)
    browser.open("/account/sign-in")
    return browser


def is_in(browser: Browser) -> bool:
    return "What protects your account" in browser.get("/account").text


def refused(browser: Browser) -> bool:
    said = (browser.page.status, "You are not signed in" in browser.page.text)
    return said == (403, True) and not is_in(browser)


def test_the_button_leads_to_the_login_issuer(people: World, login: WatchedLogin) -> None:
    browser = Browser(people.app)
    assert "/account/sign-in" in browser.get("/account").links
    location = urlsplit(browser.open("/account/sign-in").headers["Location"])
    assert f"{location.scheme}://{location.netloc}" == "https://login.example"
    (asked,) = login.asked
    assert asked["redirect_uri"] == f"{ISSUER}/account/signed-in"
    assert parse_qs(location.query)["state"] == [asked["state"]]
    secrets = {asked["state"], asked["nonce"], asked["verifier"]}
    assert {len(secret) for secret in secrets} == {43}
    assert len(secrets) == 3


def test_what_is_kept_meanwhile_is_sealed_and_short_lived(
    people: World, login: WatchedLogin
) -> None:
    given = Browser(people.app).open("/account/sign-in").headers["Set-Cookie"]
    for flag in ("HttpOnly", "SameSite=Lax", "Max-Age=600"):
        assert flag in given
    assert not any(secret in given for secret in login.asked[0].values())


def test_who_comes_back_is_signed_in(people: World, login: WatchedLogin) -> None:
    browser = by_login(people, login, "alice")
    assert "Account alice" in browser.page.text
    assert not browser.cookie("stepup-sign-in")
    (session,) = rows(people, "SELECT * FROM session")
    assert session["began_by"] == "login"


def test_two_people_side_by_side_see_their_own(people: World, login: WatchedLogin) -> None:
    alice, bob = by_login(people, login, "alice"), by_login(people, login, "bob")
    people.totp("alice", label="Blue app")
    assert "Blue app" in alice.get("/account").text
    assert "Blue app" not in bob.get("/account").text
    assert "Account bob" in bob.page.text


def test_without_a_login_issuer_the_page_says_how_to_come_in(world: World) -> None:
    browser = Browser(world.app)
    page = browser.get("/account")
    assert "You come in here by a personal link." in page.text
    assert "/account/sign-in" not in page.links
    assert browser.get("/account/sign-in").status == 404
    assert browser.get("/account/signed-in?code=c&state=s").status == 404


def test_nobody_is_signed_in_by_somebody_elses_answer(people: World, login: WatchedLogin) -> None:
    """The attacker signs in as themselves and sends the victim their own answer (login CSRF)."""
    begin(people)
    login.codes["code"] = "mallory"
    victim = Browser(people.app)
    finish_login(victim, login)
    assert refused(victim)
    victim.open("/account/sign-in")  # even while the victim's own sign-in runs
    finish_login(victim, login, state=login.asked[0]["state"])
    assert refused(victim)


def test_an_answer_works_once(people: World, login: WatchedLogin) -> None:
    browser = begin(people)
    kept = browser.cookie("stepup-sign-in") or ""
    login.codes["code"] = "alice"
    finish_login(browser, login)
    assert is_in(browser)
    thief = Browser(people.app)
    thief.client.set_cookie("stepup-sign-in", kept)
    login.codes["code"] = "alice"  # an issuer that redeems a code twice
    finish_login(thief, login)
    assert refused(thief)


def test_an_answer_of_another_issuer_is_refused_and_its_code_never_shown(
    people: World, login: WatchedLogin
) -> None:
    browser = begin(people)
    login.codes["code"] = "alice"
    finish_login(browser, login, iss="https://evil.example")
    assert refused(browser)
    assert "code" in login.codes


def test_an_issuer_that_does_not_name_itself_is_believed(
    people: World, login: WatchedLogin
) -> None:
    browser = begin(people)
    login.codes["code"] = "alice"
    finish_login(browser, login, iss="")
    assert is_in(browser)


@pytest.mark.parametrize(("seconds", "works"), [(599, True), (600, False)])
def test_a_sign_in_takes_at_most_600_seconds(
    people: World, login: WatchedLogin, seconds: int, works: bool
) -> None:
    browser = begin(people)
    login.codes["code"] = "alice"
    people.clock.advance(seconds)
    finish_login(browser, login)
    assert is_in(browser) is works


@pytest.mark.parametrize(
    "changed",
    [
        {"state": "x"},
        {"state": ""},
        {"code": ""},
        {"code": "unknown"},
        {"code": "", "error": "access_denied"},
    ],
    ids=str,
)
def test_an_answer_that_does_not_fit_signs_nobody_in(
    people: World, login: WatchedLogin, changed: dict[str, str]
) -> None:
    browser = begin(people)
    login.codes["code"] = "alice"
    finish_login(browser, login, **changed)
    assert refused(browser)


@pytest.mark.parametrize("kept", ["", "x", "!", "AA", "é"])
def test_a_made_up_cookie_signs_nobody_in(people: World, login: WatchedLogin, kept: str) -> None:
    begin(people)
    login.codes["code"] = "alice"
    browser = Browser(people.app)
    browser.client.set_cookie("stepup-sign-in", kept)
    finish_login(browser, login)
    assert refused(browser)


def test_a_refused_answer_ends_the_sign_in_but_not_a_session(
    people: World, login: WatchedLogin
) -> None:
    browser = by_link(people)
    browser.open("/account/sign-in")
    finish_login(browser, login, state="x")
    assert not browser.cookie("stepup-sign-in")
    assert is_in(browser)


def test_no_parameter_leads_elsewhere(people: World, login: WatchedLogin) -> None:
    browser = begin(people)
    login.codes["code"] = "alice"
    away = {"next": "https://evil.example", "redirect_uri": "//evil.example"}
    assert finish_login(browser, login, **away).path == "/account"
    assert browser.get("/account?next=https://evil.example").path == "/account"


def test_only_a_navigation_finishes_it(people: World, login: WatchedLogin) -> None:
    browser = begin(people)
    login.codes["code"] = "alice"
    path = f"/account/signed-in?code=code&state={login.asked[0]['state']}&iss={LOGIN}"
    prefetched = browser.open(path, Sec_Purpose="prefetch")
    assert (prefetched.status_code, "code" in login.codes) == (403, True)
    assert not is_in(browser)


def test_a_parameter_given_twice_is_refused(people: World, login: WatchedLogin) -> None:
    browser = begin(people)
    path = f"/account/signed-in?code=a&code=b&state={login.asked[0]['state']}"
    assert browser.get(path).status == 422


def test_an_issuer_that_does_not_answer_is_said(people: World, login: WatchedLogin) -> None:
    browser = begin(people)
    login.down = True
    assert finish_login(browser, login).status == 503
    page = Browser(people.app).get("/account/sign-in")
    assert (page.status, "We are not available right now" in page.text) == (503, True)


def test_people_are_of_the_realm_of_their_issuer(sqlite_url: str, login: WatchedLogin) -> None:
    settings = {"MFA_LOGIN_ISSUER": LOGIN, "MFA_LOGIN_CLIENT_ID": "c", "MFA_LOGIN_REALM": "staff"}
    world = make_world(sqlite_url, login, **settings)
    world.totp("alice", label="Of the default realm")
    browser = by_login(world, login, "alice")
    assert "Of the default realm" not in browser.page.text
    assert [row["realm"] for row in rows(world, 'SELECT realm FROM "user" ORDER BY realm')] == [
        "default",
        "staff",
    ]
    close(world)
