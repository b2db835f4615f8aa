"""Changes in self-service go through a step-up on the hosted page, and are made once."""

from typing import Any

import pytest

from tests.support.browsing import Browser
from tests.support.database import rows
from tests.support.people import (
    WatchedLogin,
    answer,
    begun_phone,
    by_link,
    by_login,
    confirm,
    listed,
    onward,
    return_link,
)
from tests.support.phone import PinKey
from tests.support.racing import race
from tests.support.world import AAL1, AAL2, Totp, World

OVER = "This step is over"


def ask_for(browser: Browser, kind: str = "phone", label: str = "") -> Browser:
    """Ask for one more of a type; the browser is on the hosted page then."""
    browser.get(f"/account/add/{kind}")
    browser.submit(f"/add/{kind}", label=label)
    return browser


def enrollments(world: World, kind: str = "phone") -> list[dict[str, Any]]:
    query = "SELECT * FROM enrollment WHERE type = :kind AND client_id = 'cli_self_default'"
    return rows(world, query, kind=kind)


def asked(world: World, browser: Browser) -> Any:
    """Return what the step-up on the page asks."""
    own = world.services.own_client.of("default")
    return world.services.challenges.read(own, browser.page.path.rsplit("/", 1)[1])


@pytest.mark.parametrize("kind", ["phone", "totp", "recovery_codes", "webauthn"])
def test_the_first_one_of_a_new_person_needs_none(world: World, kind: str) -> None:
    page = ask_for(by_link(world), kind).page
    assert page.path.startswith("/account/enrollments/enr_")
    assert len(enrollments(world, kind)) == 1


def test_every_other_one_needs_one(people: World, login: WatchedLogin) -> None:
    totp = people.totp()
    for browser in (by_link(people), by_login(people, login)):
        page = ask_for(browser).page
        assert page.path.startswith("/challenge/chl_")
        assert ("Change how you sign in" in page.text, "Add a phone" in page.text) == (True, True)
        assert enrollments(people) == []
    page = confirm(browser, totp, people)
    assert page.path == f"/account/enrollments/{enrollments(people)[0]['id']}"


@pytest.mark.parametrize(
    ("has", "kind", "acr"),
    [("totp", "phone", AAL1), ("phone", "totp", AAL1), ("phone", "phone", AAL2)],
)
def test_it_asks_the_level_that_the_binding_rule_needs(
    world: World, has: str, kind: str, acr: str
) -> None:
    if has == "totp":
        world.totp()
    else:
        world.phone(pin=PinKey())
    challenge = asked(world, ask_for(by_link(world), kind))
    assert (challenge.asked.acr_values, challenge.asked.essential) == ((acr,), True)
    assert challenge.purpose == "manage"


def test_a_person_confirms_with_the_phone_that_they_have(world: World) -> None:
    phone = world.phone(pin=PinKey())
    page = confirm(ask_for(by_link(world)), phone, world)
    assert "Scan this with your phone" in page.text


def test_a_browser_that_comes_back_twice_is_led_to_the_same_place(world: World) -> None:
    totp, browser = world.totp(), by_link(world)
    answer(ask_for(browser), totp, world)
    address = return_link(browser)
    places = {browser.get(address).path for _ in range(3)}
    assert places == {f"/account/enrollments/{enrollments(world)[0]['id']}"}
    assert len(enrollments(world)) == 1


def test_coming_back_many_times_at_once_makes_one_change(any_world: World) -> None:
    totp, browser = any_world.totp(), by_link(any_world)
    answer(ask_for(browser), totp, any_world)
    address, cookie = return_link(browser), browser.cookie("stepup-account") or ""
    browsers = [Browser(any_world.app) for _ in range(3)]
    for twin in browsers:
        twin.client.set_cookie("stepup-account", cookie)
    race([lambda b=twin: b.get(address) for twin in browsers])  # type: ignore[misc]
    assert len(enrollments(any_world)) == 1
    assert len(rows(any_world, "SELECT id FROM challenge WHERE spent_for IS NOT NULL")) == 1


