"""The authorization endpoint: who is asked, who is told, and where no answer may go."""

from typing import Any
from urllib.parse import urlencode

import pytest

from tests.support.browsing import Browser
from tests.support.ciba import shown
from tests.support.code_flow import CALLBACK, Party, answer_of, party_of
from tests.support.people import answer, confirm, onward, return_link
from tests.support.phone import Phone, PinKey, claims_of
from tests.support.world import AAL1, AAL2, World

ESSENTIAL = '{{"id_token": {{"acr": {{"essential": true, "values": ["{}"]}}}}}}'
POSTED = {"response_mode": "form_post"}


@pytest.fixture
def party(world: World) -> Party:
    return party_of(world)


@pytest.fixture
def phone(world: World) -> Phone:
    return world.phone(pin=PinKey())


def arrive(party: Party, **changed: str) -> Browser:
    """Push a request and open it."""
    browser = Browser(party.world.app)
    browser.get(party.pushed(**changed))
    return browser


def plain(party: Party, **changed: str) -> Browser:
    """Open a request as a link has it that anybody may write."""
    browser = Browser(party.world.app)
    browser.get(f"/oauth2/authorize?{urlencode(party.parameters(**changed))}")
    return browser


def deny(browser: Browser, world: World, phone: Phone) -> None:
    path = browser.page.path
    asked = world.fetch(phone, path.rsplit("/", 1)[1])
    world.send(phone, asked["challenge_id"], phone.answer(asked, "deny"))
    browser.get(path)
    onward(browser)


def test_a_request_that_nobody_vouches_for_asks_nobody(party: Party, phone: Phone) -> None:
    browser = plain(party)
    assert answer_of(browser) == {
        "error": "invalid_request",
        "error_description": answer_of(browser)["error_description"],
        "state": "s1",
        "iss": party.world.issuer,
    }
    assert shown(party.world, phone) == []


EVIL = [
    "https://evil.example/callback",
    "https://shop.example.evil.example/callback",
    "https://shop.example@evil.example/callback",
    "https://shop.example:8443/callback",
    "http://shop.example/callback",
    f"{CALLBACK}/",
    f"{CALLBACK}/../other",
    f"{CALLBACK}?x=1",
    f"{CALLBACK}#x",
    "https://shop.example/Callback",
    "https://shop.example/callback%2f",
    "https://shop.example/callbac",
    "//evil.example",
    "javascript:alert(1)",
    "",
]


@pytest.mark.parametrize("uri", EVIL)
def test_no_browser_is_sent_to_an_address_that_is_not_registered(party: Party, uri: str) -> None:
    """RFC 9700 section 2.1: character by character; nor is it shown or linked."""
    for mode in ("query", "form_post"):
        page = plain(party, redirect_uri=uri, response_mode=mode).page
        assert page.status == 400
        assert "Location" not in page.response.headers
        assert page.forms == []
        assert "evil" not in page.response.text


@pytest.mark.parametrize("client_id", ["", "cli_unknown", "' OR 1=1"])
def test_a_request_of_nobody_is_told_to_the_person(party: Party, client_id: str) -> None:
    page = plain(party, client_id=client_id).page
    assert page.status == 400
    assert "invalid_client" in page.text


def test_a_disabled_client_asks_nobody(party: Party, phone: Phone) -> None:
    address = party.pushed()
    party.world.services.clients.disable(party.api.client_id)
    browser = Browser(party.world.app)
    assert browser.get(address).status == 400
    assert shown(party.world, phone) == []


@pytest.mark.parametrize("name", ["client_id", "redirect_uri", "request_uri", "state"])
def test_a_parameter_twice_is_refused(party: Party, phone: Phone, name: str) -> None:
    query = [*party.parameters(request_uri="x").items(), (name, "twice")]
    page = Browser(party.world.app).get(f"/oauth2/authorize?{urlencode(query)}")
    assert page.status == 422
    assert shown(party.world, phone) == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec_Purpose": "prefetch"},
        {"Sec_Fetch_Dest": "image"},
        {"Sec_Fetch_Dest": "iframe"},
        {"Sec_Fetch_Mode": "cors", "Sec_Fetch_Dest": "empty", "Sec_Fetch_Site": "cross-site"},
    ],
)
def test_only_a_person_who_goes_there_starts_anything(
    party: Party, phone: Phone, headers: dict[str, str]
) -> None:
    address = party.pushed()
    browser = Browser(party.world.app)
    assert browser.open(address, **headers).status_code == 403
    assert browser.open(address, method="HEAD").status_code == 200
    assert shown(party.world, phone) == []
    assert browser.get(address, Sec_Fetch_Site="cross-site").path.startswith("/challenge/")


