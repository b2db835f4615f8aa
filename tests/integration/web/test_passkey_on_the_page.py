"""A passkey on the hosted page: bound to this page, offered only where the browser is sent back."""

from typing import Any

import pytest

from tests.support import passkeys
from tests.support.alice import RETURN, Alice
from tests.support.authenticator import SoftAuthenticator
from tests.support.browser import Browser
from tests.support.world import ISSUER


@pytest.fixture
def key(alice: Alice) -> SoftAuthenticator:
    """Return a passkey that Alice enrolled."""
    enrollment = alice.api.enroll(type="webauthn", challenge_id=alice.step_up())
    made = SoftAuthenticator()
    done = alice.api.confirm(
        enrollment, credential=made.create(enrollment["publicKey"], origin=ISSUER)
    )
    assert done.status_code == 200, done.text
    alice.world.clock.advance(301)
    return made


def options(browser: Browser) -> dict[str, Any]:
    response = browser.script("POST", "/webauthn")
    assert response.status_code == 200, response.text
    return dict(response.get_json()["publicKey"])


def test_it_comes_first_and_reaches_phr(alice: Alice, key: SoftAuthenticator) -> None:
    challenge, browser = alice.opened(acr_values=["phr"], return_uri=RETURN)
    assert "Continue with your passkey" in browser.page.text
    assert "Another way" not in browser.page.text  # nothing else reaches that level
    credential = key.get(options(browser), origin=ISSUER)
    judged = browser.script("POST", "/webauthn/answer", {"credential": credential})
    assert judged.status_code == 200
    browser.go(browser.here)
    code = str(browser.page.onward).rpartition("return_code=")[2]
    found = alice.api.get(f"/v1/challenges/{challenge['id']}?return_code={code}").get_json()
    assert found["acr"] == "phr"


@pytest.mark.usefixtures("key")
def test_where_others_suffice_they_are_one_step_away(alice: Alice) -> None:
    _, browser = alice.opened(return_uri=RETURN)
    assert browser.page.all("button", **{"data-begin": ""})
    ways = [a["href"].rpartition("=")[2] for a in browser.page.all("a") if "?method=" in a["href"]]
    assert ways == ["push", "totp", "recovery_code"]


def test_without_a_way_back_there_is_none(alice: Alice, key: SoftAuthenticator) -> None:
    """Threats: a link that somebody forwarded would lend its strength to another session."""
    challenge, browser = alice.opened()
    assert "passkey" not in browser.page.text
    assert browser.script("POST", "/webauthn").status_code == 409
    given = alice.api.post(f"/v1/challenges/{challenge['id']}/webauthn").get_json()["publicKey"]
    credential = key.get(given, origin=ISSUER)
    refused = browser.script("POST", "/webauthn/answer", {"credential": credential})
    assert refused.status_code == 409
    assert alice.api.read(challenge["id"])["attempts_left"] == 5


def test_options_of_another_place_are_wrong_here(alice: Alice, key: SoftAuthenticator) -> None:
    """Threats: "Script on one registered origin harvests assertions"."""
    challenge, browser = alice.opened(return_uri=RETURN)
    given = alice.api.post(f"/v1/challenges/{challenge['id']}/webauthn").get_json()["publicKey"]
    options(browser)
    credential = key.get(given, origin=ISSUER)
    refused = browser.script("POST", "/webauthn/answer", {"credential": credential})
    assert refused.status_code == 403
    assert alice.api.read(challenge["id"])["attempts_left"] == 4


@pytest.mark.parametrize("origin", ["https://evil.example", "http://localhost:8001"])
def test_an_answer_made_elsewhere_is_wrong(
    alice: Alice, key: SoftAuthenticator, origin: str
) -> None:
    _, browser = alice.opened(return_uri=RETURN)
    credential = key.get(options(browser), origin=origin)
    refused = browser.script("POST", "/webauthn/answer", {"credential": credential})
    assert refused.status_code == 403
    browser.go(f"{browser.here}?method=webauthn&said=wrong")
    assert "This passkey was not accepted" in browser.page.text
    assert "4 tries are left" in browser.page.text


def test_one_answer_for_each_options(alice: Alice, key: SoftAuthenticator) -> None:
    _, browser = alice.opened(return_uri=RETURN)
    given = options(browser)
    wrong = key.get(given, origin="https://evil.example")
    assert browser.script("POST", "/webauthn/answer", {"credential": wrong}).status_code == 403
    right = key.get(given, origin=ISSUER)
    assert browser.script("POST", "/webauthn/answer", {"credential": right}).status_code == 403


