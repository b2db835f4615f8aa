"""Back to the client: where the browser goes, and whom a forwarded link signs in (nobody)."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from mfa_service.domain.ports import JsonObject
from tests.support.alice import RETURN, Alice, alice_of
from tests.support.browser import Browser
from tests.support.phone import claims_of
from tests.support.world import AAL2, World

RESULT = ("acr", "acr_satisfied", "amr", "auth_time", "result_token")


def returned(browser: Browser) -> dict[str, str]:
    """Return what the browser brings to the client."""
    address = browser.page.onward
    assert address is not None
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


def read(alice: Alice, challenge: dict[str, Any], code: str | None = None) -> dict[str, Any]:
    query = "" if code is None else f"?return_code={code}"
    response = alice.api.get(f"/v1/challenges/{challenge['id']}{query}")
    assert response.status_code == 200
    return dict(response.get_json())


def withheld(found: JsonObject) -> bool:
    """Tell whether the result is there in name and null in value."""
    assert set(RESULT) <= found.keys()
    values = [found[name] for name in RESULT]
    assert all(value is None for value in values) or None not in values
    return values[0] is None


def satisfied(alice: Alice, **members: Any) -> tuple[dict[str, Any], Browser]:
    """Return a challenge that was answered on its page."""
    challenge, browser = alice.opened(return_uri=RETURN, **members)
    _by_totp(alice, browser)
    return challenge, browser


def _by_totp(alice: Alice, browser: Browser) -> None:
    browser.go(f"{browser.here}?method=totp")
    browser.submit("answers", code=alice.totp.next())


def test_the_browser_brings_back_what_the_client_needs(alice: Alice) -> None:
    challenge, browser = satisfied(alice, state="a b&c=d")
    address = urlsplit(str(browser.page.onward))
    assert f"{address.scheme}://{address.netloc}{address.path}" == "https://shop.example/back"
    back = returned(browser)
    assert len(back.pop("return_code")) == 22
    assert back == {"from": "mfa", "challenge_id": challenge["id"], "state": "a b&c=d"}


def test_without_state_none_is_sent(alice: Alice) -> None:
    _, browser = satisfied(alice)
    assert returned(browser).keys() == {"from", "challenge_id", "return_code"}


def test_the_browser_goes_on_with_and_without_scripts(alice: Alice) -> None:
    _, browser = satisfied(alice)
    link = browser.page.one("a", **{"class": "button whole"})
    assert link["data-onward"] == "0"
    refresh = browser.page.one("meta", **{"http-equiv": "refresh"})
    assert refresh["content"] == f"0;url={link['href']}"


def test_after_no_the_person_may_read_before_the_browser_goes_on(alice: Alice) -> None:
    _, browser = alice.opened(return_uri=RETURN)
    browser.submit("deny")
    link = browser.page.one("a", **{"class": "button whole"})
    assert int(link["data-onward"]) >= 5
    assert "Stay here" in browser.page.text
    assert returned(browser)["return_code"]


def test_while_it_is_pending_nothing_says_where_it_leads(alice: Alice) -> None:
    _, browser = alice.opened(return_uri=RETURN)
    assert "return_code" not in browser.response.text
    assert "shop.example" not in browser.response.text


def test_the_result_is_withheld_until_the_code_came_back(alice: Alice) -> None:
    challenge, browser = satisfied(alice)
    found = read(alice, challenge)
    assert found["status"] == "satisfied"
    assert withheld(found)
    found = read(alice, challenge, returned(browser)["return_code"])
    assert not withheld(found)
    assert claims_of(found["result_token"])["txn"] == challenge["id"]
    assert withheld(read(alice, challenge))  # each read needs it


@pytest.mark.parametrize("code", ["x", "A" * 22, "%C3%A4", "A" * 64])
def test_a_wrong_code_gets_nothing(alice: Alice, code: str) -> None:
    challenge, _ = satisfied(alice)
    assert withheld(read(alice, challenge, code))


def test_the_code_of_one_challenge_is_none_of_another(alice: Alice) -> None:
    first, browser = satisfied(alice)
    second, _ = satisfied(alice)
    code = returned(browser)["return_code"]
    assert withheld(read(alice, second, code))
    assert not withheld(read(alice, first, code))


def test_the_code_is_good_for_300_seconds(alice: Alice) -> None:
    challenge, browser = satisfied(alice)
    code = returned(browser)["return_code"]
    alice.world.clock.advance(300)
    assert not withheld(read(alice, challenge, code))
    alice.world.clock.advance(1)
    assert withheld(read(alice, challenge, code))


def test_a_waiting_client_gets_it_too(alice: Alice) -> None:
    challenge, browser = satisfied(alice)
    code = returned(browser)["return_code"]
    response = alice.api.get(f"/v1/challenges/{challenge['id']}?wait=25&return_code={code}")
    assert not withheld(response.get_json())


def test_a_page_that_nobody_opened_withholds_nothing(alice: Alice) -> None:
    challenge = alice.api.challenge(return_uri=RETURN)
    alice.world.approve(alice.phone, challenge)
    assert not withheld(read(alice, challenge))


def test_without_return_uri_nothing_is_withheld(alice: Alice) -> None:
    challenge, browser = alice.opened()
    _by_totp(alice, browser)
    assert not withheld(read(alice, challenge))


def test_opened_after_the_answer_the_page_still_withholds(alice: Alice) -> None:
    challenge = alice.api.challenge(return_uri=RETURN)
    alice.world.approve(alice.phone, challenge)
    browser = alice.browser()
    browser.go(challenge["page"])
    assert withheld(read(alice, challenge))
    assert not withheld(read(alice, challenge, returned(browser)["return_code"]))


def test_an_answer_through_the_api_is_withheld_too_once_the_page_was_opened(alice: Alice) -> None:
    challenge, _ = alice.opened(return_uri=RETURN)
    answered = alice.api.answer(challenge["id"], "totp", alice.totp.next())
    assert answered.get_json()["status"] == "satisfied"
    assert withheld(answered.get_json())


@pytest.mark.parametrize("how", ["totp", "phone"])
def test_a_forwarded_link_signs_nobody_in(any_world: World, how: str) -> None:
    """Threats: "Start a login as the victim and send them the genuine page link"."""
    alice = alice_of(any_world)
    # The attacker, with the password, starts a login and mails the link to the victim.
    prior = any_world.prior()
    attackers = alice.api.challenge(acr_values=[AAL2], prior=prior, return_uri=RETURN, state="att")
    # The victim opens it and proves herself on the genuine page.
    victim = alice.browser()
    victim.go(attackers["page"])
    if how == "totp":
        _by_totp(alice, victim)
    else:
        assert any_world.approve(alice.phone, attackers).status_code == 200
        victim.go(victim.here)
    assert "Confirmed" in victim.page.text
    # The attacker's browser, to which the client speaks, has neither page nor code.
    attacker = alice.browser()
    assert attacker.go(attackers["page"]).status_code == 410
    assert attacker.go(victim.here).status_code == 410
    assert "return_code" not in attacker.response.text
    assert withheld(read(alice, attackers))
    # The code went with the victim's browser, to the registered address and no other.
    assert str(victim.page.onward).startswith("https://shop.example/back?")
    assert returned(victim)["state"] == "att"


def test_a_forwarded_link_changes_nothing_either(alice: Alice) -> None:
    """The step-up that a victim gave elsewhere is not spent until her browser came back."""
    challenge, victim = satisfied(alice, purpose="manage")
    wanted = {"sub": "alice", "type": "totp", "challenge_id": challenge["id"]}
    refused = alice.api.post("/v1/enrollments", wanted)
    assert refused.status_code == 403
    assert refused.get_json()["type"].endswith("/binding-requires-step-up")
    assert not withheld(read(alice, challenge, returned(victim)["return_code"]))


def test_a_step_up_that_came_back_is_spent(alice: Alice) -> None:
    challenge, browser = alice.opened(purpose="manage", return_uri=RETURN)
    alice.world.approve(alice.phone, challenge)
    browser.go(browser.here)
    wanted = {"sub": "alice", "type": "totp", "challenge_id": challenge["id"]}
    assert alice.api.post("/v1/enrollments", wanted).status_code == 403
    read(alice, challenge, returned(browser)["return_code"])
    assert alice.api.post("/v1/enrollments", wanted).status_code == 201
    assert alice.api.post("/v1/enrollments", wanted).status_code == 403


def test_a_code_read_out_over_the_telephone_is_worth_aal2_at_most(alice: Alice) -> None:
    """Threats: "telephone the victim, read out the display code"."""
    prior = alice.world.prior()
    challenge, attacker = alice.opened(acr_values=[AAL2], prior=prior, return_uri=RETURN)
    told = attacker.page.one("p", role="img")["data-code"]
    assert alice.world.approve(alice.phone, challenge, code=told).status_code == 200
    attacker.go(attacker.here)
    found = read(alice, challenge, returned(attacker)["return_code"])
    assert found["acr"] == AAL2
    assert found["acr_satisfied"][-1] == AAL2
    # A level above cannot even be asked of her phone.
    asked = {"sub": "alice", "acr_values": ["phr"], "prior": prior, "return_uri": RETURN}
    assert alice.api.post("/v1/challenges", asked).status_code == 409
