"""What surrounds every page: headers, refusals, files, languages."""

import re
from typing import Any

import pytest
from sqlalchemy import update
from werkzeug.test import TestResponse

from mfa_service.domain.errors import MfaError, every_problem
from mfa_service.persistence.models import Challenge
from mfa_service.web import assets, frame, i18n
from mfa_service.web.routes import PAGES
from tests.support.alice import Alice
from tests.support.world import ISSUER, World, close, make_world

LATER = ("throttled", "unavailable")
POLICY = {
    "default-src": "'none'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "connect-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
    "require-trusted-types-for": "'script'",
    "trusted-types": "'none'",
}


def policy_of(response: TestResponse) -> dict[str, str]:
    parts = response.headers["Content-Security-Policy"].split("; ")
    return {name: value for name, _, value in (part.partition(" ") for part in parts)}


def addresses(alice: Alice) -> list[str]:
    challenge, browser = alice.opened()
    unopened = alice.api.challenge()["page"]
    return [
        browser.here,
        f"{browser.here}?method=totp",
        f"{browser.here}/state",
        f"{browser.here}/answers",
        f"{browser.here}/nothing",
        unopened,
        challenge["page"],
        "/challenge/chl_unknown",
        "/challenge/",
        f"/static/{assets.version()}/style.css",
        "/static/x/nothing.css",
    ]


def test_every_answer_to_a_browser_has_every_header(alice: Alice) -> None:
    client = alice.world.app.test_client()
    for address in addresses(alice):
        response = client.get(address)
        headers = response.headers
        policy = policy_of(response)
        assert policy.items() >= POLICY.items(), address
        assert policy.keys() - POLICY.keys() <= {"script-src"}
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert "publickey-credentials-get=(self)" in headers["Permissions-Policy"]
        assert "publickey-credentials-create=(self)" in headers["Permissions-Policy"]
        assert "Access-Control-Allow-Origin" not in headers
        assert "Strict-Transport-Security" not in headers  # http on loopback
        if "/static/" not in address:
            assert headers["Cache-Control"] == "no-store", address


def test_scripts_run_by_a_nonce_of_this_answer_alone(alice: Alice) -> None:
    _, browser = alice.opened()
    nonces = set()
    for _ in range(2):
        browser.go(browser.here)
        (nonce,) = re.findall(r"'nonce-([\w-]{22})'", policy_of(browser.response)["script-src"])
        scripts = browser.page.all("script")
        assert scripts
        assert {script["nonce"] for script in scripts} == {nonce}
        assert all(script["src"].startswith("/static/") for script in scripts)
        nonces.add(nonce)
    assert len(nonces) == 2
    assert "unsafe" not in browser.response.headers["Content-Security-Policy"]


def test_pages_have_no_inline_style_or_handler_and_no_other_origin(alice: Alice) -> None:
    _, browser = alice.opened(return_uri="https://shop.example/back?from=mfa")
    for tag, attrs in browser.page.tags:
        assert not [name for name in attrs if name == "style" or name.startswith("on")], tag
        loaded = attrs.get("src") or (attrs.get("href") if tag == "link" else None)
        assert loaded is None or loaded.startswith("/static/")


def test_strict_transport_security_over_https(sqlite_url: str) -> None:
    world = make_world(sqlite_url, MFA_ISSUER="https://mfa.example")
    response = world.app.test_client().get("/challenge/chl_unknown")
    assert response.headers["Strict-Transport-Security"] == "max-age=31536000"
    close(world)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/challenge/chl_unknown", 404),
        ("GET", "/challenge/chl_unknown/", 404),
        ("GET", "/challenge//x", 404),
        ("GET", "/challenge/chl_unknown/answers", 405),
        ("POST", "/challenge/chl_unknown", 405),
        ("GET", "/static/x/../style.css", 404),
        ("GET", "/static/x/..%2f..%2fapp.py", 404),
        ("GET", "/static/x/__init__.py", 404),
        ("GET", "/static/style.css", 404),
    ],
)
def test_a_refusal_is_a_page_with_its_status(
    world: World, method: str, path: str, status: int
) -> None:
    response = world.app.test_client().open(path, method=method)
    assert response.status_code == status
    assert response.mimetype == "text/html"
    assert "<h1>" in response.text
    assert "Traceback" not in response.text


def test_a_method_that_is_not_known_is_refused_with_those_that_are(world: World) -> None:
    response = world.app.test_client().get("/challenge/chl_unknown/answers")
    assert "POST" in response.headers["Allow"]


def test_a_fault_of_ours_is_told_without_a_word_of_why(alice: Alice) -> None:
    _, browser = alice.opened()
    with alice.world.services.foundation.work.transaction() as tx:
        tx.execute(update(Challenge).values(request=b"altered"))
    assert browser.go(browser.here).status_code == 500
    assert "Something went wrong on our side" in browser.page.text
    assert not re.search("seal|Traceback|altered", browser.response.text, re.IGNORECASE)