def test_the_answer_names_its_issuer_and_carries_the_state(party: Party, phone: Phone) -> None:
    """RFC 9207: a client of two issuers is not mixed up."""
    browser = arrive(party, state="a b&c=d?#é")
    confirm(browser, phone, party.world)
    told = answer_of(browser)
    assert set(told) == {"code", "state", "iss"}
    assert (told["state"], told["iss"]) == ("a b&c=d?#é", party.world.issuer)


def test_without_a_state_there_is_none(party: Party, phone: Phone) -> None:
    browser = arrive(party, state="")
    confirm(browser, phone, party.world)
    assert set(answer_of(browser)) == {"code", "iss"}


def test_an_address_with_a_query_keeps_it(world: World, phone: Phone) -> None:
    party = party_of(world, redirect_uris=(f"{CALLBACK}?tenant=1",))
    browser = arrive(party, redirect_uri=f"{CALLBACK}?tenant=1")
    confirm(browser, phone, world)
    assert browser.page.response.headers["Location"].startswith(f"{CALLBACK}?tenant=1&code=")


def test_the_answer_by_a_form_is_not_changed_by_what_is_in_it(party: Party, phone: Phone) -> None:
    state = "\"><script>alert(1)</script>&'"
    browser = arrive(party, **POSTED, state=state)
    confirm(browser, phone, party.world)
    page = browser.page
    (form,) = page.forms
    assert form.action == CALLBACK
    assert set(form.fields) == {"code", "state", "iss"}
    assert form.fields["state"] == state
    assert "<script>alert" not in page.response.text
    policy = page.response.headers["Content-Security-Policy"]
    assert "form-action https://shop.example;" in policy
    assert "script-src 'nonce-" in policy
    assert "'unsafe" not in policy
    assert page.response.headers["Cache-Control"] == "no-store"
    assert party.redeem(form.fields["code"]).status_code == 200


def test_a_refusal_comes_by_a_form_too(party: Party, phone: Phone) -> None:
    browser = arrive(party, **POSTED)
    deny(browser, party.world, phone)
    assert browser.page.form("callback").fields["error"] == "access_denied"


def test_a_no_is_access_denied(party: Party, phone: Phone) -> None:
    browser = arrive(party)
    deny(browser, party.world, phone)
    told = answer_of(browser)
    assert (told["error"], told["state"]) == ("access_denied", "s1")
    assert told["iss"] == party.world.issuer
    assert "code" not in told


def test_time_that_is_up_is_login_required(party: Party, phone: Phone) -> None:
    browser = arrive(party)
    party.world.clock.advance(301)
    browser.get(browser.page.path)
    onward(browser)
    assert answer_of(browser)["error"] == "login_required"
    assert phone.device_id


def test_too_many_wrong_tries_are_unmet(party: Party) -> None:
    totp = party.world.totp()
    browser = arrive(party)
    path = browser.page.path
    for _ in range(5):
        browser.get(f"{path}?method=totp")
        browser.submit("/answers", code=totp.wrong())
    browser.get(path)
    onward(browser)
    assert answer_of(browser)["error"] == "unmet_authentication_requirements"


@pytest.mark.parametrize("sub", ["nobody", "alice"])
def test_who_has_nothing_is_unmet_and_nobody_is_asked(party: Party, sub: str) -> None:
    told = answer_of(arrive(party, login_hint=sub))
    assert told["error"] == "unmet_authentication_requirements"
    assert told["iss"] == party.world.issuer


def test_an_essential_level_out_of_reach_is_unmet_and_nobody_is_asked(
    party: Party, phone: Phone
) -> None:
    for level in ("urn:stepup:acr:phrh", "urn:unheard:of"):
        browser = arrive(party, claims=ESSENTIAL.format(level))
        assert answer_of(browser)["error"] == "unmet_authentication_requirements"
    assert shown(party.world, phone) == []


