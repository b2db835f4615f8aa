"""The page's link: spent by the first browser in which a person opens it, and by nothing else."""

import hashlib
from functools import partial

import pytest
from sqlalchemy import select

from mfa_service.persistence.models import Challenge
from tests.support.alice import Alice, alice_of
from tests.support.browser import Browser
from tests.support.racing import race, statuses
from tests.support.world import World, close, make_world

SHOWN_ONLY_TO_HER = ("alice", "shop", "Pay the rent", "Berlin")
TEXTS = {"binding_message": "Pay the rent", "context": {"location": "Berlin"}}


def test_opening_leads_to_an_address_without_the_secret(alice: Alice) -> None:
    challenge, browser = alice.opened()
    assert browser.here == f"/challenge/{challenge['id']}"
    secret = challenge["page"].rsplit(".", 1)[1]
    assert len(secret) >= 43
    assert secret not in browser.response.text


def test_the_cookie_is_out_of_reach_and_stored_as_a_hash_only(alice: Alice) -> None:
    challenge = alice.api.challenge()
    browser = alice.browser()
    first = alice.world.app.test_client().get(challenge["page"])
    cookie = first.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Path=/;" in cookie + ";"
    assert "Domain" not in cookie
    assert "Secure" not in cookie  # http on loopback
    value = cookie.split("=", 1)[1].split(";")[0]
    assert len(value) == 43
    with alice.world.services.foundation.work.reading() as tx:
        stored = tx.scalar(select(Challenge.page_session).where(Challenge.id == challenge["id"]))
    assert stored == hashlib.sha256(value.encode()).hexdigest()
    assert browser.go(challenge["page"]).status_code == 410


def test_over_https_the_cookie_is_bound_to_this_host(sqlite_url: str) -> None:
    world = make_world(sqlite_url, MFA_ISSUER="https://mfa.example")
    world.totp()
    challenge = world.client().challenge()
    response = world.app.test_client().get(challenge["page"].removeprefix("https://mfa.example"))
    cookie = response.headers["Set-Cookie"]
    assert cookie.startswith(f"__Host-stepup-{challenge['id']}=")
    assert "Secure" in cookie
    assert "max-age=" in response.headers["Strict-Transport-Security"]
    close(world)


def test_in_another_browser_the_link_shows_nothing_of_value(alice: Alice) -> None:
    challenge, _ = alice.opened(**TEXTS)
    thief = alice.browser()
    assert thief.go(challenge["page"]).status_code == 410
    assert "This link was opened in another browser" in thief.page.text
    seen = thief.response.text.replace(challenge["id"], "")
    assert not [text for text in (*SHOWN_ONLY_TO_HER, challenge["display_code"]) if text in seen]
    assert thief.cookies() == {}


def test_the_address_without_the_secret_shows_nothing_in_another_browser(alice: Alice) -> None:
    challenge, browser = alice.opened(**TEXTS)
    thief = alice.browser()
    assert thief.go(browser.here).status_code == 410
    assert not [text for text in SHOWN_ONLY_TO_HER if text in thief.response.text]
    state = thief.script("GET", "/state")
    assert state.status_code == 410
    assert state.get_json().keys() == {"type", "title", "status", "detail", "instance"}
    assert challenge["display_code"] not in thief.response.text


def test_the_same_browser_may_follow_the_link_again(alice: Alice) -> None:
    challenge, browser = alice.opened()
    assert browser.go(challenge["page"]).status_code == 200
    assert browser.page.one("p", role="img")["data-code"] == challenge["display_code"]


@pytest.mark.parametrize("secret", ["x", "A" * 43, ""])
def test_a_wrong_secret_is_no_link(alice: Alice, secret: str) -> None:
    challenge = alice.api.challenge()
    address = challenge["page"].rsplit(".", 1)[0]
    assert alice.browser().go(f"{address}.{secret}").status_code == 404
    assert alice.browser().go(challenge["page"]).status_code == 200