def test_a_script_that_asks_for_json_gets_a_problem(world: World) -> None:
    accept = {"Accept": "application/json"}
    response = world.app.test_client().get("/challenge/chl_unknown", headers=accept)
    assert response.status_code == 404
    assert response.get_json()["type"] == f"{ISSUER}/problems/not-found"


def test_the_api_answers_programs_as_before(world: World) -> None:
    response = world.app.test_client().get("/v1/nothing", headers={"Accept": "text/html"})
    assert response.mimetype == "application/problem+json"
    assert "Content-Security-Policy" not in response.headers


@pytest.mark.parametrize("kind", every_problem(), ids=lambda kind: kind.slug)
def test_every_refusal_has_words(world: World, kind: type[MfaError]) -> None:
    arguments: dict[str, Any] = {"invalid-request": {"errors": {}}} | {
        slug: {"retry_after": 1} for slug in LATER
    }
    error = kind(**arguments.get(kind.slug, {}))
    with world.app.test_request_context("/challenge/x"):
        from_app = world.app.test_request_context("/challenge/x").request
        response = frame.refusal(from_app, world.services, error)
    assert response.status_code == kind.status
    assert re.search(r"<h1>.+</h1>", response.get_data(as_text=True))


def test_a_file_is_kept_for_ever_under_its_version(world: World) -> None:
    client = world.app.test_client()
    for name, asset in assets.assets().items():
        current = client.get(assets.path_of(name))
        assert current.data == asset.content
        assert "immutable" in current.headers["Cache-Control"]
        assert current.content_type == asset.media_type
        old = client.get(f"/static/0000/{name}")
        assert old.headers["Cache-Control"] == "public, no-cache"
        fresh = client.get(f"/static/0000/{name}", headers={"If-None-Match": old.headers["ETag"]})
        assert fresh.status_code == 304


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("de", "de"),
        ("de-AT,en;q=0.5", "de"),
        ("fr,de;q=0.5", "de"),
        ("en-GB,de;q=0.9", "en"),
        ("fr", "en"),
        ("*", "en"),
        ("", "en"),
        ("x" * 2000, "en"),
    ],
)
def test_the_browser_says_which_language_it_prefers(
    world: World, accepted: str, language: str
) -> None:
    headers = {"Accept-Language": accepted}
    response = world.app.test_client().get("/challenge/chl_unknown", headers=headers)
    assert f'<html lang="{language}">' in response.text
    assert response.headers["Content-Language"] == language


def test_a_chosen_language_stays(alice: Alice) -> None:
    _, browser = alice.opened()
    assert "Confirm that it is you" in browser.page.text
    browser.go(browser.page.one("a", lang="de")["href"])
    assert "Bestätigen Sie, dass Sie es sind" in browser.page.text
    browser.go(browser.here.partition("?")[0])
    assert "Bestätigen Sie, dass Sie es sind" in browser.page.text
    browser.go(browser.page.one("a", lang="en")["href"])
    assert browser.page.one("html")["lang"] == "en"


def test_an_unknown_language_is_passed_over(world: World) -> None:
    response = world.app.test_client().get("/challenge/chl_unknown?lang=../../x")
    assert '<html lang="en">' in response.text
    assert "Set-Cookie" not in response.headers


def test_the_switch_keeps_what_else_the_address_says(alice: Alice) -> None:
    _, browser = alice.opened()
    browser.go(f"{browser.here}?method=totp&x=%22%3E%3Cscript%3E")
    browser.go(browser.page.one("a", lang="de")["href"])
    assert browser.page.one("input", id="code")
    assert "<script>" not in browser.response.text


def test_times_and_numbers_are_written_as_the_reader_does() -> None:
    at = 1_795_430_000
    assert "10:33:20 UTC" in i18n.clock(at, i18n.ENGLISH)
    assert "23. November 2026" in i18n.day(at, i18n.GERMAN)
    assert "23 Nov 2026, 10:33 UTC" in i18n.moment(at, i18n.ENGLISH)
    assert 'datetime="2026-11-23T10:33:20Z"' in i18n.moment(at, i18n.GERMAN)
    assert i18n.number(1234567, i18n.GERMAN) == "1.234.567"


def test_below_an_issuer_with_a_path_every_address_is_below_it(sqlite_url: str) -> None:
    world = make_world(sqlite_url, MFA_ISSUER="https://example.org/mfa")
    world.totp()
    challenge = world.client().challenge()
    client = world.app.test_client()
    opened = client.get(challenge["page"].removeprefix("https://example.org/mfa"))
    assert opened.headers["Location"] == f"/mfa/challenge/{challenge['id']}"
    page = client.get(opened.headers["Location"].removeprefix("/mfa")).text
    addresses = re.findall(r'(?:href|src|action|data-state)="([^"#]+)', page)
    assert addresses
    assert all(address.startswith("/mfa/") for address in addresses)
    close(world)


def test_names_of_pages_are_unique_and_every_get_is_safe_to_repeat() -> None:
    assert len({page.name for page in PAGES}) == len(PAGES)
    assert {page.method for page in PAGES} <= {"GET", "POST"}
