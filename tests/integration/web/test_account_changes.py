"""Rename, suspend, reactivate, remove: who may, what it needs, and what it says when it cannot."""

import pytest

from tests.support.browsing import Browser
from tests.support.database import execute, rows
from tests.support.people import WatchedLogin, by_link, by_login, confirm, listed
from tests.support.phone import PinKey
from tests.support.world import World

VERBS = ["rename", "suspend", "reactivate", "remove"]


def one(world: World, sub: str = "alice", type_: str = "totp") -> dict[str, object]:
    (found,) = [a for a in listed(world, sub) if a["type"] == type_]
    return found


def act(browser: Browser, authenticator_id: object, verb: str, **fields: str) -> Browser:
    browser.get(f"/account/authenticators/{authenticator_id}")
    browser.submit(f"/{verb}", **fields)
    return browser


def test_who_signed_in_suspends_at_once(people: World, login: WatchedLogin) -> None:
    totp, browser = people.totp(), by_login(people, login)
    page = act(browser, totp.id, "suspend").page
    assert "“Authenticator app” is suspended" in page.text
    assert (one(people)["state"], one(people)["suspended_by"]) == ("suspended", "user")


def test_who_signed_in_confirms_a_new_name(people: World, login: WatchedLogin) -> None:
    """A name is what a person decides by: “old phone, remove me” is an attack."""
    totp, browser = people.totp(), by_login(people, login)
    act(browser, totp.id, "rename", label="Blue app")
    assert browser.page.path.startswith("/challenge/")
    assert one(people)["label"] == "Authenticator app"
    assert "It is called “Blue app” now." in confirm(browser, totp, people).text
    assert one(people)["label"] == "Blue app"


@pytest.mark.parametrize(
    ("verb", "after"),
    [("rename", ("Blue app", "active")), ("suspend", ("Authenticator app", "suspended"))],
)
def test_who_came_by_a_link_confirms_that_first(
    world: World, verb: str, after: tuple[str, str]
) -> None:
    totp, browser = world.totp(), by_link(world)
    act(browser, totp.id, verb, **({"label": "Blue app"} if verb == "rename" else {}))
    assert browser.page.path.startswith("/challenge/")
    assert (one(world)["label"], one(world)["state"]) == ("Authenticator app", "active")
    assert confirm(browser, totp, world).path == "/account"
    assert (one(world)["label"], one(world)["state"]) == after


def test_removing_needs_a_step_up_from_everybody(people: World, login: WatchedLogin) -> None:
    totp = people.totp()
    for browser in (by_link(people), by_login(people, login)):
        act(browser, totp.id, "remove")
        assert browser.page.path.startswith("/challenge/")
        assert "Remove “Authenticator app”" in browser.page.text
    assert "“Authenticator app” was removed." in confirm(browser, totp, people).text
    assert listed(people) == []


def test_reactivating_needs_a_step_up_with_another_one(people: World, login: WatchedLogin) -> None:
    totp, browser = people.totp(), by_login(people, login)
    phone = people.phone(pin=PinKey(), reason="test")
    act(browser, totp.id, "suspend")
    act(browser, totp.id, "reactivate")
    assert "“Authenticator app” works again." in confirm(browser, phone, people).text
    assert one(people)["state"] == "active"


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("target", ["somebody else's", "made up"])
def test_what_is_not_the_persons_does_not_exist(
    people: World, login: WatchedLogin, verb: str, target: str
) -> None:
    mine, theirs = people.totp("mallory"), people.totp("alice")
    browser = by_login(people, login, "mallory")
    wanted = theirs.id if target == "somebody else's" else "aut_nothing"
    assert browser.get(f"/account/authenticators/{wanted}").status == 404
    fields = browser.get(f"/account/authenticators/{mine.id}").form(f"/{VERBS[0]}").fields
    answer = browser.post(f"/account/authenticators/{wanted}/{verb}", {**fields, "label": "x"})
    assert answer.status_code == 404
    assert (one(people)["label"], one(people)["state"]) == ("Authenticator app", "active")


def test_a_fraud_report_pauses_all_but_suspending(people: World, login: WatchedLogin) -> None:
    phone, totp = people.phone(pin=PinKey()), people.totp(reason="test")
    reported = people.client().challenge()
    asked = people.fetch(phone, reported["id"])
    people.send(phone, reported["id"], phone.answer(asked, decision="report_fraud"))
    browser = by_login(people, login)
    assert "A fraud was reported." in browser.page.text
    assert "Changes are paused" in act(browser, totp.id, "remove").page.text
    browser.get("/account/add/totp")
    assert "Changes are paused" in browser.submit("/add/totp").text
    assert act(browser, phone.device_id, "suspend").page.path == "/account"
    assert one(people, type_="phone")["state"] == "suspended"


def test_suspending_by_link_works_after_a_fraud_report(world: World) -> None:
    phone, totp = world.phone(), world.totp(reason="test")
    reported = world.client().challenge()
    asked = world.fetch(phone, reported["id"])
    world.send(phone, reported["id"], phone.answer(asked, decision="report_fraud"))
    browser = act(by_link(world), phone.device_id, "suspend")
    assert confirm(browser, totp, world).path == "/account"
    assert one(world, type_="phone")["state"] == "suspended"


