"""Answering on the hosted page: codes, tries, notifications, no, and every end."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.alice import RETURN, Alice
from tests.support.browser import Browser
from tests.support.world import AAL1, AAL2


def typing(browser: Browser, method: str) -> Browser:
    """Return the browser at the form where a code is typed."""
    browser.go(f"{browser.here.partition('?')[0]}?method={method}")
    return browser


def status_of(alice: Alice, challenge: dict[str, Any]) -> tuple[str, str | None]:
    found = alice.api.read(challenge["id"])
    return found["status"], found["reason"]


def test_a_totp_is_enough_without_a_script(alice: Alice) -> None:
    challenge, browser = alice.opened()
    typing(browser, "totp").submit("answers", code=alice.totp.next())
    assert "Confirmed" in browser.page.text
    assert "You can close this window" in browser.page.text
    assert status_of(alice, challenge) == ("satisfied", None)


def test_a_recovery_code_is_enough_without_a_script(alice: Alice) -> None:
    challenge, browser = alice.opened()
    typing(browser, "recovery_code").submit("answers", code=alice.codes[0].lower())
    assert "Confirmed" in browser.page.text
    assert alice.api.read(challenge["id"])["amr"] == ["otp", "recovery"]


def test_the_phone_ends_it_and_the_page_says_so(alice: Alice) -> None:
    challenge, browser = alice.opened()
    assert alice.world.approve(alice.phone, challenge).status_code == 200
    browser.go(browser.here)
    assert "Confirmed" in browser.page.text


def test_a_wrong_code_costs_a_try_and_says_how_many_are_left(alice: Alice) -> None:
    _, browser = alice.opened()
    typing(browser, "totp")
    assert browser.submit("answers", code=alice.totp.wrong()) == 303
    assert "That was not right. 4 tries are left." in browser.page.text
    field = browser.page.one("input", id="code")
    assert field["aria-invalid"] == "true"
    assert field["aria-describedby"] == "code-hint code-error"
    for _ in range(3):
        browser.submit("answers", code=alice.totp.wrong())
    assert "One try is left." in browser.page.text


def test_the_fifth_wrong_code_locks_the_request(alice: Alice) -> None:
    challenge, browser = alice.opened()
    typing(browser, "totp")
    for _ in range(5):
        browser.submit("answers", code=alice.totp.wrong())
    assert "Too many wrong answers" in browser.page.text
    assert status_of(alice, challenge) == ("failed", "attempts_exhausted")


def test_a_used_code_looks_like_any_wrong_one(alice: Alice) -> None:
    _, first = alice.opened()
    code = alice.totp.next()
    typing(first, "totp").submit("answers", code=code)
    _, second = alice.opened()
    typing(second, "totp").submit("answers", code=code)
    assert "That was not right. 4 tries are left." in second.page.text


@pytest.mark.parametrize("code", ["", "   "])
def test_nothing_typed_costs_nothing(alice: Alice, code: str) -> None:
    challenge, browser = alice.opened()
    typing(browser, "totp").submit("answers", code=code)
    assert alice.api.read(challenge["id"])["attempts_left"] == 5
    assert "That was not right" not in browser.page.text


@pytest.mark.parametrize(
    "fields",
    [
        {"method": "push", "code": "123456"},
        {"method": "webauthn", "code": "123456"},
        {"method": "", "code": "123456"},
        {"code": "1" * 65},
        {"code": "12\x003456"},
    ],
)
def test_what_no_form_of_ours_sends_costs_nothing(alice: Alice, fields: dict[str, str]) -> None:
    challenge, browser = alice.opened()
    assert typing(browser, "totp").submit("answers", None, **fields) == 422
    assert alice.api.read(challenge["id"])["attempts_left"] == 5


def test_a_method_that_is_not_offered_costs_a_try(alice: Alice) -> None:
    challenge, browser = alice.opened(methods=["totp"])
    browser.submit("answers", method="recovery_code", code=alice.codes[0])
    assert alice.api.read(challenge["id"])["attempts_left"] == 4
    assert status_of(alice, challenge)[0] == "pending"


def test_no_costs_no_try_and_ends_it(alice: Alice) -> None:
    challenge, browser = alice.opened()
    browser.submit("deny")
    assert "You declined" in browser.page.text
    assert status_of(alice, challenge) == ("denied", "user_denied")


def test_no_is_no_report_of_fraud(alice: Alice) -> None:
    """Whoever holds a link must not be able to stop pushes and changes for 30 minutes."""
    _, browser = alice.opened()
    browser.submit("deny")
    step_up = alice.step_up()  # pushes and changes go on
    enrolled = alice.api.post(
        "/v1/enrollments", {"sub": "alice", "type": "totp", "challenge_id": step_up}
    )
    assert enrolled.status_code == 201
    assert "fraud" not in browser.response.text.lower()


def test_no_comes_too_late_after_yes(alice: Alice) -> None:
    challenge, browser = alice.opened()
    alice.world.approve(alice.phone, challenge)
    assert browser.submit("deny") == 303
    assert "Confirmed" in browser.page.text
    assert status_of(alice, challenge) == ("satisfied", None)


def test_yes_comes_too_late_after_no_and_spends_nothing(alice: Alice) -> None:
    challenge, browser = alice.opened()
    typing(browser, "totp")
    form = browser.response
    browser.submit("deny")
    browser.response, code = form, alice.totp.next()
    browser.submit("answers", code=code)
    assert "You declined" in browser.page.text
    assert status_of(alice, challenge) == ("denied", "user_denied")
    _, again = alice.opened()
    typing(again, "totp").submit("answers", code=code)
    assert "Confirmed" in again.page.text


def test_the_phone_is_notified_again_when_asked(alice: Alice) -> None:
    _, browser = alice.opened()
    browser.submit("push")
    assert "We notified your phone again" in browser.page.text
    alice.world.services.outbox.deliver()
    assert len(alice.world.senders["fcm"].sent) >= 2


def test_beyond_the_limit_the_page_stays_calm(alice: Alice) -> None:
    challenge, browser = alice.opened()
    for _ in range(3):
        browser.submit("push")
    assert "notified often enough" in browser.page.text
    assert browser.response.status_code == 200
    assert alice.world.approve(alice.phone, challenge).status_code == 200


def denied(alice: Alice, challenge: dict[str, Any], decision: str) -> None:
    asked = alice.world.fetch(alice.phone, challenge["id"])
    answer = alice.phone.answer(asked, decision=decision)
    assert alice.world.send(alice.phone, challenge["id"], answer).status_code == 200


def wrong_five_times(alice: Alice, challenge: dict[str, Any]) -> None:
    for _ in range(5):
        alice.api.answer(challenge["id"], "totp", alice.totp.wrong())


ENDS: dict[str, tuple[Callable[[Alice, dict[str, Any]], Any], str, str]] = {
    "satisfied": (
        lambda alice, challenge: alice.world.approve(alice.phone, challenge),
        "Confirmed",
        "Bestätigt",
    ),
    "denied": (
        lambda alice, challenge: denied(alice, challenge, "deny"),
        "You declined",
        "Sie haben abgelehnt",
    ),
    "fraud": (
        lambda alice, challenge: denied(alice, challenge, "report_fraud"),
        "You reported a fraud",
        "Betrug gemeldet",
    ),
    "locked": (wrong_five_times, "Too many wrong answers", "Zu viele falsche Antworten"),
    "expired": (
        lambda alice, _: alice.world.clock.advance(121),
        "The time is up",
        "Die Zeit ist abgelaufen",
    ),
    "cancelled": (
        lambda alice, challenge: alice.api.call("DELETE", f"/v1/challenges/{challenge['id']}"),
        "This request was withdrawn",
        "Diese Anfrage wurde zurückgezogen",
    ),
}


@pytest.mark.parametrize("return_uri", [None, RETURN])
@pytest.mark.parametrize("end", ENDS)
def test_every_end_is_told_in_both_languages(
    alice: Alice, end: str, return_uri: str | None
) -> None:
    come_about, english, german = ENDS[end]
    challenge, browser = alice.opened(**({"return_uri": return_uri} if return_uri else {}))
    come_about(alice, challenge)
    browser.go(browser.here)
    assert english in browser.page.text
    assert not browser.page.forms
    assert not browser.page.one("main").get("data-state")
    assert ("You can close this window" in browser.page.text) is (return_uri is None)
    browser.go(f"{browser.here}?lang=de")
    assert german in browser.page.text


def test_two_parts_are_asked_one_after_the_other(alice: Alice) -> None:
    methods, prior = ["totp", "recovery_code"], alice.world.prior()
    _, browser = alice.opened(acr_values=[AAL2], methods=methods, prior=prior)
    browser.submit("answers", method="recovery_code", code=alice.codes[0])
    assert "Confirmed" not in browser.page.text
    assert "The first part is done. One more step." in browser.page.text
    browser.submit("answers", code=alice.totp.next())
    assert "Confirmed" in browser.page.text


def use_up(alice: Alice, *, left: int) -> None:
    """Use recovery codes until so many are left."""
    for code in alice.codes[: 10 - left]:
        opened = alice.api.challenge(acr_values=[AAL1])
        assert alice.api.answer(opened["id"], "recovery_code", code).status_code == 200


def test_when_codes_run_low_the_page_says_so_and_waits(alice: Alice) -> None:
    use_up(alice, left=4)
    challenge, browser = alice.opened(return_uri=RETURN)
    typing(browser, "recovery_code").submit("answers", code=alice.codes[6])
    page = browser.page
    assert "You have 3 recovery codes left" in page.text
    assert [a for a in page.all("a") if a["href"] == "/account"]
    assert str(page.onward).startswith(RETURN)
    assert not page.all("meta", **{"http-equiv": "refresh"})
    assert not [a for a in page.all("a") if "data-onward" in a]
    assert status_of(alice, challenge) == ("satisfied", None)


def test_with_enough_codes_there_is_no_warning(alice: Alice) -> None:
    use_up(alice, left=5)
    _, browser = alice.opened()
    typing(browser, "recovery_code").submit("answers", code=alice.codes[5])
    assert "codes left" not in browser.page.text


def test_who_used_another_way_is_not_warned(alice: Alice) -> None:
    use_up(alice, left=1)
    _, browser = alice.opened()
    typing(browser, "totp").submit("answers", code=alice.totp.next())
    assert "Confirmed" in browser.page.text
    assert "codes left" not in browser.page.text
