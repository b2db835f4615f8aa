"""openid-client, a certified relying party in JavaScript, against us: code, PAR, JAR, CIBA."""

from typing import Any

import pytest
from jwt.algorithms import ECAlgorithm

from tests.support.browsing import Browser
from tests.support.ciba import Asker, approve, asker, deny
from tests.support.clients import KeyPair
from tests.support.node import ran, running
from tests.support.people import confirm
from tests.support.phone import PinKey
from tests.support.world import AAL2, World

CALLBACK = "https://shop.example/callback"


def registered(world: World, name: str, pair: KeyPair | None = None, **members: Any) -> Asker:
    return asker(world, name, pair=pair, redirect_uris=(CALLBACK,), **members)


def of(client: Asker, **asked: Any) -> dict[str, Any]:
    """Return a job of this client."""
    known: dict[str, Any] = {
        "issuer": client.world.issuer,
        "client_id": client.id,
        "client_secret": client.secret,
        "redirect_uri": CALLBACK,
    }
    if client.pair is not None:
        private = ECAlgorithm.to_jwk(client.pair.key, as_dict=True)
        known["jwk"] = {"kid": client.pair.kid, **private}
    return known | asked


def arrive(live: World, begun: dict[str, Any], sub: str) -> str:
    """Go where the relying party sends the browser, confirm, and return where it is sent back."""
    phone = live.phone(sub, pin=PinKey())
    browser = Browser(live.app, live.issuer)
    browser.get(begun["url"], Sec_Fetch_Site="cross-site")
    confirm(browser, phone, live)
    return str(browser.page.response.headers["Location"])


@pytest.mark.parametrize(("way", "by"), [("par", "secret"), ("par", "key"), ("jar", "key")])
@pytest.mark.parametrize("alg", ["RS256", "ES256"])
def test_a_code_flow_from_discovery_to_userinfo(live: World, way: str, by: str, alg: str) -> None:
    sub = f"{way}-{by}-{alg}"
    pair = KeyPair("ES256") if by == "key" else None
    client = registered(live, sub, pair, metadata={"id_token_signed_response_alg": alg})
    metadata = {"id_token_signed_response_alg": alg}
    parameters = {"login_hint": sub, "acr_values": AAL2}
    job = of(client, job="begin", way=way, metadata=metadata, parameters=parameters)
    begun = ran(job)
    assert "url" in begun, begun
    told = ran({**job, **begun, "job": "finish", "callback": arrive(live, begun, sub)})
    assert told["claims"]["sub"] == sub
    assert told["claims"]["acr"] == AAL2
    assert told["userinfo"] == {"sub": sub}
    assert told["active"] is True


def test_an_answer_of_another_issuer_is_not_taken(live: World) -> None:
    """RFC 9207: what we add to every answer lets the client notice a mix-up."""
    client = registered(live, "mixed")
    job = of(client, job="begin", way="par", parameters={"login_hint": "mixed"})
    begun = ran(job)
    callback = arrive(live, begun, "mixed").replace("iss=http%3A", "iss=https%3A")
    told = ran({**job, **begun, "job": "finish", "callback": callback})
    assert told["code"] == "OAUTH_INVALID_RESPONSE"


def test_a_code_is_taken_once(live: World) -> None:
    client = registered(live, "twice")
    job = of(client, job="begin", way="par", parameters={"login_hint": "twice"})
    begun = ran(job)
    finish = {**job, **begun, "job": "finish", "callback": arrive(live, begun, "twice")}
    assert "claims" in ran(finish)
    assert ran(finish)["error"] == "invalid_grant"


@pytest.mark.parametrize("by", ["secret", "key"])
def test_a_person_is_asked_by_ciba(live: World, by: str) -> None:
    sub = f"ciba-{by}"
    client = registered(live, sub, KeyPair("ES256") if by == "key" else None)
    phone = live.phone(sub, pin=PinKey())
    parameters = {"login_hint": sub, "binding_message": "Table 4", "acr_values": AAL2}
    with running(of(client, job="ciba", parameters=parameters)) as lines:
        asked = lines.next()
        assert approve(live, phone, asked).status_code == 200, asked
        claims = lines.next()["claims"]
    assert (claims["sub"], claims["acr"]) == (sub, AAL2)
    assert claims["urn:openid:params:jwt:claim:auth_req_id"] == asked["auth_req_id"]


def test_a_no_by_ciba_is_access_denied(live: World) -> None:
    client = registered(live, "ciba-no")
    phone = live.phone("ciba-no", pin=PinKey())
    with running(of(client, job="ciba", parameters={"login_hint": "ciba-no"})) as lines:
        lines.next()
        assert deny(live, phone).status_code == 200
        assert lines.next()["error"] == "access_denied"


def test_client_credentials_are_given(live: World) -> None:
    client = registered(live, "program", KeyPair("ES256"))
    told = ran(of(client, job="credentials", scope="mfa:challenge"))
    assert told == {"scope": "mfa:challenge", "expires_in": 300}