def test_what_was_not_asked_for_in_this_session_is_not_done(
    people: World, login: WatchedLogin
) -> None:
    """The victim's browser comes back to the attacker's session of the same person."""
    totp, victim = people.totp(), by_login(people, login)
    answer(ask_for(victim), totp, people)
    attacker = by_link(people)
    assert OVER in attacker.get(return_link(victim)).text
    assert by_link(people, "mallory").get(return_link(victim)).status == 403
    assert enrollments(people) == []
    assert onward(victim).path.startswith("/account/enrollments/")


def test_a_forwarded_step_up_changes_nothing(world: World) -> None:
    """With a leaked link the attacker asks, and sends the genuine page to the victim."""
    totp, attacker, victim = world.totp(), by_link(world), Browser(world.app)
    fields = attacker.get("/account/add/phone").form("/add/phone").fields
    page = attacker.post("/account/add/phone", fields).headers["Location"]
    victim.get(page)
    answer(victim, totp, world)
    landed = onward(victim)
    assert landed.path == "/account"
    assert "You come in here by a personal link." in landed.text
    state, challenge_id = parts(return_link_of(victim, world))
    for code in ("", "x" * 22):
        guess = f"/account/return?challenge_id={challenge_id}&state={state}&return_code={code}"
        assert OVER in attacker.get(guess).text
    assert enrollments(world) == []


def parts(address: str) -> tuple[str, str]:
    query = dict(part.split("=", 1) for part in address.split("?", 1)[1].split("&"))
    return query["state"], query["challenge_id"]


def return_link_of(browser: Browser, world: World) -> str:
    """Return where the only challenge leads back to."""
    (row,) = rows(world, "SELECT id FROM challenge")
    browser.get(f"/challenge/{row['id']}")
    return return_link(browser)


@pytest.mark.parametrize("name", ["challenge_id", "state", "return_code"])
@pytest.mark.parametrize("value", ["", "x", None])
def test_each_part_of_what_comes_back_has_to_fit(
    world: World, name: str, value: str | None
) -> None:
    totp, browser = world.totp(), by_link(world)
    answer(ask_for(browser), totp, world)
    address = return_link(browser)
    path, query = address.split("?", 1)
    changed = dict(part.split("=", 1) for part in query.split("&"))
    if value is None:
        del changed[name]
    else:
        changed[name] = value
    wrong = f"{path}?" + "&".join(f"{key}={part}" for key, part in changed.items())
    refused = browser.get(wrong)
    assert (refused.status, OVER in refused.text) == (403, True)
    assert enrollments(world) == []
    assert browser.get(address).path.startswith("/account/enrollments/")  # nothing was used up


def test_the_code_of_another_challenge_does_not_do(world: World) -> None:
    totp, browser, other = world.totp(), by_link(world), by_link(world)
    answer(ask_for(browser), totp, world)
    answer(ask_for(other), totp, world)
    foreign = return_link(other).rsplit("return_code=", 1)[1]
    mine = return_link(browser).rsplit("return_code=", 1)[0]
    assert OVER in browser.get(f"{mine}return_code={foreign}").text
    assert enrollments(world) == []


def test_a_second_tab_takes_the_place_of_the_first(world: World) -> None:
    totp, browser = world.totp(), by_link(world)
    first = ask_for(browser, "phone").page.path
    ask_for(browser, "recovery_codes")
    second = browser.page.path
    browser.get(first)
    assert "withdrawn" in browser.page.text
    assert OVER in onward(browser).text
    browser.get(second)
    assert "Recovery codes" in confirm(browser, totp, world).text
    assert (len(enrollments(world)), len(enrollments(world, "recovery_codes"))) == (0, 1)


def test_a_step_up_for_one_change_makes_no_other(world: World) -> None:
    """The first is answered, then another is asked for: its approval is not lent out."""
    totp, browser = world.totp(), by_link(world)
    answer(ask_for(browser, "recovery_codes"), totp, world)
    old = return_link(browser)
    browser.get(f"/account/authenticators/{totp.id}")
    browser.submit("/remove")
    assert OVER in browser.get(old).text
    assert [a["id"] for a in listed(world)] == [totp.id]
    assert enrollments(world, "recovery_codes") == []


