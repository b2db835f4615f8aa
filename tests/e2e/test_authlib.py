"""Authlib's client against us: discovery, PAR, code with PKCE, the id token judged by its rules."""

from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from authlib.common.security import generate_token
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2 import OAuth2Error
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.jwk import KeySet

from tests.support.browsing import Browser
from tests.support.code_flow import CALLBACK, party_of
from tests.support.people import confirm
from tests.support.phone import PinKey
from tests.support.world import AAL2, World


class RelyingParty:
    """What an application does with Authlib's client, whose PAR is one request by hand."""

    def __init__(self, world: World, name: str) -> None:
        registered = party_of(world, name).api
        self.session = OAuth2Session(
            registered.client_id,
            registered.secret,
            scope="openid",
            redirect_uri=CALLBACK,
            token_endpoint_auth_method="client_secret_basic",  # a method's name
            code_challenge_method="S256",
        )
        self.session.trust_env = False
        self.metadata = self._get(f"{world.issuer}/.well-known/openid-configuration")
        self.verifier, self.nonce = generate_token(48), generate_token(16)
        self.state = ""

    def _get(self, url: str) -> dict[str, Any]:
        return dict(self.session.get(url, withhold_token=True).json())

    def begin(self, **parameters: str) -> str:
        """Push a request and return where the browser goes."""
        url, self.state = self.session.create_authorization_url(
            self.metadata["authorization_endpoint"],
            code_verifier=self.verifier,
            nonce=self.nonce,
            **parameters,
        )
        pushed = self.session.post(
            self.metadata["pushed_authorization_request_endpoint"],
            data=dict(parse_qsl(urlsplit(url).query)),
            auth=self.session.client_auth(self.session.token_endpoint_auth_method),
            withhold_token=True,
        )
        assert pushed.status_code == 201, pushed.text
        query = {
            "client_id": self.session.client_id,
            "request_uri": pushed.json()["request_uri"],
        }
        return f"{self.metadata['authorization_endpoint']}?{urlencode(query)}"

    def finish(self, callback: str) -> CodeIDToken:
        """Redeem the code and return the claims of the id token, judged."""
        token = self.session.fetch_token(
            self.metadata["token_endpoint"],
            authorization_response=callback,
            state=self.state,
            code_verifier=self.verifier,
        )
        keys = KeySet.import_key_set(self._get(self.metadata["jwks_uri"]))  # type: ignore[arg-type]
        found = jwt.decode(token["id_token"], keys, algorithms=["RS256"])
        claims = CodeIDToken(
            found.claims,
            found.header,
            options={"iss": {"values": [self.metadata["issuer"]]}},
            params={
                "nonce": self.nonce,
                "client_id": self.session.client_id,
                "access_token": token["access_token"],
            },
        )
        claims.validate()
        return claims


def come_back(live: World, address: str, sub: str) -> str:
    phone = live.phone(sub, pin=PinKey())
    browser = Browser(live.app, live.issuer)
    browser.get(address, Sec_Fetch_Site="cross-site")
    confirm(browser, phone, live)
    return str(browser.page.response.headers["Location"])


def test_a_code_flow_with_authlib(live: World) -> None:
    party = RelyingParty(live, "authlib")
    claims = party.finish(
        come_back(live, party.begin(login_hint="authlib", acr_values=AAL2), "authlib")
    )
    assert (claims["sub"], claims["acr"]) == ("authlib", AAL2)
    assert set(claims["amr"]) == {"mca", "mfa", "pin", "swk", "user"}
    told = party.session.get(party.metadata["userinfo_endpoint"]).json()
    assert told == {"sub": "authlib"}


def test_a_state_that_was_changed_is_noticed(live: World) -> None:
    party = RelyingParty(live, "state")
    callback = come_back(live, party.begin(login_hint="state"), "state")
    party.state = "another"
    with pytest.raises(OAuth2Error):
        party.finish(callback)
