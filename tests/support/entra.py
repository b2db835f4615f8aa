"""Microsoft Entra's side of an external authentication method, as its reference describes it.

It asks by a form, with a hint that is over already, and believes an answer only if every rule of
the reference holds.
"""

import base64
import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

import jwt
from cryptography import x509

from tests.support.browsing import Browser, Seen
from tests.support.clients import KeyPair
from tests.support.live import live_world
from tests.support.login_issuer import Answer, Received, served
from tests.support.ports import FrozenClock
from tests.support.remote import WallClock
from tests.support.world import World, close, make_world

TENANT = "11111111-2222-3333-4444-555555555555"
OTHER_TENANT = "99999999-2222-3333-4444-555555555555"
APPLICATION = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
OBJECT = "00000000-0000-0000-0000-00000000a11c"
SUB = "pairwise-sub-of-alice"
PERSON = f"{TENANT}.{OBJECT}"
METADATA = "/common/v2.0/.well-known/openid-configuration"
KEYS = "/common/discovery/v2.0/keys"
CALLBACK = "/common/federation/externalauthprovider"
START = "/start"
_PAGE = "<!doctype html><html lang=en><link rel=icon href=data:,>"
_BACK = f"{_PAGE}<title>Entra</title><h1>Signed in</h1>"
USUAL_ACR = ("possessionorinherence",)
USUAL_AMR = ("face", "fido", "fpt", "hwk", "iris", "otp", "pop", "retina", "sc", "sms", "swk")
_KINDS = {
    "face": "inherence",
    "fpt": "inherence",
    "iris": "inherence",
    "retina": "inherence",
    "vbm": "inherence",
    **dict.fromkeys(("fido", "hwk", "swk", "pop", "otp", "sc", "sms", "tel"), "possession"),
}


@dataclass
class EntraDouble:
    """One cloud with its tenants; `asked` is the request that it waits for."""

    clock: FrozenClock
    authority: str
    client_id: str = ""
    pair: KeyPair = field(default_factory=lambda: KeyPair("RS256", "entra"))
    asked: dict[str, Any] = field(default_factory=dict)
    answers: dict[str, Answer] = field(default_factory=dict)
    received: list[str] = field(default_factory=list)
    posted: list[dict[str, str]] = field(default_factory=list)
    start: str = ""

    @property
    def redirect_uri(self) -> str:
        return self.authority + CALLBACK

    def issuer(self, tenant_id: str = TENANT) -> str:
        return f"{self.authority}/{tenant_id}/v2.0"

    def answer(self, request: Received) -> Answer:
        """Say what the cloud says, unless a test wants something else."""
        self.received.append(request.path)
        if request.path == CALLBACK:
            self.posted.append(request.form)
        return self.answers.get(request.path) or self.answer_at(request.path)

    def answer_at(self, path: str) -> Answer:
        """Return what the cloud says at a path."""
        if path == METADATA:
            keys = f"{self.authority}{KEYS}"
            return Answer(body={"issuer": self.issuer("{tenantid}"), "jwks_uri": keys})
        if path == f"/{TENANT}/v2.0/.well-known/openid-configuration":
            return Answer(body={"issuer": self.issuer()})
        if path == START:
            return Answer(body=self.start.encode(), headers={"Content-Type": "text/html"})
        if path == CALLBACK:
            return Answer(body=_BACK.encode(), headers={"Content-Type": "text/html"})
        if path == KEYS:
            return Answer(body={"keys": [self.pair.jwk | {"use": "sig", "x5t": "x"}]})
        return Answer(404, {})

    def settings(self, folder: Path, *client_ids: str) -> str:
        """Write the file that MFA_ENTRA names, for one tenant, and return its path."""
        tenants = "".join(
            f'[[tenant]]\ntenant_id = "{TENANT}"\nclient_id = "{client_id}"\n'
            f'application_id = "{APPLICATION}"\ncloud = "double"\n'
            for client_id in client_ids
        )
        cloud = f'name = "double"\nauthority = "{self.authority}"'
        path = folder / "entra.toml"
        path.write_text(f'[[cloud]]\n{cloud}\nredirect_uri = "{self.redirect_uri}"\n{tenants}')
        return str(path)

    def hint(self, pair: KeyPair | None = None, **changed: Any) -> str:
        """Return a hint as Entra makes them: over already; `None` leaves a claim out."""
        at = self.clock.now()
        claims = {
            "ver": "2.0",
            "iss": self.issuer(),
            "aud": APPLICATION,
            "tid": TENANT,
            "oid": OBJECT,
            "sub": SUB,
            "preferred_username": "alice@contoso.example",
            "name": "Alice",
            "iat": at - 300,
            "nbf": at - 300,
            "exp": at - 1,
        } | changed
        given = {name: value for name, value in claims.items() if value is not None}
        key = pair or self.pair
        return key.sign({"alg": key.alg, "kid": key.kid, "typ": "JWT", "x5t": "x"}, given)

    def request(
        self,
        *,
        acr: tuple[str, ...] = USUAL_ACR,
        amr: tuple[str, ...] | None = USUAL_AMR,
        **changed: Any,
    ) -> dict[str, str]:
        """Return the fields of a request, and wait for its answer; empty ones are left out."""
        wanted: dict[str, Any] = {"acr": {"essential": True, "values": list(acr)}}
        if amr is not None:
            wanted["amr"] = {"essential": True, "values": list(amr)}
        fields = {
            "scope": "openid",
            "response_type": "id_token",
            "response_mode": "form_post",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "nonce": secrets.token_urlsafe(16),
            "state": secrets.token_urlsafe(64),
            "id_token_hint": self.hint(),
            "claims": json.dumps({"id_token": wanted}),
            "client-request-id": "0f1e2d3c-0000-4000-8000-000000000000",
            "something-else": "is ignored",
        } | changed
        self.asked = fields | {"acr": acr, "amr": amr}
        return {name: value for name, value in fields.items() if value}

    def begin(self, endpoint: str) -> str:
        """Return the address of a page that sends the browser to us by a form."""
        fields = "".join(
            f'<input type="hidden" name="{name}" value="{escape(value)}">'
            for name, value in self.request().items()
        )
        form = f'<form method="post" action="{endpoint}">{fields}</form>'
        self.start = f"{_PAGE}<title>Entra</title>{form}<script>document.forms[0].submit()</script>"
        return self.authority + START

    def faults(self, answer: dict[str, str], world: World) -> list[str]:
        """Return why Entra would not let the person on; nothing if it would."""
        if answer.get("state") != self.asked["state"]:
            return ["state"]
        if "error" in answer:
            return [answer["error"]]
        client = world.app.test_client()
        found = client.get("/.well-known/openid-configuration")
        assert found.headers["Content-Length"]
        metadata = found.get_json()
        keys = client.get("/.well-known/jwks.json").get_json()["keys"]
        header = jwt.get_unverified_header(answer["id_token"])
        known = [key for key in keys if key["kid"] == header["kid"] and key["alg"] == "RS256"]
        if (
            header["alg"] != "RS256"
            or len(known) != 1
            or "id_token" not in metadata["response_types_supported"]
        ):
            return ["key"]
        certificate = x509.load_der_x509_certificate(base64.b64decode(known[0]["x5c"][0]))
        claims = jwt.decode(
            answer["id_token"],
            certificate.public_key(),  # type: ignore[arg-type]  # RSA, as the header says
            algorithms=["RS256"],
            audience=self.client_id,
            issuer=metadata["issuer"],
            options={"verify_exp": False, "verify_iat": False},
        )
        return [name for name, held in self._rules(claims).items() if not held]

    def _rules(self, claims: dict[str, Any]) -> dict[str, bool]:
        at, amr, acr = self.clock.now(), claims["amr"], claims["acr"]
        kind = _KINDS.get(amr[0]) if isinstance(amr, list) and len(amr) == 1 else None
        return {
            "times": claims["iat"] <= at < claims["exp"],
            "sub": claims["sub"] == SUB,
            "nonce": claims["nonce"] == self.asked["nonce"],
            "acr": acr in self.asked["acr"],
            "amr": kind is not None and (self.asked["amr"] is None or amr[0] in self.asked["amr"]),
            "kind": kind is not None and kind in acr.split("or"),
            "second factor": kind != "knowledge",
        }


