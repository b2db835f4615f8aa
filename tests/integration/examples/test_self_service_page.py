"""The authorization server for the single-page application: a public client, and its tokens."""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from joserfc.jwk import KeySet

from examples.self_service_spa.app import create_app
from examples.self_service_spa.settings import settings_from
from examples.tour import app as tour
from examples.tour.settings import settings_from as tour_settings
from tests.integration.examples import service_double
from tests.integration.examples.conftest import AS, PASSWORDS, World

PAGE = "https://me.example"
VERIFIER = "v" * 43
FLAG = "AS_ALLOW_PASSWORD_GRANT_THAT_RFC_9700_FORBIDS"
TRIES = 10


@pytest.fixture
def world(keys: KeySet, users: Path) -> World:
    return World(keys, users, AS_SELF_SERVICE_PAGE=PAGE)


@pytest.fixture
def risky(keys: KeySet, users: Path) -> World:
    """The server with the flag that names its risk."""
    return World(keys, users, AS_SELF_SERVICE_PAGE=PAGE, **{FLAG: "1"})


def authorize(**changed: str | None) -> str:
    digest = hashlib.sha256(VERIFIER.encode()).digest()
    query = {
        "response_type": "code",
        "client_id": "self-service",
        "redirect_uri": f"{PAGE}/",
        "scope": "mfa:self",
        "state": "s",
        "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
    } | changed
    given = {name: value for name, value in query.items() if value is not None}
    return f"{AS}/authorize?{urlencode(given)}"


def code_for(world: World, **changed: str | None) -> dict[str, str]:
    """Sign alice in and return what the browser brings back to the page."""
    left: list[str] = []

    def stop(url: str) -> str:
        if url.startswith(PAGE):
            left.append(url)
            return f"{AS}/healthz"
        return url

    world.browser.edit = stop
    world.browser.open(authorize(**changed))
    if not left:
        world.browser.submit("signin", username="alice", password=PASSWORDS["alice"])
    return {name: values[0] for name, values in parse_qs(urlsplit(left[-1]).query).items()}


def token(world: World, origin: str | None = PAGE, **form: str) -> httpx.Response:
    headers = {"Origin": origin} if origin else {}
    data = {"client_id": "self-service", **form}
    return world.client().post(f"{AS}/token", data=data, headers=headers)


def redeemed(world: World, brought: dict[str, str], **changed: str) -> httpx.Response:
    form = {
        "grant_type": "authorization_code",
        "code": brought["code"],
        "redirect_uri": f"{PAGE}/",
        "code_verifier": VERIFIER,
    }
    return token(world, **(form | changed))