def test_the_secret_of_one_challenge_opens_no_other(alice: Alice) -> None:
    first, second = alice.api.challenge(), alice.api.challenge()
    secret = first["page"].rsplit(".", 1)[1]
    address = second["page"].rsplit(".", 1)[0]
    assert alice.browser().go(f"{address}.{secret}").status_code == 404


def test_an_unknown_challenge_is_not_found(alice: Alice) -> None:
    assert alice.browser().go("/challenge/chl_unknown").status_code == 404
    assert alice.browser().go("/challenge/chl_unknown.secret").status_code == 404


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Purpose": "prefetch"}, 503),
        ({"Sec-Purpose": "prefetch;prerender"}, 503),
        ({"Purpose": "prefetch"}, 503),
        ({"Sec-Fetch-Dest": "iframe", "Sec-Fetch-Mode": "navigate"}, 403),
        ({"Sec-Fetch-Dest": "object", "Sec-Fetch-Mode": "navigate"}, 403),
        ({"Sec-Fetch-Dest": "empty", "Sec-Fetch-Mode": "cors"}, 403),
        ({"Sec-Fetch-Dest": "image", "Sec-Fetch-Mode": "no-cors"}, 403),
        ({"Sec-Fetch-Dest": "script", "Sec-Fetch-Mode": "no-cors"}, 403),
    ],
)
@pytest.mark.parametrize("site", ["cross-site", "same-origin"])
def test_only_a_person_who_goes_there_spends_the_link(
    alice: Alice, headers: dict[str, str], status: int, site: str
) -> None:
    challenge = alice.api.challenge()
    client = alice.world.app.test_client()
    response = client.get(challenge["page"], headers={"Sec-Fetch-Site": site, **headers})
    assert response.status_code == status
    assert "Set-Cookie" not in response.headers
    assert alice.browser().go(challenge["page"]).status_code == 200


def test_head_spends_nothing(alice: Alice) -> None:
    challenge = alice.api.challenge()
    response = alice.world.app.test_client().head(challenge["page"])
    assert response.status_code == 200
    assert "Set-Cookie" not in response.headers
    assert alice.browser().go(challenge["page"]).status_code == 200


def test_a_link_from_a_mail_or_another_site_may_be_followed(alice: Alice) -> None:
    challenge = alice.api.challenge()
    opened = alice.browser().go(challenge["page"], **{"Sec-Fetch-Site": "cross-site"})
    assert opened.status_code == 200


def test_of_two_browsers_at_the_same_moment_one_wins(any_world: World) -> None:
    alice = alice_of(any_world)
    challenge = alice.api.challenge()
    clients = [any_world.app.test_client() for _ in range(6)]
    opened = race(partial(client.get, challenge["page"]) for client in clients)
    assert statuses(opened) == {303: 1, 410: 5}
    assert sum("Set-Cookie" in response.headers for response in opened) == 1


def test_an_ended_challenge_can_be_opened_for_a_while(alice: Alice) -> None:
    challenge = alice.api.challenge(expires_in=30)
    alice.world.clock.advance(31)
    browser = alice.browser()
    assert browser.go(challenge["page"]).status_code == 200
    assert "The time is up" in browser.page.text
    alice.world.clock.advance(301)
    assert browser.go(browser.here).status_code == 404
    assert alice.browser().go(challenge["page"]).status_code == 404


def test_the_page_of_a_disabled_client_answers_nothing(alice: Alice) -> None:
    _, browser = alice.opened()
    browser.go(f"{browser.here}?method=totp")
    alice.world.services.clients.disable(alice.api.client_id)
    browser.submit("answers", code=alice.totp.next())
    assert browser.response.status_code == 404


def test_two_pages_live_side_by_side_in_one_browser(alice: Alice) -> None:
    first, second = alice.api.challenge(), alice.api.challenge()
    browser = Browser(alice.world)
    for challenge in (first, second, first):
        browser.go(challenge["page"])
        assert browser.page.one("p", role="img")["data-code"] == challenge["display_code"]
    assert len(browser.cookies()) == 2