@contextmanager
def entra_live(sqlite_url: str, folder: Path) -> Iterator[tuple[World, EntraDouble]]:
    """Lend the same on a port, with the clock of the machine."""
    with served(lambda address: EntraDouble(WallClock(), address)) as entra:
        path = registered(sqlite_url, folder, entra)
        with live_world(sqlite_url, MFA_ENTRA=path) as world:
            yield world, entra


def registered(sqlite_url: str, folder: Path, entra: EntraDouble) -> str:
    """Register Entra's client, and return the file that names it."""
    before = make_world(sqlite_url)
    scopes, uris = ("mfa:challenge",), (entra.redirect_uri,)
    entra.client_id = before.client("Contoso", scopes, redirect_uris=uris).client_id
    close(before)
    return entra.settings(folder, entra.client_id)


@contextmanager
def entra_world(sqlite_url: str, folder: Path) -> Iterator[tuple[World, EntraDouble]]:
    """Lend a service that one tenant of a double trusts, and the double."""
    with served(lambda address: EntraDouble(FrozenClock(), address)) as entra:
        world = make_world(sqlite_url, MFA_ENTRA=registered(sqlite_url, folder, entra))
        entra.clock = world.clock
        try:
            yield world, entra
        finally:
            close(world)


def arrive(browser: Browser, entra: EntraDouble, fields: dict[str, str] | None = None) -> Seen:
    """Send the browser from Entra to us, by a form of another site, and follow."""
    sent = entra.request() if fields is None else fields
    origin = {"Origin": entra.authority, "Sec_Fetch_Site": "cross-site"}
    return browser.land("/oauth2/authorize", sent, **origin)


def answer_of(browser: Browser, entra: EntraDouble) -> dict[str, str]:
    """Return what the page posts to Entra; fails unless it posts there."""
    form = browser.page.form(CALLBACK)
    assert form.action == entra.redirect_uri
    return form.fields
