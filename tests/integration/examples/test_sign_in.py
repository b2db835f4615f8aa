"""Sign-in, sessions, forms and headers of the example authorization server."""

import pytest

from tests.integration.examples.asking import callback, request_url
from tests.integration.examples.conftest import AS, PASSWORDS, SHOP, World


@pytest.mark.parametrize(("name", "password"), [("alice", "wrong"), ("nobody", "wrong"), ("", "")])
def test_a_wrong_name_and_a_wrong_password_read_the_same(
    world: World, name: str, password: str
) -> None:
    world.browser.open(f"{AS}/signin")
    page = world.browser.submit("signin", username=name, password=password)
    assert page.status == 403
    assert "The name or the password is not right." in page.html


def test_guessing_is_slowed_down_and_the_right_password_waits_too(world: World) -> None:
    world.browser.open(f"{AS}/signin")
    for _ in range(10):
        world.browser.submit("signin", username="alice", password="wrong")
    page = world.browser.submit("signin", username="alice", password=PASSWORDS["alice"])
    assert page.status == 429
    world.clock.later = 601
    page = world.browser.submit("signin", username="alice", password=PASSWORDS["alice"])
    assert page.url == f"{AS}/authenticators"


def test_the_session_gets_a_new_id_at_sign_in(world: World) -> None:
    client = world.client()
    before = client.get(f"{AS}/signin")
    csrf = before.text.split('name="csrf" value="')[1].split('"')[0]
    form = {"csrf": csrf, "username": "alice", "password": PASSWORDS["alice"]}
    after = client.post(f"{AS}/signin", data=form)
    first, second = before.headers["Set-Cookie"], after.headers["Set-Cookie"]
    assert first.split(";")[0] != second.split(";")[0]
    for cookie in (first, second):
        assert cookie.startswith("__Host-as_session=")
        for rule in ("HttpOnly", "SameSite=Lax", "Secure", "Path=/"):
            assert rule in cookie
    fixed = world.client()
    fixed.cookies.set("__Host-as_session", first.split("=")[1].split(";")[0], domain="as.example")
    assert fixed.get(f"{AS}/authenticators").headers["Location"] == "/signin"


@pytest.mark.parametrize("csrf", ["", "wrong", "é"])
def test_a_form_without_the_sessions_token_is_refused(world: World, csrf: str) -> None:
    world.browser.open(f"{AS}/signin")
    page = world.browser.submit("signin", csrf=csrf, username="alice", password=PASSWORDS["alice"])
    assert page.status == 403
    assert "no longer valid" in page.html


def test_the_token_of_another_session_is_refused(world: World) -> None:
    stranger = world.another_browser()
    theirs = stranger.open(f"{AS}/signin").form("signin").fields["csrf"]
    world.browser.open(f"{AS}/signin")
    page = world.browser.submit(
        "signin", csrf=theirs, username="alice", password=PASSWORDS["alice"]
    )
    assert page.status == 403


@pytest.mark.parametrize("origin", ["https://evil.example", "null"])
def test_a_form_from_another_origin_is_refused(world: World, origin: str) -> None:
    client = world.client()
    csrf = client.get(f"{AS}/signin").text.split('name="csrf" value="')[1].split('"')[0]
    form = {"csrf": csrf, "username": "alice", "password": PASSWORDS["alice"]}
    assert client.post(f"{AS}/signin", data=form, headers={"Origin": origin}).status_code == 403


@pytest.mark.parametrize("path", ["/stepup/x/answer", "/stepup/x/cancel", "/signout"])
def test_every_form_asks_for_the_token(world: World, path: str) -> None:
    assert world.client().post(f"{AS}{path}").status_code == 403


def test_pages_carry_the_security_headers(world: World) -> None:
    headers = world.client().get(f"{AS}/signin").headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert f"form-action 'self' {SHOP}" in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"


def test_signing_out_ends_the_session(world: World) -> None:
    world.sign_in("alice")
    world.browser.submit("signout")
    world.browser.open(request_url(prompt="none"))
    assert callback(world)["error"] == "login_required"


def test_a_session_ends_by_itself(world: World) -> None:
    world.sign_in("alice")
    world.clock.later = 3001
    world.browser.open(request_url(prompt="none"))
    assert callback(world)["error"] == "login_required"


def test_the_login_hint_is_shown_and_never_run(world: World) -> None:
    page = world.browser.open(request_url(login_hint='"><script>alert(1)</script>'))
    assert page.form("signin").fields["username"] == '"><script>alert(1)</script>'
    assert "<script>alert" not in page.html
