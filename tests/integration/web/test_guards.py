"""What another site, a stolen address or a careless browser cannot do to a page."""

import pytest

from tests.support.alice import Alice
from tests.support.browser import FORM, NAVIGATION
from tests.support.world import ISSUER

SAME, CROSS = {"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "cross-site"}
OURS, NULL, OTHER = {"Origin": ISSUER}, {"Origin": "null"}, {"Origin": "https://evil.example"}
FORMS = ("answers", "push", "deny")


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param({**NAVIGATION, **NULL, **SAME}, id="a form under no-referrer"),
        pytest.param({**NAVIGATION, **OURS, **SAME}, id="a form that says its origin"),
        pytest.param(OURS, id="an old browser"),
    ],
)
def test_our_own_form_is_taken(alice: Alice, sent: dict[str, str]) -> None:
    challenge, browser = alice.opened()
    assert browser.submit("deny", headers=sent) == 303
    assert alice.api.read(challenge["id"])["status"] == "denied"


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "sent",
    [
        pytest.param({}, id="neither origin nor metadata"),
        pytest.param(NULL, id="null origin without metadata"),
        pytest.param({**NULL, **CROSS}, id="a sandboxed frame elsewhere"),
        pytest.param({**NULL, "Sec-Fetch-Site": "same-site"}, id="a neighbour under null"),
        pytest.param({**NULL, "Sec-Fetch-Site": "none"}, id="typed, which no POST is"),
        pytest.param({**OTHER, **CROSS}, id="another site"),
        pytest.param({**OTHER, **SAME}, id="another origin that claims to be same"),
        pytest.param({**OURS, **CROSS}, id="our origin from elsewhere"),
        pytest.param(SAME, id="no origin"),
        pytest.param({"Origin": ISSUER + "0"}, id="a longer port"),
        pytest.param({"Origin": ISSUER + "/"}, id="an address, no origin"),
        pytest.param({"Origin": "http://localhost.evil.example:8000"}, id="a longer host"),
    ],
)
def test_a_form_from_elsewhere_is_refused(alice: Alice, form: str, sent: dict[str, str]) -> None:
    challenge, browser = alice.opened()
    browser.go(f"{browser.here}?method=totp") if form == "answers" else None
    headers = {**NAVIGATION, **sent}
    assert browser.submit(form, headers=headers, code=alice.totp.code()) == 403
    assert "refused for your protection" in browser.page.text
    untouched = alice.api.read(challenge["id"])
    assert (untouched["status"], untouched["attempts_left"]) == ("pending", 5)


@pytest.mark.parametrize("token", ["", "x", "A" * 43, "ä"])
@pytest.mark.parametrize("form", ["push", "deny"])
def test_a_wrong_csrf_token_is_refused(alice: Alice, form: str, token: str) -> None:
    challenge, browser = alice.opened()
    assert browser.submit(form, csrf=token) == 403
    assert alice.api.read(challenge["id"])["status"] == "pending"


def test_the_token_of_another_session_is_refused(alice: Alice) -> None:
    _, browser = alice.opened()
    foreign = browser.page.forms["deny"]["csrf"]
    challenge, other = alice.opened()
    assert other.page.forms["deny"]["csrf"] != foreign
    assert other.submit("deny", csrf=foreign) == 403
    assert alice.api.read(challenge["id"])["status"] == "pending"


def test_a_form_without_the_cookie_is_refused(alice: Alice) -> None:
    challenge, browser = alice.opened()
    thief = alice.browser()
    thief.here, thief.response = browser.here, browser.response
    assert thief.submit("deny") == 410
    assert alice.api.read(challenge["id"])["status"] == "pending"


@pytest.mark.parametrize("destination", ["iframe", "frame", "embed", "object", "fencedframe"])
def test_no_page_opens_inside_another_one(alice: Alice, destination: str) -> None:
    _, browser = alice.opened()
    framed = {"Sec-Fetch-Dest": destination, "Sec-Fetch-Site": "cross-site"}
    assert browser.go(browser.here, **framed).status_code == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
@pytest.mark.parametrize("mode", ["cors", "no-cors", "websocket"])
def test_scripts_of_other_sites_read_nothing(alice: Alice, site: str, mode: str) -> None:
    _, browser = alice.opened()
    headers = {"Sec-Fetch-Mode": mode, "Sec-Fetch-Site": site, "Sec-Fetch-Dest": "empty"}
    assert browser.script("GET", "/state", **headers).status_code == 403
    assert browser.script("GET", "", **headers).status_code == 403


def test_a_preflight_permits_nothing(alice: Alice) -> None:
    _, browser = alice.opened()
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    response = alice.world.app.test_client().options(f"{browser.here}/deny", headers=asked)
    assert not [name for name, _ in response.headers if name.startswith("Access-Control")]


@pytest.mark.parametrize(
    ("body", "media", "status"),
    [
        (b"csrf=a&csrf=b", "application/x-www-form-urlencoded", 422),
        (b"csrf=%00", "application/x-www-form-urlencoded", 422),
        (b"csrf=%ff", "application/x-www-form-urlencoded", 422),
        (b"\xff", "application/x-www-form-urlencoded", 422),
        (b"&".join(b"f%d=1" % n for n in range(33)), "application/x-www-form-urlencoded", 422),
        (b"csrf=" + b"a" * 65_536, "application/x-www-form-urlencoded", 413),
        (b"--x\r\n\r\n--x--", "multipart/form-data; boundary=x", 415),
        (b"csrf=a", "text/plain", 415),
        (b"{}", "application/json", 403),
        (b"", "application/x-www-form-urlencoded", 403),
    ],
)
def test_a_faulty_form_is_refused(alice: Alice, body: bytes, media: str, status: int) -> None:
    challenge, browser = alice.opened()
    sent = {"headers": FORM, "content_type": media}
    response = browser._client.post(f"{browser.here}/deny", data=body, **sent)
    assert response.status_code == status
    assert response.mimetype == "text/html"
    assert alice.api.read(challenge["id"])["status"] == "pending"


@pytest.mark.parametrize("query", ["method=a&method=b", "said=%00", "said=%0a"])
def test_a_faulty_query_is_refused(alice: Alice, query: str) -> None:
    _, browser = alice.opened()
    assert browser.go(f"{browser.here}?{query}").status_code == 422


def test_unknown_queries_change_nothing(alice: Alice) -> None:
    _, browser = alice.opened()
    browser.go(f"{browser.here}?method=nothing&said=<script>&x=1")
    assert browser.response.status_code == 200
    assert "script>" not in browser.page.text