def test_it_is_worth_nothing_to_a_client(world: World) -> None:
    totp, browser = world.totp(), by_link(world)
    answer(ask_for(browser), totp, world)
    challenge_id = parts(return_link(browser))[1]
    body = {"sub": "alice", "type": "totp", "challenge_id": challenge_id}
    assert world.client().post("/v1/enrollments", body).status_code == 403
    assert world.client().get(f"/v1/challenges/{challenge_id}").status_code == 404


def test_what_a_client_stepped_up_for_is_worth_nothing_here(world: World) -> None:
    phone, browser = world.phone(pin=PinKey()), by_link(world)
    satisfied = world.step_up(phone)
    ask_for(browser)
    page = browser.get(f"/account/return?challenge_id={satisfied}&state=&return_code=")
    assert OVER in page.text
    assert enrollments(world) == []


def test_before_it_is_answered_the_browser_goes_back_to_the_page(world: World) -> None:
    world.totp()
    browser = ask_for(by_link(world))
    path = browser.page.path
    (row,) = rows(world, "SELECT intent FROM session")
    state = row["intent"].split('"state": "')[1].split('"')[0]
    back = f"/account/return?challenge_id={path.rsplit('/', 1)[1]}&state={state}"
    assert browser.get(back).path == path


def test_who_says_no_changes_nothing(world: World) -> None:
    world.totp()
    browser = ask_for(by_link(world))
    browser.submit("/deny")
    assert "The change was not confirmed" in onward(browser).text
    assert enrollments(world) == []


def test_a_step_up_that_expired_changes_nothing(world: World) -> None:
    world.totp()
    browser = ask_for(by_link(world))
    path = browser.page.path
    world.clock.advance(300)
    browser.get(path)
    assert "The change was not confirmed" in onward(browser).text


def test_a_step_up_is_good_for_300_seconds_after_it_was_done(world: World) -> None:
    totp = world.totp()
    browser = answer_late(world, totp, seconds=301)
    assert OVER in onward(browser).text
    assert enrollments(world) == []


def answer_late(world: World, totp: Totp, *, seconds: int) -> Browser:
    browser = by_link(world)
    answer(ask_for(browser), totp, world)
    world.clock.advance(seconds)
    return browser


def test_only_a_navigation_makes_the_change(world: World) -> None:
    totp, browser = world.totp(), by_link(world)
    answer(ask_for(browser), totp, world)
    assert browser.open(return_link(browser), Sec_Purpose="prefetch").status_code == 403
    assert browser.open(return_link(browser), method="HEAD").status_code == 403
    assert enrollments(world) == []
    assert onward(browser).path.startswith("/account/enrollments/")


def test_where_the_change_was_asked_is_shown(world: World) -> None:
    phone = world.phone(pin=PinKey())
    browser = ask_for(by_link(world))
    shown = world.fetch(phone, browser.page.path.rsplit("/", 1)[1])
    assert shown["binding_message"] == "Add a phone"
    assert (shown["purpose"], shown["client_name"]) == ("manage", "Step-up")
    assert shown["context"] == {"ip": "127.0.0.1", "user_agent": "Firefox on Linux"}


def test_two_people_side_by_side_change_their_own(world: World) -> None:
    alice, bob = by_link(world), by_link(world, "bob")
    totps = {"alice": world.totp("alice"), "bob": world.totp("bob")}
    ask_for(alice)
    ask_for(bob)
    for browser, sub in ((bob, "bob"), (alice, "alice")):
        confirm(browser, totps[sub], world)
        phone, code = begun_phone(browser, world)
        browser.get(browser.page.path)
        browser.submit("/confirm", code=code)
        assert phone.device_id in {found["id"] for found in listed(world, sub)}
    assert {len(listed(world, sub)) for sub in totps} == {2}
