"""What the hosted page shows while it waits for an answer."""

from typing import Any

import pytest
from markupsafe import escape

from tests.support.alice import RETURN, Alice
from tests.support.browser import Browser, Document
from tests.support.world import AAL1, AAL2, World, close, make_world

MARKUP = '<script>alert(1)</script><img src=x onerror="alert(1)">'
WAYS = {
    "push": "Use your phone",
    "totp": "Type a code from an app",
    "recovery_code": "Use a recovery code",
    "webauthn": "Use a passkey",
}
LIMIT = 60_000


def chosen(page: Document) -> str:
    """Return the way that the page puts first."""
    if page.all("p", role="img"):
        return "push"
    if page.all("button", **{"data-begin": ""}):
        return "webauthn"
    return page.one("input", name="method")["value"]


def others(page: Document) -> list[str]:
    """Return the ways that are one step away."""
    links = [a["href"] for a in page.all("a") if "?method=" in a["href"]]
    return [link.rpartition("=")[2] for link in links]


def test_it_says_who_asks_for_what_which_account_and_where_from(alice: Alice) -> None:
    context = {
        "ip": "192.0.2.44",
        "user_agent": "Firefox",
        "application": "Web shop",
        "location": "Berlin",
    }
    _, browser = alice.opened(binding_message="Order 4711", context=context)
    text = browser.page.text
    assert "shop asks" in text
    assert "Account alice" in text
    assert "Order 4711" in text
    assert "Application Web shop Place Berlin Network address 192.0.2.44 Browser Firefox" in text
    assert "Go on only if you started this yourself" in text


def test_a_transaction_is_shown_as_it_was_given(alice: Alice) -> None:
    transaction = {
        "amount": 120000,
        "to": {"name": "Rosa\nMüller", "accounts": ["DE02", "DE03"]},
        "express": True,
        "note": None,
        "no": {},
        "zero": 0,
    }
    _, browser = alice.opened(transaction=transaction)
    shown = "amount 120000 to name Rosa Müller accounts DE02 DE03 express true note ~ no ~ zero 0"
    assert shown in browser.page.text.replace("\N{EN DASH}", "~")


def test_the_display_code_is_grouped_and_read_digit_by_digit(alice: Alice) -> None:
    challenge, browser = alice.opened()
    code = challenge["display_code"]
    digits = browser.page.one("p", role="img")
    assert digits["aria-label"] == " ".join(code)
    assert f"{code[:3]} {code[3:]}" in browser.page.text
    assert "Type this number into the app on Pixel 9" in browser.page.text


def test_the_display_code_is_shown_only_where_a_phone_is_asked(alice: Alice) -> None:
    challenge, browser = alice.opened(methods=["totp"])
    assert not browser.page.all("p", role="img")
    assert "display_code" not in challenge


def test_a_change_of_how_one_signs_in_is_called_so(alice: Alice) -> None:
    _, browser = alice.opened(purpose="manage")
    assert "Change how you sign in" in browser.page.text
    assert "can be added or removed" in browser.page.text
    _, login = alice.opened(purpose="login")
    assert "Change how you sign in" not in login.page.text


@pytest.mark.parametrize("language", ["en", "de"])
def test_every_shown_text_is_escaped(world: World, language: str) -> None:
    api = world.client(MARKUP[:100], redirect_uris=(RETURN,))
    sub = f"alice{MARKUP}"
    world.phone(sub, api=api, label=MARKUP[:64])
    challenge = api.challenge(
        sub,
        binding_message=MARKUP,
        transaction={MARKUP: {"a": [MARKUP, {MARKUP: MARKUP}]}},
        context=dict.fromkeys(("ip", "user_agent", "application", "location"), MARKUP),
        return_uri=RETURN,
        state=MARKUP,
    )
    browser = Browser(world, language=language)
    browser.go(challenge["page"])
    assert "<script>alert" not in browser.response.text
    assert "<img" not in browser.response.text
    assert browser.response.text.count(str(escape(MARKUP))) >= 8
    browser.submit("deny")
    assert "<script>alert" not in browser.response.text
    assert "<img" not in browser.response.text


