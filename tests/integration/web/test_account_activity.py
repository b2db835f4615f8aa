"""The timeline: what was shown and signed, for 30 days, and "this was not me"."""

import pytest

from tests.support.browsing import Browser
from tests.support.database import rows
from tests.support.people import WatchedLogin, by_link, by_login, confirm, listed
from tests.support.phone import Phone, PinKey
from tests.support.world import World

DAY = 86_400
PAYMENT = {"Amount": "12.50 EUR", "To": "Blumenhaus Krause"}


@pytest.fixture
def phone(people: World) -> Phone:
    return people.phone(pin=PinKey(), label="Pixel")


def approved(world: World, phone: Phone) -> str:
    opened = world.client().challenge(transaction=PAYMENT, binding_message="Flowers")
    assert world.approve(phone, opened, pin=phone.pin).status_code == 200
    return str(opened["id"])


def ask_not_me(browser: Browser, challenge_id: str) -> Browser:
    browser.get(f"/account/activity/{challenge_id}/not-me")
    browser.submit("/not-me")
    return browser


def test_an_approval_shows_what_was_shown_and_signed(
    people: World, login: WatchedLogin, phone: Phone
) -> None:
    challenge_id = approved(people, phone)
    browser = by_login(people, login)
    assert "Flowers Approved" in browser.get("/account/activity").text
    text = browser.get(f"/account/activity/{challenge_id}").text
    for part in (*PAYMENT, *PAYMENT.values(), "Pixel", "just as it is shown here", "tx_hash"):
        assert part in text


@pytest.mark.parametrize(
    ("decision", "words"), [("deny", "Refused by you"), ("report_fraud", "Reported as fraud")]
)
def test_refusals_are_listed_too_and_cannot_be_disputed(
    people: World, login: WatchedLogin, phone: Phone, decision: str, words: str
) -> None:
    opened = people.client().challenge()
    asked = people.fetch(phone, opened["id"])
    people.send(phone, opened["id"], phone.answer(asked, decision))
    browser = by_login(people, login)
    assert words in browser.get("/account/activity").text
    assert "This was not me" not in browser.get(f"/account/activity/{opened['id']}").text
    assert browser.get(f"/account/activity/{opened['id']}/not-me").status == 404


def test_what_still_waits_is_not_in_it(people: World, login: WatchedLogin, phone: Phone) -> None:
    assert phone.device_id
    opened = people.client().challenge()
    browser = by_login(people, login)
    assert "Nothing here." in browser.get("/account/activity").text
    assert browser.get(f"/account/activity/{opened['id']}").status == 404


def test_it_reaches_back_30_days_and_clients_24_hours(
    people: World, login: WatchedLogin, phone: Phone
) -> None:
    challenge_id = approved(people, phone)
    people.clock.advance(2 * DAY)
    people.services.housekeeping.run()
    assert people.client().get(f"/v1/challenges/{challenge_id}").status_code == 404
    assert "Flowers" in by_login(people, login).get("/account/activity").text
    people.clock.advance(29 * DAY)
    browser = by_login(people, login)
    assert "Flowers" not in browser.get("/account/activity").text
    assert browser.get(f"/account/activity/{challenge_id}").status == 404


def test_nobody_sees_or_disputes_what_is_somebody_elses(
    people: World, login: WatchedLogin, phone: Phone
) -> None:
    challenge_id = approved(people, phone)
    people.totp("mallory")
    browser = by_login(people, login, "mallory")
    assert "Flowers" not in browser.get("/account/activity").text
    fields = browser.page.form("/sign-out").fields
    for path in ("", "/not-me"):
        assert browser.get(f"/account/activity/{challenge_id}{path}").status == 404
    assert browser.post(f"/account/activity/{challenge_id}/not-me", fields).status_code == 404
    assert [one["state"] for one in listed(people)] == ["active"]


def test_this_was_not_me_suspends_what_answered_and_nothing_else(
    people: World, login: WatchedLogin, phone: Phone
) -> None:
    people.totp(reason="test")
    challenge_id = approved(people, phone)
    browser = ask_not_me(by_login(people, login), challenge_id)
    assert {one["type"]: one["state"] for one in listed(people)} == {
        "phone": "suspended",
        "totp": "active",
    }
    text = browser.get(f"/account/activity/{challenge_id}").text
    assert "You said that this was not you." in text
    told = rows(people, "SELECT event FROM audit_event WHERE event LIKE '%disput%'")
    assert len(told) == 1


def test_by_a_link_it_needs_a_step_up(people: World, phone: Phone) -> None:
    """As strong as what answered: a session by link proves no factor."""
    challenge_id = approved(people, phone)
    browser = ask_not_me(by_link(people), challenge_id)
    assert browser.page.path.startswith("/challenge/")
    assert [one["state"] for one in listed(people)] == ["active"]
    confirm(browser, phone, people)
    assert [one["state"] for one in listed(people)] == ["suspended"]


def test_twice_is_once(people: World, login: WatchedLogin, phone: Phone) -> None:
    challenge_id = approved(people, phone)
    browser = by_login(people, login)
    form = browser.get(f"/account/activity/{challenge_id}/not-me").form("/not-me")
    assert browser.post(form.action, form.fields).status_code == 303
    people.client().call(
        "PATCH", f"/v1/authenticators/{phone.device_id}", {"state": "active", "reason": "found"}
    )
    assert browser.post(form.action, form.fields).status_code == 404
    assert browser.get(f"/account/activity/{challenge_id}/not-me").status == 404
    assert [one["state"] for one in listed(people)] == ["active"]
    suspended = rows(people, "SELECT 1 AS n FROM audit_event WHERE event = 'authenticator.suspend'")
    assert len(suspended) == 1


def test_more_than_twenty_are_shown_page_by_page(
    people: World, login: WatchedLogin, phone: Phone
) -> None:
    assert phone.device_id
    for number in range(25):
        opened = people.client().challenge(binding_message=f"Request {number:02}")
        people.client().call("DELETE", f"/v1/challenges/{opened['id']}")
        people.clock.advance(1)
    browser = by_login(people, login)
    first = browser.get("/account/activity")
    assert ("Request 24" in first.text, "Request 04" in first.text) == (True, False)
    (older,) = [link for link in first.links if "before=" in link and "lang=" not in link]
    second = browser.get(older)
    assert ("Request 04" in second.text, "Request 05" in second.text) == (True, False)
    assert "Show older ones" not in second.text
    assert "Nothing here." in browser.get("/account/activity?before=chl_nothing").text


def test_an_erased_person_leaves_no_timeline(
    people: World, login: WatchedLogin, phone: Phone
) -> None:
    challenge_id = approved(people, phone)
    user = people.client().get("/v1/users?sub=alice").get_json()["users"][0]
    erased = people.client().call("DELETE", f"/v1/users/{user['id']}?reason=asked")
    assert erased.status_code == 204
    browser = by_login(people, login)
    assert "Flowers" not in browser.get("/account/activity").text
    assert browser.get(f"/account/activity/{challenge_id}").status == 404
