"""Sessions of self-service: their cookie, their end, and who may end them (S 3.9, S 9.2)."""

import hashlib

import pytest

from mfa_service.web.guard import csrf_token
from tests.support.browsing import Browser
from tests.support.database import rows
from tests.support.people import WatchedLogin, by_link, by_login, link
from tests.support.world import World, close, make_world

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0) Version/18.0 Mobile/15E148 Safari/604.1"
POSTS = [
    "/account/sign-out",
    "/account/sessions/end-others",
    "/account/sessions/ses_x/end",
    "/account/add/totp",
    "/account/authenticators/aut_x/rename",
    "/account/authenticators/aut_x/suspend",
    "/account/authenticators/aut_x/reactivate",
    "/account/authenticators/aut_x/remove",
    "/account/enrollments/enr_x/confirm",
    "/account/enrollments/enr_x/cancel",
    "/account/activity/chl_x/not-me",
]
PAGES = [
    "/account/sessions",
    "/account/add/totp",
    "/account/activity",
    "/account/activity/chl_x",
    "/account/activity/chl_x/not-me",
    "/account/authenticators/aut_x",
    "/account/enrollments/enr_x",
    "/account/return?challenge_id=chl_x&state=s&return_code=c",
]


def is_in(browser: Browser) -> bool:
    return browser.get("/account/sessions").path == "/account/sessions"


def id_of(world: World, browser: Browser) -> str:
    hashed = hashlib.sha256((browser.cookie("stepup-account") or "").encode()).hexdigest()
    (row,) = rows(world, "SELECT id FROM session WHERE token_hash = :hashed", hashed=hashed)
    return str(row["id"])


def test_the_cookie_is_random_and_only_its_hash_is_stored(world: World) -> None:
    cookies = {by_link(world).cookie("stepup-account") or "" for _ in range(3)}
    assert {len(cookie) for cookie in cookies} == {43}
    stored = {row["token_hash"] for row in rows(world, "SELECT token_hash FROM session")}
    assert stored == {hashlib.sha256(cookie.encode()).hexdigest() for cookie in cookies}


@pytest.mark.parametrize(
    ("issuer", "name", "flags"),
    [
        ("http://localhost:8000", "stepup-account", {"HttpOnly", "Path=/", "SameSite=Lax"}),
        (
            "https://mfa.example.org",
            "__Host-stepup-account",
            {"HttpOnly", "Path=/", "SameSite=Lax", "Secure"},
        ),
    ],
)
def test_the_cookie_is_for_this_host_and_out_of_reach_of_scripts(
    sqlite_url: str, issuer: str, name: str, flags: set[str]
) -> None:
    world = make_world(sqlite_url, MFA_ISSUER=issuer)
    browser = Browser(world.app, issuer)
    browser.get(link(world))
    form = browser.page.form("")
    given = browser.post(form.action, form.fields).headers.getlist("Set-Cookie")
    (session,) = [cookie for cookie in given if cookie.startswith(f"{name}=")]
    assert set(session.split("; ")[1:]) == flags
    close(world)


@pytest.mark.parametrize(("seconds", "alive"), [(899, True), (900, False)])
def test_without_use_it_ends_after_900_seconds(world: World, seconds: int, alive: bool) -> None:
    browser = by_link(world)
    world.clock.advance(seconds)
    assert is_in(browser) is alive


def test_with_use_it_ends_after_3600_seconds(world: World) -> None:
    browser = by_link(world)
    for _ in range(5):
        world.clock.advance(719)
        assert is_in(browser)
    world.clock.advance(5)
    assert not is_in(browser)


def test_what_a_page_asks_in_the_background_is_no_use(world: World) -> None:
    browser = by_link(world)
    browser.get("/account/add/phone")
    started = browser.submit("/account/add/phone").path
    for _ in range(3):
        world.clock.advance(290)
        assert browser.script(f"{started}/state").status_code == 200
    world.clock.advance(40)
    refused = browser.script(f"{started}/state")
    assert (refused.status_code, refused.mimetype) == (401, "application/problem+json")
    assert not is_in(browser)


def test_signing_out_ends_it_on_the_server(world: World) -> None:
    browser = by_link(world)
    cookie = browser.cookie("stepup-account") or ""
    assert browser.submit("/sign-out").path == "/account"
    assert not browser.cookie("stepup-account")
    thief = Browser(world.app)
    thief.client.set_cookie("stepup-account", cookie)
    assert not is_in(thief)


def test_each_sign_in_gives_another_cookie(people: World, login: WatchedLogin) -> None:
    browser = by_login(people, login)
    before = browser.cookie("stepup-account")
    by_link(people, browser=browser)
    assert browser.cookie("stepup-account") != before
    assert len(rows(people, "SELECT id FROM session")) == 1