@pytest.mark.parametrize(
    ("members", "first", "rest"),
    [
        ({}, "push", ["totp", "recovery_code"]),
        ({"acr_values": [AAL1]}, "push", ["totp", "recovery_code"]),
        ({"methods": ["totp", "push"]}, "totp", ["push"]),
        ({"methods": ["recovery_code"]}, "recovery_code", []),
        ({"methods": ["push"]}, "push", []),
    ],
)
def test_one_way_is_put_first_and_the_others_are_one_step_away(
    alice: Alice, members: dict[str, Any], first: str, rest: list[str]
) -> None:
    _, browser = alice.opened(**members)
    assert chosen(browser.page) == first
    assert others(browser.page) == rest
    for method in rest:
        assert WAYS[method] in browser.page.text


def test_every_other_way_opens_without_a_script(alice: Alice) -> None:
    _, browser = alice.opened()
    page = browser.here
    for method in ("totp", "recovery_code", "push"):
        browser.go(f"{page}?method={method}")
        assert chosen(browser.page) == method
        assert method not in others(browser.page)


def test_a_way_that_is_not_offered_cannot_be_chosen(alice: Alice) -> None:
    _, browser = alice.opened(methods=["totp"])
    browser.go(f"{browser.here}?method=push")
    assert chosen(browser.page) == "totp"


def test_what_suffices_with_the_password_comes_first(alice: Alice) -> None:
    prior = alice.world.prior()
    members = {"acr_values": [AAL2], "prior": prior, "methods": ["recovery_code", "totp"]}
    _, browser = alice.opened(**members)
    assert chosen(browser.page) == "totp"
    assert others(browser.page) == []  # a recovery code and the password stay below the level


def test_a_suspended_authenticator_is_not_shown(alice: Alice) -> None:
    _, browser = alice.opened()
    alice.api.call("PATCH", f"/v1/authenticators/{alice.totp.id}", {"state": "suspended"})
    browser.go(browser.here)
    assert others(browser.page) == ["recovery_code"]


def test_when_nothing_is_left_the_page_says_so(alice: Alice) -> None:
    _, browser = alice.opened(methods=["totp"])
    alice.api.call("PATCH", f"/v1/authenticators/{alice.totp.id}", {"state": "suspended"})
    browser.go(browser.here)
    assert "None of your ways to sign in" in browser.page.text
    assert "deny" in browser.page.forms


def test_until_when_it_is_valid_stands_in_the_page_without_scripts(alice: Alice) -> None:
    challenge, browser = alice.opened(expires_in=90)
    assert browser.page.one("span", **{"data-until": ""}) is not None
    assert browser.page.all("time")
    assert browser.page.one("span", hidden="")["data-left"] == "90"
    assert challenge["expires_at"] - challenge["created_at"] == 90


def test_without_scripts_only_the_view_of_the_phone_reloads_by_itself(alice: Alice) -> None:
    _, browser = alice.opened()
    assert browser.page.one("meta", **{"http-equiv": "refresh"})["content"] == "5"
    browser.go(f"{browser.here}?method=totp")
    assert not browser.page.all("meta", **{"http-equiv": "refresh"})  # would take what is typed


def test_the_landmarks_and_the_way_past_them(alice: Alice) -> None:
    _, browser = alice.opened()
    page = browser.page
    assert page.one("html")["lang"] == "en"
    assert page.one("main")["id"] == "main"
    assert page.one("a", **{"class": "skip"})["href"] == "#main"
    assert page.one("p", role="status")
    assert len(page.all("h1")) == 1
    assert page.one("meta", name="viewport")


def test_the_largest_page_is_small(alice: Alice) -> None:
    transaction = {f'"{n:03}': '"' * 20 for n in range(75)}
    members = {"binding_message": '"' * 128, "transaction": transaction}
    members["context"] = dict.fromkeys(("ip", "user_agent", "application", "location"), '"' * 256)
    _, browser = alice.opened(**members)
    assert 10_000 < len(browser.response.data) < LIMIT


def test_with_an_ip_address_as_issuer_no_passkey_is_offered(sqlite_url: str) -> None:
    world = make_world(sqlite_url, MFA_ISSUER="http://127.0.0.1:8000")
    world.totp()
    api = world.client("shop", redirect_uris=(RETURN,))
    browser = Browser(world)
    browser.go(api.challenge(return_uri=RETURN)["page"])
    assert chosen(browser.page) == "totp"
    assert others(browser.page) == []
    assert browser.script("POST", "/webauthn", Origin="http://127.0.0.1:8000").status_code == 409
    close(world)