def claims(answer: httpx.Response) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return header and claims of the access token, unverified: we asked over our own wire."""
    header, payload, _ = answer.json()["access_token"].split(".")
    return tuple(json.loads(base64.urlsafe_b64decode(part + "==")) for part in (header, payload))


def test_the_token_is_for_the_step_up_service_and_for_this_person(world: World) -> None:
    brought = code_for(world)
    assert (brought["state"], brought["iss"]) == ("s", AS)
    answer = redeemed(world, brought)
    header, said = claims(answer)
    assert header["typ"] == "at+jwt"
    assert (said["sub"], said["scope"]) == ("alice", "mfa:self")
    assert (said["aud"], said["client_id"]) == (service_double.ISSUER, "self-service")
    assert said["exp"] - said["iat"] == 900
    assert "refresh_token" not in answer.json()
    assert "id_token" not in answer.json()


def test_a_code_without_its_verifier_is_worth_nothing(world: World) -> None:
    refused = redeemed(world, code_for(world), code_verifier="w" * 43)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")


@pytest.mark.parametrize("left_out", ["code_challenge", "code_challenge_method"])
def test_without_s256_there_is_no_code(world: World, left_out: str) -> None:
    assert "error" in code_for(world, **{left_out: None})


def test_a_code_is_not_for_another_address(world: World) -> None:
    answer = world.client().get(authorize(redirect_uri=f"{PAGE}/other"))
    assert (answer.status_code, "not registered" in answer.text) == (400, True)


def test_a_public_client_has_no_secret_to_try(world: World) -> None:
    brought = code_for(world)
    form = {"grant_type": "authorization_code", "code": brought["code"]}
    refused = world.client().post(
        f"{AS}/token",
        data=form | {"redirect_uri": f"{PAGE}/", "code_verifier": VERIFIER},
        auth=("self-service", ""),
    )
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")


def test_scopes_of_other_applications_are_left_out(world: World) -> None:
    _, said = claims(redeemed(world, code_for(world, scope="mfa:self books")))
    assert said["scope"] == "mfa:self"


@pytest.mark.parametrize(
    ("origin", "shared"), [(PAGE, PAGE), ("https://evil.example", None), (None, None)]
)
def test_only_the_pages_own_origin_reads_the_answers(
    world: World, origin: str | None, shared: str | None
) -> None:
    headers = {"Origin": origin} if origin else {}
    for answer in (
        token(world, origin, grant_type="x"),
        world.client().get(f"{AS}/.well-known/openid-configuration", headers=headers),
    ):
        assert answer.headers.get("Access-Control-Allow-Origin") == shared
        assert "Access-Control-Allow-Credentials" not in answer.headers
        assert "Origin" in answer.headers["Vary"]
    page = world.client().get(f"{AS}/authenticators", headers=headers)
    assert "Access-Control-Allow-Origin" not in page.headers


def by_password(world: World, password: str = PASSWORDS["alice"]) -> httpx.Response:
    form = {"grant_type": "password", "username": "alice", "password": password}
    return token(world, scope="mfa:self", **form)


def test_passwords_are_not_taken_unless_somebody_asked_for_the_risk(world: World) -> None:
    refused = by_password(world)
    assert (refused.status_code, refused.json()["error"]) == (400, "unsupported_grant_type")
    found = world.client().get(f"{AS}/.well-known/openid-configuration").json()
    assert "password" not in found["grant_types_supported"]


def test_with_the_flag_a_password_gives_a_token_and_proves_no_more(risky: World) -> None:
    answer = by_password(risky)
    _, said = claims(answer)
    assert (said["sub"], said["acr"], said["amr"]) == ("alice", "0", ["pwd"])
    assert "refresh_token" not in answer.json()


def test_with_the_flag_other_clients_still_send_no_passwords(risky: World) -> None:
    form = {"grant_type": "password", "username": "alice", "password": PASSWORDS["alice"]}
    refused = risky.client().post(f"{AS}/token", data=form | {"client_id": "corner-books"})
    assert refused.status_code in {400, 401}
    assert "access_token" not in refused.text


def test_guesses_are_counted_together_with_those_of_the_sign_in_page(risky: World) -> None:
    for _ in range(TRIES):
        wrong = by_password(risky, "wrong")
        assert (wrong.status_code, wrong.json()["error"]) == (400, "invalid_grant")
    stopped = by_password(risky)
    assert (stopped.status_code, int(stopped.headers["Retry-After"]) > 0) == (429, True)
    risky.sign_in("alice")
    assert "signin" in risky.browser.page.address


def test_the_flag_alone_starts_nothing(keys: KeySet, users: Path) -> None:
    with pytest.raises(SystemExit, match="needs AS_SELF_SERVICE_PAGE"):
        World(keys, users, **{FLAG: "1"})


def test_the_page_is_served_under_a_policy_that_names_two_addresses_to_call() -> None:
    settings = settings_from({"SPA_AS_ISSUER": AS, "SPA_STEPUP_ISSUER": service_double.ISSUER})
    answer = create_app(settings).test_client().get("/", buffered=True)
    policy = answer.headers["Content-Security-Policy"].split("; ")
    assert f"connect-src 'self' {AS} {service_double.ISSUER}" in policy
    assert {"script-src 'self'", "default-src 'none'", "trusted-types 'none'"} <= set(policy)
    assert "unsafe" not in answer.headers["Content-Security-Policy"]


def test_the_password_form_is_shown_only_when_it_was_asked_for() -> None:
    for flag, asked in (("0", False), ("1", True)):
        settings = settings_from({"SPA_ASK_FOR_PASSWORDS_THAT_RFC_9700_FORBIDS": flag})
        found = create_app(settings).test_client().get("/config.json").get_json()
        assert found["asks_for_passwords"] is asked


@pytest.mark.parametrize("name", ["../settings.py", "..%2fsettings.py", "app.py", "nothing.js"])
def test_only_the_pages_files_are_served(name: str) -> None:
    assert create_app(settings_from({})).test_client().get(f"/{name}").status_code == 404


def test_the_tour_leads_to_every_server() -> None:
    settings = tour_settings({"TOUR_SHOP": "https://shop.example"})
    page = tour.create_app(settings).test_client().get("/").text
    for address in (settings.service, settings.server, settings.shop, settings.page):
        assert f'href="{address}' in page
    assert settings.phone in page
