"""Links into self-service: spent once, by a button, in the browser that showed it."""

import logging

import pytest

from mfa_service.web.guard import csrf_token
from tests.support.browsing import Browser
from tests.support.database import everything_in, rows
from tests.support.forging import slug
from tests.support.people import by_link, link
from tests.support.racing import race
from tests.support.world import ISSUER, World


def token_of(address: str) -> str:
    return address.rsplit("/", 1)[1]


def is_signed_in(browser: Browser) -> bool:
    return "What protects your account" in browser.get("/account").text


def test_a_client_gets_a_link_of_256_bits_for_600_seconds(world: World) -> None:
    answer = world.client().post("/v1/account-links", {"sub": "alice"})
    assert (answer.status_code, set(answer.get_json())) == (201, {"url", "expires_at"})
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.get_json()["expires_at"] == world.clock.now() + 600
    start, token = answer.get_json()["url"].rsplit("/", 1)
    assert (start, len(token)) == (f"{ISSUER}/account/link", 43)
    assert token_of(link(world)) != token


def test_it_needs_the_scope_for_enrolling(world: World) -> None:
    asker = world.client("asker", ("mfa:challenge",))
    assert slug(asker.post("/v1/account-links", {"sub": "alice"})) == (403, "forbidden")


@pytest.mark.parametrize("body", [{}, {"sub": ""}, {"sub": "a" * 256}, {"sub": 1}, {"sub": "\n"}])
def test_a_subject_that_does_not_fit_is_422(world: World, body: dict[str, object]) -> None:
    answer = world.client().post("/v1/account-links", body)
    assert slug(answer) == (422, "invalid-request")


def test_the_user_is_made_on_first_use_and_the_link_is_audited(world: World) -> None:
    link(world, "newcomer")
    (user,) = world.client().get("/v1/users?sub=newcomer").get_json()["users"]
    (entry,) = rows(world, "SELECT * FROM audit_event WHERE event = 'account.link'")
    assert (entry["user_id"], entry["client_id"]) == (user["id"], world.client().client_id)


def test_the_secret_is_neither_stored_nor_logged(
    world: World, sqlite_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        address = link(world)
        by_link(world)
        Browser(world.app).get(address)
    assert token_of(address).encode() not in everything_in(sqlite_url)
    logged = [str(vars(record)) for record in caplog.records]
    assert logged
    assert not any(token_of(address) in line for line in logged)


def test_opening_it_spends_nothing(world: World) -> None:
    address, reader = link(world), Browser(world.app)
    for purpose in ("", "prefetch"):
        reader.open(address, Sec_Purpose=purpose)
    reader.open(address, method="HEAD")
    assert "alice" in reader.get(address).text
    assert not is_signed_in(reader)
    person = Browser(world.app)
    person.get(address)
    assert person.submit("").path == "/account"
    assert is_signed_in(person)


def test_it_works_once(world: World) -> None:
    address, first, second = link(world), Browser(world.app), Browser(world.app)
    for browser in (first, second):
        browser.get(address)
    first.submit("")
    late = second.submit("")
    assert (late.status, "This link is over" in late.text) == (404, True)
    assert Browser(world.app).get(address).status == 404
    assert (is_signed_in(first), is_signed_in(second)) == (True, False)


def test_one_of_many_browsers_at_once_gets_in(any_world: World) -> None:
    address = link(any_world)
    browsers = [Browser(any_world.app) for _ in range(4)]
    for browser in browsers:
        browser.get(address)
    race([lambda b=browser: b.submit("") for browser in browsers])  # type: ignore[misc]
    assert sum(is_signed_in(browser) for browser in browsers) == 1
    assert len(rows(any_world, "SELECT id FROM session")) == 1


@pytest.mark.parametrize(("seconds", "works"), [(599, True), (600, False)])
def test_it_works_for_600_seconds(world: World, seconds: int, works: bool) -> None:
    browser = Browser(world.app)
    browser.get(link(world))
    world.clock.advance(seconds)
    browser.submit("")
    assert is_signed_in(browser) is works


def test_a_made_up_link_is_over(world: World) -> None:
    assert Browser(world.app).get(f"/account/link/{'A' * 43}").status == 404


def test_nobody_can_sign_somebody_into_another_account(world: World) -> None:
    """The attacker has a link of their own, and knows all that is in it (login CSRF)."""
    address, victim = link(world, "mallory"), Browser(world.app)
    token = token_of(address)
    for made_up in ("", csrf_token(""), csrf_token(token)):
        assert victim.post(address, {"csrf": made_up}).status_code == 403
    victim.get(address)
    fields = victim.page.form("").fields
    assert victim.post(address, fields, Sec_Fetch_Site="cross-site").status_code == 403
    attacker = Browser(world.app)
    attacker.get(address)
    assert victim.post(address, attacker.page.form("").fields).status_code == 403
    assert not is_signed_in(victim)


def test_the_page_says_whose_account_it_opens(world: World) -> None:
    page = Browser(world.app).get(link(world, "mallory"))
    assert "Account mallory" in page.text
    assert page.response.headers["Referrer-Policy"] == "no-referrer"
    assert page.response.headers["Cache-Control"] == "no-store"


def test_a_planted_cookie_is_not_adopted(world: World) -> None:
    browser = Browser(world.app)
    browser.client.set_cookie("stepup-account", "planted")
    by_link(world, browser=browser)
    assert browser.cookie("stepup-account") != "planted"
    attacker = Browser(world.app)
    attacker.client.set_cookie("stepup-account", "planted")
    assert not is_signed_in(attacker)


def test_a_second_link_ends_the_session_that_the_browser_had(world: World) -> None:
    browser = by_link(world)
    before = browser.cookie("stepup-account")
    by_link(world, "bob", browser)
    assert "Account bob" in browser.get("/account").text
    thief = Browser(world.app)
    thief.client.set_cookie("stepup-account", before or "")
    assert not is_signed_in(thief)


def test_links_of_an_erased_person_are_over(any_world: World) -> None:
    address, browser = link(any_world), Browser(any_world.app)
    browser.get(address)
    (user,) = any_world.client().get("/v1/users?sub=alice").get_json()["users"]
    erased = any_world.client().call("DELETE", f"/v1/users/{user['id']}?reason=left")
    assert erased.status_code == 204
    assert browser.submit("").status == 404
    assert rows(any_world, "SELECT user_id FROM account_link") == []


def test_erasing_and_coming_in_at_once_leaves_nobody_inside(any_world: World) -> None:
    browsers = [Browser(any_world.app) for _ in range(3)]
    for browser in browsers:
        browser.get(link(any_world))
    (user,) = any_world.client().get("/v1/users?sub=alice").get_json()["users"]
    api = any_world.client()
    calls = [lambda b=browser: b.submit("").status for browser in browsers]
    path = f"/v1/users/{user['id']}?reason=left"
    statuses = race([*calls, lambda: api.call("DELETE", path).status_code])
    assert statuses[-1] == 204
    assert set(statuses[:-1]) <= {200, 404}
    assert not any(is_signed_in(browser) for browser in browsers)
