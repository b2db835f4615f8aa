"""Adding authenticators at the example authorization server."""

import json

from tests.integration.examples.asking import AAL1, AAL2, request_url
from tests.integration.examples.conftest import AS, World


def begin(world: World, kind: str) -> None:
    """Sign alice in and press the button."""
    world.sign_in("alice")
    world.browser.submit(f"add-{kind}")


def code_of_newest(world: World) -> str:
    """The code that only the new authenticator shows."""
    return list(world.double.enrollments.values())[-1].code


def test_the_first_phone_needs_the_password_alone(world: World) -> None:
    begin(world, "phone")
    page = world.browser.page
    assert page.text("uri") == "https://stepup.example/enroll#v=1&c=ABC"
    assert page.text("manual-code") == "ABCD-EFGH"
    assert "data:image/svg+xml;base64," in page.html
    assert page.has("code")
    world.browser.submit("confirm", code=code_of_newest(world))
    assert world.browser.page.text("notice") == "Your phone was added."
    assert world.double.owned["alice"] == ["phone"]
    assert world.double.challenges == {}


def test_a_wrong_check_code_can_be_corrected(world: World) -> None:
    begin(world, "phone")
    world.browser.submit("confirm", code="wrong")
    assert "not right" in world.browser.page.text("message")
    right = code_of_newest(world)
    world.browser.submit("confirm", code=f"{right[:3]} {right[3:]}")
    assert world.double.owned["alice"] == ["phone"]


def test_five_wrong_check_codes_end_the_enrollment(world: World) -> None:
    begin(world, "totp")
    for _ in range(5):
        world.browser.submit("confirm", code="wrong")
    world.browser.submit("confirm", code=code_of_newest(world))
    assert "Begin again" in world.browser.page.text("notice")
    assert "alice" not in world.double.owned


def test_the_next_one_needs_a_step_up_of_its_own_purpose_without_the_password(
    world: World,
) -> None:
    world.double.own("alice", "phone")
    begin(world, "totp")
    asked = world.double.only().asked
    assert asked["purpose"] == "manage"
    assert asked["acr_values"] == [AAL1]
    assert "prior" not in asked
    world.double.approve()
    world.browser.reload()
    world.browser.submit("confirm", code=code_of_newest(world))
    assert world.double.owned["alice"] == ["phone", "totp"]


def test_another_phone_needs_the_best_that_there_is(world: World) -> None:
    world.double.own("alice", "totp")
    begin(world, "phone")
    assert world.double.only().asked["acr_values"] == [AAL1]
    world.double.own("alice", "phone")
    world.browser.open(f"{AS}/authenticators")
    world.browser.submit("add-phone")
    assert world.double.only().asked["acr_values"] == [AAL2]


def test_recovery_codes_are_shown_once(world: World) -> None:
    begin(world, "recovery_codes")
    assert len(world.browser.page.texts("recovery-code")) == 10
    again = world.browser.reload()
    assert again.status == 404
    assert "AAAA" not in again.html


def test_a_denied_step_up_adds_nothing(world: World) -> None:
    world.double.own("alice", "phone")
    begin(world, "totp")
    world.double.end("denied", "user_denied")
    world.browser.reload()
    world.browser.follow("onward")
    assert world.browser.page.text("notice") == "Nothing was changed."
    assert world.double.enrollments == {}


def test_one_step_up_adds_one_thing_of_one_kind(world: World) -> None:
    world.double.own("alice", "phone")
    begin(world, "totp")
    waiting = world.double.only().asked["state"]
    world.double.approve()
    authorised = f"{AS}/authenticators/authorised/{waiting}"
    world.browser.edit = lambda url: f"{authorised}?type=phone" if "type=totp" in url else url
    world.browser.reload()
    assert world.browser.page.text("notice") == "Nothing was changed."
    world.browser.edit = lambda url: url
    world.browser.open(f"{authorised}?type=totp")
    assert world.browser.page.url == f"{AS}/authenticators"
    assert world.double.enrollments == {}


def test_a_login_challenge_cannot_be_spent_on_an_authenticator(world: World) -> None:
    world.double.own("alice", "phone")
    world.sign_in("alice")
    world.browser.open(f"{AS}/authenticators/authorised/nothing?type=totp")
    assert world.browser.page.url == f"{AS}/authenticators"
    assert world.double.enrollments == {}


def test_the_change_does_not_raise_the_sessions_level(world: World) -> None:
    world.double.own("alice", "phone")
    begin(world, "totp")
    world.double.approve()
    world.browser.reload()
    world.browser.open(request_url(acr_values=AAL1))
    assert world.browser.page.has("display-code")
    assert world.double.only().asked["purpose"] == "login"


def test_nobody_sees_the_page_without_a_recent_password(world: World) -> None:
    assert world.browser.open(f"{AS}/authenticators").has("signin")
    world.sign_in("alice")
    world.clock.later = 901
    assert world.browser.open(f"{AS}/authenticators").has("signin")


def test_a_passkey_is_added_by_what_the_script_sends_along(world: World) -> None:
    begin(world, "webauthn")
    options = world.browser.page.text("options")
    assert json.loads(options) == {"challenge": "c", "user": {"name": '"<&'}}
    world.browser.submit("confirm", code=json.dumps({"id": code_of_newest(world)}))
    assert world.browser.page.text("notice") == "Your passkey was added."
    _, path, body = world.double.requests[-2]
    assert path.endswith("/confirm")
    assert set(body) == {"credential"}


def test_what_is_no_credential_is_refused_here(world: World) -> None:
    begin(world, "webauthn")
    for text in ("", "{", "[" * 100_000):
        world.browser.submit("confirm", code=text)
        assert world.browser.page.status in {400, 413}
        world.browser.open(f"{AS}/authenticators")
        world.browser.submit("add-webauthn")
    assert "alice" not in world.double.owned


def test_another_passkey_needs_the_best_that_there_is(world: World) -> None:
    world.double.own("alice", "webauthn")
    begin(world, "webauthn")
    assert world.double.only().asked["acr_values"] == ["phr"]


def test_the_services_own_pages_are_one_button_away(world: World) -> None:
    world.sign_in("alice")
    world.browser.submit("self-service")
    assert world.browser.page.url == "https://stepup.example/account/link/alice"