@pytest.mark.usefixtures("key")
@pytest.mark.parametrize("path", ["/webauthn", "/webauthn/answer"])
@pytest.mark.parametrize(
    "headers",
    [
        {"X-CSRF-Token": "x"},
        {"Origin": "https://evil.example"},
        {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
    ],
)
def test_a_script_from_elsewhere_is_refused(
    alice: Alice, path: str, headers: dict[str, str]
) -> None:
    challenge, browser = alice.opened(return_uri=RETURN)
    assert browser.script("POST", path, {"credential": {}}, **headers).status_code == 403
    assert alice.api.read(challenge["id"])["attempts_left"] == 5


@pytest.mark.usefixtures("key")
@pytest.mark.parametrize(
    ("body", "status"),
    [({}, 422), ({"credential": "x"}, 422), ([], 400), ({"credential": {}}, 403)],
)
def test_a_faulty_body_is_refused(alice: Alice, body: object, status: int) -> None:
    _, browser = alice.opened(return_uri=RETURN)
    options(browser)
    assert browser.script("POST", "/webauthn/answer", body).status_code == status


@pytest.mark.usefixtures("key")
def test_another_browser_gets_no_options(alice: Alice) -> None:
    _, browser = alice.opened(return_uri=RETURN)
    thief = alice.browser()
    thief.here, thief.response = browser.here, browser.response
    assert thief.script("POST", "/webauthn").status_code == 410


def test_the_browser_is_told_to_forget_a_passkey_that_is_unknown(
    alice: Alice, key: SoftAuthenticator
) -> None:
    _, browser = alice.opened(return_uri=RETURN)
    credential = key.get(options(browser), origin=ISSUER)
    (passkey,) = _passkeys(alice)
    removed = alice.api.call("DELETE", f"/v1/authenticators/{passkey['id']}?reason=lost")
    assert removed.status_code == 204
    judged = browser.script("POST", "/webauthn/answer", {"credential": credential})
    told = {"rpId": "localhost", "credentialId": credential["id"]}
    assert judged.status_code == 403
    assert judged.get_json()["signals"] == {"signalUnknownCredential": told}


def test_it_is_not_told_to_forget_a_passkey_that_was_refused_for_another_reason(
    alice: Alice, key: SoftAuthenticator
) -> None:
    _, browser = alice.opened(return_uri=RETURN)
    credential = key.get(options(browser), origin="https://evil.example")
    judged = browser.script("POST", "/webauthn/answer", {"credential": credential})
    assert judged.status_code == 403
    assert judged.get_json()["signals"] == {}


@pytest.mark.usefixtures("key")
def test_nor_to_forget_one_of_another_person_who_uses_the_same_browser(alice: Alice) -> None:
    _, browser = alice.opened(return_uri=RETURN)
    other = passkeys.enrolled(alice.world, "bob").key
    given = options(browser) | {"allowCredentials": []}
    credential = other.get(given, origin=ISSUER)
    judged = browser.script("POST", "/webauthn/answer", {"credential": credential})
    assert (judged.status_code, judged.get_json()["signals"]) == (403, {})


@pytest.mark.parametrize("id_", ["", "=", "ä", "a" * 5, None, 7])
def test_what_is_no_id_is_no_passkey_to_forget(
    alice: Alice, key: SoftAuthenticator, id_: object
) -> None:
    _, browser = alice.opened(return_uri=RETURN)
    credential = key.get(options(browser), origin=ISSUER) | {"id": id_}
    judged = browser.script("POST", "/webauthn/answer", {"credential": credential})
    assert judged.status_code == 403
    assert "signalUnknownCredential" not in judged.get_json()["signals"]


def test_after_a_sign_in_the_browser_knows_which_passkeys_count(
    alice: Alice, key: SoftAuthenticator
) -> None:
    _, browser = alice.opened(return_uri=RETURN)
    credential = key.get(options(browser), origin=ISSUER)
    judged = browser.script("POST", "/webauthn/answer", {"credential": credential})
    told = judged.get_json()["signals"]["signalAllAcceptedCredentials"]
    assert told["allAcceptedCredentialIds"] == [credential["id"]]


def _passkeys(alice: Alice) -> list[dict[str, Any]]:
    found = alice.api.get("/v1/authenticators", query_string={"sub": "alice"})
    return [one for one in found.get_json()["authenticators"] if one["type"] == "webauthn"]