def test_with_everything_suspended_only_the_help_desk_helps(
    people: World, login: WatchedLogin
) -> None:
    totp, browser = people.totp(), by_login(people, login)
    act(browser, totp.id, "suspend")
    for verb in ("reactivate", "remove"):
        assert "only your help desk can help" in act(browser, totp.id, verb).page.text
    browser.get("/account/add/phone")
    assert "only your help desk can help" in browser.submit("/add/phone").text
    assert rows(people, "SELECT id FROM challenge") == []


def test_suspending_the_strong_one_does_not_open_the_door_to_the_weak(
    people: World, login: WatchedLogin
) -> None:
    """The attacker signed in, and phished one code: threats, "Suspend the passkey"."""
    phone = people.phone(pin=PinKey())
    people.totp(reason="test")
    browser = by_login(people, login)
    act(browser, phone.device_id, "suspend")
    browser.get("/account/add/phone")
    page = browser.submit("/add/phone")
    assert (page.status, "You cannot confirm this strongly enough" in page.text) == (403, True)
    people.clock.advance(86_401)
    browser = by_login(people, login)
    browser.get("/account/add/phone")
    assert browser.submit("/add/phone").path.startswith("/challenge/")


def test_there_is_a_word_for_having_too_many(people: World, login: WatchedLogin) -> None:
    for _ in range(20):
        people.totp(reason="test")
    browser = by_login(people, login)
    browser.get("/account/add/totp")
    assert "There is no room for one more" in browser.submit("/add/totp").text
    browser.get("/account/add/recovery_codes")
    assert "There is no room for one more" in browser.submit("/add/recovery_codes").text


def test_what_a_limit_suspended_is_not_reactivated(people: World, login: WatchedLogin) -> None:
    totp = people.totp()
    execute(people, "UPDATE authenticator SET state = 'suspended', suspended_by = 'limit'")
    browser = by_login(people, login)
    page = browser.get(f"/account/authenticators/{totp.id}")
    assert "Too many wrong codes were tried." in page.text
    assert not [form for form in page.forms if form.action.endswith("/reactivate")]
    fields = page.form("/rename").fields
    path = f"/account/authenticators/{totp.id}/reactivate"
    assert browser.post(path, fields).status_code == 404


def test_suspending_twice_changes_nothing(people: World, login: WatchedLogin) -> None:
    totp, browser = people.totp(), by_login(people, login)
    browser.get(f"/account/authenticators/{totp.id}")
    form = browser.page.form("/suspend")
    for _ in range(2):
        assert browser.post(form.action, form.fields).status_code == 303
    events = rows(people, "SELECT 1 AS n FROM audit_event WHERE event = 'authenticator.suspend'")
    assert len(events) == 1


@pytest.mark.parametrize("label", ["<script>alert(1)</script>", "“><img src=x>", "100 %(label)s"])
def test_a_name_is_only_text(people: World, login: WatchedLogin, label: str) -> None:
    totp, browser = people.totp(), by_login(people, login)
    act(browser, totp.id, "rename", label=label)
    assert label in browser.page.text
    confirm(browser, totp, people)
    for path in ("/account", f"/account/authenticators/{totp.id}", "/account/activity"):
        page = browser.get(path)
        assert not {"<script>alert", "<img src=x>"} & set(page.response.text.split("\n"))
        assert page.response.text.count("<script>alert") == 0
    assert one(people)["label"] == label
    act(browser, totp.id, "remove")
    assert f"Remove “{label}”" in browser.page.text


@pytest.mark.parametrize("label", ["x" * 65, "evil\u202elive", "two\nlines", "nul\x00"])
def test_a_name_that_misleads_is_refused(people: World, login: WatchedLogin, label: str) -> None:
    totp, browser = people.totp(), by_login(people, login)
    browser.get(f"/account/authenticators/{totp.id}")
    assert browser.submit("/rename", label=label).status == 422
    assert one(people)["label"] == "Authenticator app"


def test_an_empty_name_changes_nothing(people: World, login: WatchedLogin) -> None:
    totp, browser = people.totp(), by_login(people, login)
    page = act(browser, totp.id, "rename", label="  ").page
    assert page.path == f"/account/authenticators/{totp.id}"


def test_after_a_change_the_person_is_asked_about_other_sessions(
    people: World, login: WatchedLogin
) -> None:
    totp, browser = people.totp(), by_login(people, login)
    act(browser, totp.id, "rename", label="Alone")
    confirm(browser, totp, people)
    assert "Sign out everywhere else?" not in browser.page.text
    by_link(people)
    act(browser, totp.id, "rename", label="Not alone")
    confirm(browser, totp, people)
    assert "Sign out everywhere else?" in browser.page.text
    assert "Not alone" in browser.page.text
    assert "It is called" not in browser.get("/account").text  # said once


def test_every_change_is_told_to_the_person(people: World, login: WatchedLogin) -> None:
    totp, browser = people.totp(), by_login(people, login)
    act(browser, totp.id, "suspend")
    (entry,) = rows(people, "SELECT * FROM audit_event WHERE event = 'authenticator.suspend'")
    assert (entry["client_id"], entry["authenticator_id"]) == ("cli_self_default", totp.id)


def test_a_disabled_self_service_lets_nobody_in(people: World, login: WatchedLogin) -> None:
    browser = by_login(people, login)
    people.services.clients.disable("cli_self_default")
    assert browser.get("/account").status == 403
