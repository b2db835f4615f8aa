"""Signed requests (RFC 9101): what the client's key signed counts, once, and nothing beside it."""

from typing import Any

import pytest

from tests.support.browsing import Browser
from tests.support.ciba import Asker, asker, shown
from tests.support.clients import KeyPair
from tests.support.code_flow import CALLBACK, Party, answer_of
from tests.support.people import answer, onward
from tests.support.phone import Phone, b64
from tests.support.world import Api, World

TYP = {"typ": "oauth-authz-req+jwt"}
KEY = KeyPair("ES256")


@pytest.fixture
def phone(world: World) -> Phone:
    return world.phone()


@pytest.fixture
def signer(world: World) -> Asker:
    return asker(world, pair=KEY, redirect_uris=(CALLBACK,))


@pytest.fixture
def party(signer: Asker) -> Party:
    return Party(signer.world, Api(signer.world.app, "", signer.id, ""))


def signed(
    signer: Asker, party: Party, header: dict[str, Any] | None = None, **changed: Any
) -> str:
    """Return a request object with the parameters of a request and those of `changed`."""
    return signer.signed(header or TYP, **(dict(party.parameters()) | changed))


def open_page(party: Party, request: str, **beside: str) -> Browser:
    browser = Browser(party.world.app)
    browser.get(party.address(request=request, **beside))
    return browser


def refused_with(party: Party, request: str) -> str:
    """Return what the client is told when its address stands beside the request, too."""
    browser = open_page(party, request, redirect_uri=CALLBACK, state="s1")
    told = answer_of(browser)
    assert (told["state"], told["iss"]) == ("s1", party.world.issuer)
    return told["error"]


@pytest.mark.parametrize("alg", ["ES256", "EdDSA", "PS256", "RS256"])
def test_a_signed_request_asks_the_person(world: World, phone: Phone, alg: str) -> None:
    signer = asker(world, pair=KeyPair(alg), redirect_uris=(CALLBACK,))
    party = Party(world, Api(world.app, "", signer.id, ""))
    browser = open_page(party, signed(signer, party))
    assert browser.page.path.startswith("/challenge/")
    assert len(shown(world, phone)) == 1


def test_only_what_is_signed_counts(signer: Asker, party: Party, phone: Phone) -> None:
    """RFC 9101 section 6.3: neither `state` nor `nonce` nor address of the link counts."""
    beside = {
        "state": "evil",
        "nonce": "evil",
        "redirect_uri": "https://evil.example/",
        "login_hint": "mallory",
    }
    browser = open_page(party, signed(signer, party), **beside)
    answer(browser, phone, party.world)
    onward(browser)
    location = browser.page.response.headers["Location"]
    assert location.startswith(f"{CALLBACK}?")
    assert answer_of(browser)["state"] == "s1"


def test_a_request_asks_once(signer: Asker, party: Party, phone: Phone) -> None:
    request = signed(signer, party)
    open_page(party, request)
    assert refused_with(party, request) == "invalid_request_object"
    assert len(shown(party.world, phone)) == 1


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "somebody"},
        {"iss": None},
        {"aud": "https://other.example"},
        {"aud": None},
        {"aud": ["http://localhost:8000", "https://other.example"]},
        {"exp": None},
        {"exp": 1},
        {"exp": 9_999_999_999},
        {"iat": 9_999_999_999},
        {"nbf": 9_999_999_999},
        {"jti": None},
        {"client_id": "somebody"},
        {"request": "a.b.c"},
        {"request_uri": "urn:ietf:params:oauth:request_uri:x"},
    ],
)
def test_what_is_wrong_in_a_request_is_refused(
    signer: Asker, party: Party, phone: Phone, changed: dict[str, Any]
) -> None:
    assert refused_with(party, signed(signer, party, **changed)) == "invalid_request_object"
    assert shown(party.world, phone) == []


@pytest.mark.parametrize("header", [{"typ": "JWT"}, {"typ": "at+jwt"}, {"kid": "other", **TYP}])
def test_another_kind_of_token_is_no_request(
    signer: Asker, party: Party, phone: Phone, header: dict[str, Any]
) -> None:
    """RFC 8725 section 3.11: no assertion, id token or access token passes for a request."""
    assert refused_with(party, signed(signer, party, header)) == "invalid_request_object"
    assert shown(party.world, phone) == []


def test_a_request_without_a_signature_is_refused(
    signer: Asker, party: Party, phone: Phone
) -> None:
    """OpenID Connect Core section 6.1 allows `none`; here it would ring a stranger's phone."""
    _, claims, signature = signed(signer, party).split(".")
    for alg, end in (("none", ""), ("HS256", signature), ("ES256", ""), ("ES256", "AAAA")):
        header = b64(f'{{"alg":"{alg}","kid":"k1","typ":"oauth-authz-req+jwt"}}'.encode())
        assert refused_with(party, f"{header}.{claims}.{end}") == "invalid_request_object"
    assert shown(party.world, phone) == []


def test_a_request_of_another_clients_key_is_refused(
    signer: Asker, party: Party, phone: Phone
) -> None:
    forger = Asker(party.world, signer.id, pair=KeyPair("ES256"))
    assert refused_with(party, signed(forger, party)) == "invalid_request_object"
    assert shown(party.world, phone) == []


def test_the_registered_algorithm_only(world: World, phone: Phone) -> None:
    metadata = {"request_object_signing_alg": "ES256"}
    signer = asker(world, pair=KeyPair("EdDSA"), redirect_uris=(CALLBACK,), metadata=metadata)
    party = Party(world, Api(world.app, "", signer.id, ""))
    assert refused_with(party, signed(signer, party)) == "invalid_request_object"
    assert shown(world, phone) == []


def test_a_client_without_keys_signs_nothing(world: World, phone: Phone, signer: Asker) -> None:
    plain = asker(world, "plain", redirect_uris=(CALLBACK,))
    party = Party(world, Api(world.app, "", plain.id, ""))
    stolen = Asker(world, plain.id, pair=signer.pair)
    assert refused_with(party, signed(stolen, party)) == "invalid_request_object"
    assert shown(world, phone) == []


def test_without_an_address_that_is_registered_the_person_is_told(
    signer: Asker, party: Party
) -> None:
    browser = open_page(party, "a.b.c", redirect_uri="https://evil.example/")
    assert browser.page.status == 400
    assert "invalid_request_object" in browser.page.text
    assert "evil" not in browser.page.response.text
    assert signer.id


def test_a_signed_request_may_be_pushed(signer: Asker, party: Party, phone: Phone) -> None:
    response = signer.post("/oauth2/par", {"request": signed(signer, party)})
    assert response.status_code == 201, response.text
    browser = Browser(party.world.app)
    browser.get(party.address(request_uri=response.get_json()["request_uri"]))
    assert len(shown(party.world, phone)) == 1


def test_objects_and_numbers_in_a_request_are_read(
    signer: Asker, party: Party, phone: Phone
) -> None:
    at = party.world.clock.now()
    request = signed(signer, party, prior={"amr": ["pwd"], "auth_time": at}, max_age=60)
    open_page(party, request)
    assert len(shown(party.world, phone)) == 1


def test_a_request_comes_by_a_form_too(signer: Asker, party: Party, phone: Phone) -> None:
    """OpenID Connect Core section 3.1.2.1: GET and POST."""
    browser = Browser(party.world.app)
    fields = {"client_id": signer.id, "request": signed(signer, party)}
    browser.land("/oauth2/authorize", fields, Sec_Fetch_Site="cross-site")
    assert len(shown(party.world, phone)) == 1