def test_a_person_sees_where_they_are_signed_in(people: World, login: WatchedLogin) -> None:
    browser = by_login(people, login)
    by_link(people, browser=Browser(people.app, User_Agent=IPHONE))
    page = browser.get("/account/sessions")
    for said in ("Firefox on Linux", "Safari on iPhone", "This browser", "Came by a link"):
        assert said in page.text
    assert page.text.count("Firefox on Linux") == 1


def test_what_a_browser_calls_itself_is_only_text(world: World) -> None:
    for agent in ("<script>alert(1)</script>", "\u202eevil", "x" * 5000):
        by_link(world, browser=Browser(world.app, User_Agent=agent.encode().decode("latin-1")))
    page = by_link(world).get("/account/sessions")
    assert page.text.count("Unknown browser") == 3
    assert "alert(1)" not in page.response.text
    stored = rows(world, "SELECT user_agent FROM session")
    assert max(len(row["user_agent"]) for row in stored) == 256


def test_a_person_ends_another_session_of_theirs(world: World) -> None:
    mine, other, third = by_link(world), by_link(world), by_link(world)
    mine.get("/account/sessions")
    mine.submit(f"/{id_of(world, other)}/end")
    assert [is_in(browser) for browser in (mine, other, third)] == [True, False, True]


def test_ending_the_own_session_in_the_list_signs_out(world: World) -> None:
    mine, other = by_link(world), by_link(world)
    mine.get("/account/sessions")
    assert mine.submit(f"/{id_of(world, mine)}/end").path == "/account"
    assert [is_in(browser) for browser in (mine, other)] == [False, True]


def test_a_person_ends_all_others_at_once(world: World) -> None:
    mine, others = by_link(world), [by_link(world) for _ in range(3)]
    stranger = by_link(world, "bob")
    mine.get("/account/sessions")
    page = mine.submit("/end-others")
    assert "You are signed out everywhere else." in page.text
    assert [is_in(browser) for browser in others] == [False] * 3
    assert (is_in(mine), is_in(stranger)) == (True, True)


def test_nobody_ends_the_session_of_somebody_else(world: World) -> None:
    alice, mallory = by_link(world), by_link(world, "mallory")
    token = mallory.get("/account/sessions").form("/sign-out").fields
    mallory.post(f"/account/sessions/{id_of(world, alice)}/end", token)
    assert (is_in(alice), is_in(mallory)) == (True, True)


@pytest.mark.parametrize("path", POSTS)
def test_a_form_from_elsewhere_does_nothing(world: World, path: str) -> None:
    browser = by_link(world)
    fields = browser.get("/account").form("/sign-out").fields
    assert browser.post(path, {}).status_code == 403
    assert browser.post(path, {"csrf": "x"}).status_code == 403
    assert browser.post(path, fields, Sec_Fetch_Site="cross-site").status_code == 403
    assert browser.post(path, fields, Origin="https://evil.example").status_code == 403
    other = by_link(world, "mallory").get("/account").form("/sign-out").fields
    assert browser.post(path, other).status_code == 403
    assert is_in(browser)


@pytest.mark.parametrize("path", PAGES)
def test_without_a_session_a_page_leads_to_the_sign_in(world: World, path: str) -> None:
    answer = Browser(world.app).open(path)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/account")


@pytest.mark.parametrize("path", POSTS)
def test_without_a_session_a_form_does_nothing(world: World, path: str) -> None:
    answer = Browser(world.app).post(path, {"csrf": csrf_token("")})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/account")


def test_an_erased_person_is_signed_out_everywhere(any_world: World) -> None:
    browsers = [by_link(any_world), by_link(any_world)]
    browsers[0].get("/account/add/phone")
    browsers[0].submit("/account/add/phone")
    (user,) = any_world.client().get("/v1/users?sub=alice").get_json()["users"]
    erased = any_world.client().call("DELETE", f"/v1/users/{user['id']}?reason=left")
    assert erased.status_code == 204, erased.text
    assert [is_in(browser) for browser in browsers] == [False, False]
    by_link(any_world)  # the same name is somebody new
    assert [is_in(browser) for browser in browsers] == [False, False]


def test_housekeeping_forgets_sessions_and_links_that_are_over(any_world: World) -> None:
    by_link(any_world)
    link(any_world)
    any_world.clock.advance(600)
    any_world.services.housekeeping.run()
    assert rows(any_world, "SELECT user_id FROM account_link") == []
    assert len(rows(any_world, "SELECT id FROM session")) == 1
    any_world.clock.advance(300)
    any_world.services.housekeeping.run()
    assert rows(any_world, "SELECT id FROM session") == []


def test_coming_in_and_going_out_is_audited(world: World) -> None:
    by_link(world).submit("/sign-out")
    events = [row["event"] for row in rows(world, "SELECT event FROM audit_event ORDER BY id")]
    assert events[-2:] == ["session.begin", "session.end"]
