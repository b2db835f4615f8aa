"""What self-service shows: each authenticator in plain words, warnings, and nothing too large."""

import pytest

from tests.support import passkeys
from tests.support.authenticator import SoftAuthenticator
from tests.support.browsing import Browser
from tests.support.cose import b64url
from tests.support.database import execute
from tests.support.people import WatchedLogin, by_link, by_login
from tests.support.phone import PinKey
from tests.support.world import World

MOST_BYTES = 60_000


def overview(world: World) -> Browser:
    return by_link(world)


def test_somebody_without_anything_is_led_to_the_first(world: World) -> None:
    browser = overview(world)
    assert "Nothing yet. Add the first one now" in browser.page.text
    for kind in ("webauthn", "phone", "totp", "recovery_codes"):
        assert f"/account/add/{kind}" in browser.page.links
    assert "First you confirm" not in browser.get("/account/add/phone").text


def test_each_is_shown_with_its_worth_and_its_last_use(world: World) -> None:
    world.phone(pin=PinKey(), label="Pixel")
    world.phone(label="Old phone", reason="test")
    totp = world.totp(label="Blue app", reason="test")
    world.recovery_codes(reason="test")
    world.client().answer(world.client().challenge()["id"], "totp", totp.next())
    text = overview(world).page.text
    assert "Pixel Strong Two steps in one: your phone, and its PIN. Phone · not used yet" in text
    assert "Old phone Basic One step: together with your password it makes two." in text
    assert "Blue app Basic" in text
    assert "Authenticator app · last used" in text
    assert "Recovery codes Emergency For emergencies: each code works once. 10 are left." in text


@pytest.mark.parametrize(
    ("synced", "words"),
    [(False, "no fake website can use it."), (True, "Your password manager keeps it")],
)
def test_a_passkey_is_very_strong(world: World, synced: bool, words: str) -> None:
    passkeys.enrolled(world, key=SoftAuthenticator(be=synced, bs=synced))
    text = overview(world).page.text
    assert "Passkey Very strong" in text
    assert words in text


def test_a_phone_whose_pin_is_blocked_says_so(world: World) -> None:
    world.phone(pin=PinKey())
    execute(world, "UPDATE device SET pin = 'disabled', pin_disabled_at = 1")
    assert "Its PIN is blocked after too many wrong tries." in overview(world).page.text


def test_a_key_that_may_have_been_copied_is_told(world: World) -> None:
    passkey = passkeys.enrolled(world, key=SoftAuthenticator(counts=True))
    clone = passkey.key.copy()
    assert passkey.answer(world.client().challenge()).status_code == 200
    challenge = world.client().challenge()
    stolen = clone.get(passkeys.options(passkey.api, challenge), origin="http://localhost:8000")
    assert passkeys.send(passkey.api, challenge, stolen).status_code == 403
    browser = overview(world)
    assert "There may be a copy of this key in other hands." in browser.page.text
    page = browser.get(f"/account/authenticators/{passkey.id}")
    assert "There may be a copy of this key in other hands." in page.text


def test_one_way_alone_is_called_a_risk(world: World) -> None:
    world.totp()
    assert "so that you are not locked out when you lose this one" in overview(world).page.text
    world.phone(reason="test")
    assert "so that you are not locked out" not in overview(world).page.text


@pytest.mark.parametrize(
    ("left", "words"),
    [(3, "3 recovery codes are left."), (1, "One recovery code is left."), (4, None)],
)
def test_few_recovery_codes_are_told_with_the_way_to_new_ones(
    world: World, left: int, words: str | None
) -> None:
    world.recovery_codes()
    execute(world, f"UPDATE authenticator SET uses_left = {left}")
    page = overview(world).page
    assert (words in page.text if words else "Make new ones" not in page.text) is True


def test_used_up_codes_and_suspended_ones_are_called_so(people: World, login: WatchedLogin) -> None:
    people.recovery_codes()
    people.totp(reason="test")
    execute(people, "UPDATE authenticator SET uses_left = 0 WHERE type = 'recovery_codes'")
    execute(people, "UPDATE authenticator SET state = 'suspended' WHERE type = 'totp'")
    text = by_login(people, login).page.text
    assert "Used up" in text
    assert "Suspended" in text


def test_with_everything_suspended_it_says_who_can_help(people: World, login: WatchedLogin) -> None:
    people.totp()
    execute(people, "UPDATE authenticator SET state = 'suspended', suspended_by = 'user'")
    text = by_login(people, login).page.text
    assert "Ask your help desk to reset it." in text
    assert "It confirms nothing until it is reactivated." in text


def test_no_secret_and_no_inner_name_is_on_the_page(world: World) -> None:
    phone = world.phone(pin=PinKey())
    text = overview(world).page.response.text
    for hidden in (phone.device_id + "|", "urn:stepup", "webauthn_", "usr_"):
        assert hidden not in text


def test_twenty_of_them_are_still_a_small_page(world: World) -> None:
    for number in range(20):
        world.totp(label=f"App {number} {'x' * 50}", reason="test")
    page = overview(world).page
    assert len(page.response.data) < MOST_BYTES


def test_the_browser_is_told_which_passkeys_count(world: World) -> None:
    passkey = passkeys.enrolled(world)
    (name,) = passkey.key.kept
    page = overview(world).page
    assert page.data("signals")
    assert b64url(name) in page.data("signals")
