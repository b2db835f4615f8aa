"""The way to the service's hosted page and back, and what must not come of a forged return."""

from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from tests.integration.examples.asking import AAL2, callback, request_url
from tests.integration.examples.conftest import AS, World
from tests.integration.examples.service_double import ISSUER, Challenge
from tests.integration.examples.test_step_up import ask, claims_now

RETURN = f"{AS}/stepup/return"


def asked(world: World, *owned: str) -> Challenge:
    """Alice has these authenticators and stands on the hosted page of a new challenge."""
    world.double.own("alice", *(owned or ("phone",)))
    ask(world, acr_values=AAL2)
    return world.double.only()


def forged(**query: str) -> str:
    return f"{RETURN}?{urlencode(query)}"


def genuine(challenge: Challenge, **changes: str) -> str:
    """The address that the hosted page sends the browser to."""
    query = {
        "challenge_id": challenge.id,
        "state": challenge.asked["state"],
        "return_code": challenge.return_code,
    }
    return forged(**(query | changes))


def results_of(world: World) -> list[Any]:
    """Everything that the authorization server said to its client so far."""
    return [parse_qs(urlsplit(url).query) for url in world.browser.trail if "/callback" in url]


def test_the_browser_goes_to_the_page_and_comes_back_with_the_level(world: World) -> None:
    challenge = asked(world)
    assert world.browser.page.url == f"{ISSUER}/challenge/{challenge.id}"
    assert challenge.asked["return_uri"] == RETURN
    assert len(challenge.asked["state"]) >= 22
    assert "methods" not in challenge.asked
    world.double.approve()
    world.browser.reload()
    assert genuine(challenge) in world.browser.trail
    assert claims_now(world)["acr"] == AAL2


def test_the_page_is_left_to_by_a_page_so_that_no_form_policy_has_to_name_the_service(
    world: World,
) -> None:
    challenge = asked(world)
    page = f"{ISSUER}/challenge/{challenge.id}.{challenge.page_secret}"
    where = world.browser.trail.index(page)
    before = world.browser._client.get(world.browser.trail[where - 1])
    assert before.status_code == 200
    assert f'content="0;url={page}"' in before.text
    assert f'href="{page}"' in before.text
    assert (
        f"form-action 'self' https://shop.example {ISSUER}"
        in (before.headers["Content-Security-Policy"])
    )


def test_a_passkey_on_the_page_reaches_more(world: World) -> None:
    world.double.own("alice", "webauthn")
    ask(world, acr_values="phr")
    world.double.prove(world.double.only(), "webauthn")
    world.browser.reload()
    claims = claims_now(world)
    assert (claims["acr"], claims["amr"]) == ("phr", ["mfa", "pop", "pwd", "user"])


def test_saying_no_on_the_page_is_told_to_the_client(world: World) -> None:
    asked(world)
    world.browser.submit("deny")
    world.browser.follow("onward")
    assert callback(world)["error"] == "access_denied"


def test_coming_back_early_leads_to_the_page_again(world: World) -> None:
    challenge = asked(world)
    world.browser.open(genuine(challenge, return_code="x"))
    assert world.browser.page.url == f"{ISSUER}/challenge/{challenge.id}"
    world.double.approve()
    world.browser.reload()
    assert claims_now(world)["acr"] == AAL2


def test_opening_the_request_again_leads_to_the_same_page(world: World) -> None:
    challenge = asked(world)
    proceed = next(url for url in world.browser.trail if f"{AS}/authorize/" in url)
    world.browser.open(proceed)
    assert world.browser.page.url == f"{ISSUER}/challenge/{challenge.id}"
    assert len(world.double.challenges) == 1


def test_a_return_works_once(world: World) -> None:
    challenge = asked(world)
    world.double.approve()
    world.browser.reload()
    assert "code" in callback(world)
    world.browser.open(genuine(challenge))
    assert world.browser.page.status == 404
    assert results_of(world) == []


def test_ones_own_challenge_does_not_count_under_the_victims_state(world: World) -> None:
    """The attack: be satisfied oneself, then bring one's own id and code under the other's state.

    The victim's browser is led to an address of the attacker's making. What is read is the
    challenge that this session opened, and nothing of the attacker's fits it.
    """
    mallory = asked(world, "phone")
    world.double.approve()
    world.browser = world.another_browser()
    victim = asked(world)
    for address in (
        forged(
            challenge_id=mallory.id,
            state=victim.asked["state"],
            return_code=mallory.return_code,
        ),
        genuine(mallory),
    ):
        world.browser.open(address)
        assert world.browser.page.status in {400, 404}
        assert results_of(world) == []
    world.browser.open(genuine(victim))
    assert world.browser.page.url == f"{ISSUER}/challenge/{victim.id}"
    assert victim.status == "pending"


def test_anothers_return_code_does_not_release_ones_own_challenge(world: World) -> None:
    mallory = asked(world)
    world.double.approve()
    world.browser = world.another_browser()
    victim = asked(world)
    world.double.prove(victim, "phone+pin")
    world.browser.open(genuine(victim, return_code=mallory.return_code))
    assert callback(world)["error"] == "server_error"


def test_a_page_link_that_was_forwarded_signs_nobody_in(world: World) -> None:
    """The attack: know Alice's password, ask for more, and send her the link of the page."""
    world.double.own("alice", "phone")
    world.sign_in("alice")
    challenge_of = world.double.challenges
    world.browser.edit = lambda url: f"{AS}/healthz" if url.startswith(ISSUER) else url
    world.browser.open(request_url(acr_values=AAL2))
    (challenge,) = challenge_of.values()
    victim = world.another_browser()
    victim.open(f"{ISSUER}/challenge/{challenge.id}.{challenge.page_secret}")
    world.double.approve()
    victim.reload()
    assert genuine(challenge) in victim.trail
    assert victim.page.status == 404
    assert not any("/callback" in url for url in victim.trail)
    world.browser.edit = lambda url: url
    for guess in ("", "x", challenge.asked["state"]):
        world.browser.open(genuine(challenge, return_code=guess))
        assert all("code" not in answer for answer in results_of(world))


@pytest.mark.parametrize("query", ["", "state=x", "challenge_id=chl_1&return_code=x"])
def test_a_return_that_nobody_started_is_refused(world: World, query: str) -> None:
    asked(world)
    world.browser.open(f"{RETURN}?{query}")
    assert world.browser.page.status == 404


def test_a_service_that_is_down_when_one_comes_back_can_be_tried_again(world: World) -> None:
    challenge = asked(world)
    world.double.approve()
    world.double.challenges.pop(challenge.id)
    world.browser.open(genuine(challenge))
    assert world.browser.page.status == 503
    world.double.challenges[challenge.id] = challenge
    world.browser.reload()
    assert claims_now(world)["acr"] == AAL2