def told_about(party: Party, browser: Browser) -> dict[str, Any]:
    tokens = party.redeem(answer_of(browser)["code"]).get_json()
    return claims_of(tokens["id_token"])


def test_a_voluntary_level_in_reach_is_demanded(party: Party, phone: Phone) -> None:
    browser = arrive(party, acr_values=AAL2)
    confirm(browser, phone, party.world)
    assert told_about(party, browser)["acr"] == AAL2


def test_a_voluntary_level_out_of_reach_is_left_out_and_not_claimed(party: Party) -> None:
    """OpenID Connect Core section 5.5.1.1."""
    totp = party.world.totp()
    browser = arrive(party, acr_values="urn:stepup:acr:phrh")
    confirm(browser, totp, party.world)
    assert told_about(party, browser)["acr"] == AAL1


@pytest.mark.parametrize(
    ("age", "max_age", "acr"),
    [(0, "60", AAL2), (60, "60", AAL2), (61, "60", AAL1), (0, "0", AAL1), (3600, "", AAL2)],
)
def test_the_password_of_the_client_counts_as_long_as_it_says(
    party: Party, age: int, max_age: str, acr: str
) -> None:
    totp = party.world.totp()
    party.world.clock.advance(7200)
    at = party.world.clock.now() - age
    prior = f'{{"amr": ["pwd"], "auth_time": {at}}}'
    browser = arrive(party, prior=prior, max_age=max_age)
    confirm(browser, totp, party.world)
    assert told_about(party, browser)["acr"] == acr


def test_a_page_that_was_opened_in_one_browser_opens_in_no_other(
    party: Party, phone: Phone
) -> None:
    browser, other = arrive(party), Browser(party.world.app)
    assert other.get(browser.page.path).status == 410
    answer(browser, phone, party.world)
    assert other.get(browser.page.path).status == 410


def test_a_link_back_that_somebody_made_leads_nowhere(party: Party, phone: Phone) -> None:
    browser = arrive(party)
    answer(browser, phone, party.world)
    link = return_link(browser)
    other = Browser(party.world.app)
    code = link.rpartition("return_code=")[2]
    for wrong in ("x" * len(code), ""):
        assert other.get(link.replace(code, wrong)).status == 404
    for name in ("state", "challenge_id"):
        start, _, rest = link.partition(f"{name}=")
        value = rest.partition("&")[0]
        assert other.get(f"{start}{name}={'x' * len(value)}{rest[len(value) :]}").status == 404
    assert "code" in answer_of_link(browser, link)


def answer_of_link(browser: Browser, link: str) -> dict[str, str]:
    browser.get(link)
    return answer_of(browser)


def test_the_state_of_one_request_does_not_end_another(party: Party, phone: Phone) -> None:
    one = arrive(party)
    answer(one, phone, party.world)
    link = return_link(one)
    other = arrive(party)
    other.get(f"{other.page.path}?method=push")
    state = link.partition("state=")[2].partition("&")[0]
    address = f"/oauth2/return?state={state}&challenge_id={other.page.path.rsplit('/', 1)[1]}"
    assert other.get(f"{address}&return_code=x").status == 404


def test_before_there_is_an_answer_there_is_no_way_back(party: Party, phone: Phone) -> None:
    browser = arrive(party)
    assert not [link for link in browser.page.links if "return_code=" in link]
    assert phone.device_id


def test_a_browser_that_comes_back_twice_brings_the_same_code(party: Party, phone: Phone) -> None:
    browser = arrive(party)
    answer(browser, phone, party.world)
    link = return_link(browser)
    codes = {answer_of_link(browser, link)["code"] for _ in range(2)}
    assert len(codes) == 1
    assert party.redeem(codes.pop()).status_code == 200
    assert browser.get(link).status == 410


def test_a_code_is_not_given_later_than_a_minute_after_the_first_time(
    party: Party, phone: Phone
) -> None:
    browser = arrive(party)
    answer(browser, phone, party.world)
    link = return_link(browser)
    browser.get(link)
    party.world.clock.advance(60)
    assert browser.get(link).status == 410


def test_an_answer_that_nobody_fetched_in_time_is_login_required(
    party: Party, phone: Phone
) -> None:
    browser = arrive(party)
    answer(browser, phone, party.world)
    link = return_link(browser)
    party.world.clock.advance(301)
    assert answer_of_link(browser, link)["error"] == "login_required"
