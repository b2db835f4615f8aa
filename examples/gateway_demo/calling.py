"""Calls of the API through nginx, and what must come of them."""

import json
from collections import Counter
from typing import Any

import httpx

from examples.demo.cast import AAL2, Cast, Lines
from examples.demo.paying import BY_PHONE
from examples.demo.story import Deviation, expect, expect_in
from examples.gateway_demo.client import Application, Program, application_of
from examples.gateway_demo.stage import GatewayStage

LIES = {
    "X-Auth-Sub": "admin",
    "X-Auth-Scope": "orders:write payments",
    "X-Auth-Acr": "urn:stepup:acr:aal3",
    "X-Original-URI": "/orders",
    "X-Forwarded-Uri": "/orders",
    "X-HTTP-Method-Override": "POST",
}


class Calling:
    """A program that calls for itself, and an application that calls for Alice."""

    def __init__(self, cast: Cast, stage: GatewayStage) -> None:
        self._cast = cast
        self._stage = stage
        self._alice = cast.alice
        self._seen: list[str] = []
        self._reader: dict[str, str] = {}
        self._token = self._challenge = ""
        self._tokens: dict[str, Any] = {}

    def without_token(self) -> Lines:
        """Be asked for one."""
        answer = self._call("GET", "/orders", None)
        return (_challenged(answer, 401, "Bearer"),)

    def program(self) -> Lines:
        """Get a token by client credentials, for this API, and call."""
        self._reader = self._stage.add_program("Nightly report", "orders:read")
        self._token = self._program_token(self._reader)
        found = self._passed(self._call("GET", "/orders", self._token))
        wanted = {"client": self._reader["client_id"], "scope": "orders:read", "acr": ""}
        expect("what the API was told", {name: found[name] for name in wanted}, wanted)
        return ("the API was told: " + json.dumps({n: found[n] for n in ("client", "scope")}),)

    def without_scope(self) -> Lines:
        """Try to write, which the program was not given."""
        answer = self._call("POST", "/orders", self._token)
        return (_challenged(answer, 403, 'error="insufficient_scope", scope="orders:write"'),)

    def lies(self) -> Lines:
        """Send what a proxy would set, and find that nobody believes it."""
        found = self._passed(self._call("GET", "/orders", self._token, LIES))
        expect("who the API was told", found["sub"], self._reader["client_id"])
        expect("the scope and level", [found["scope"], found["acr"]], ["orders:read", ""])
        _challenged(self._call("POST", "/payments", self._token, LIES), 403, "payments")
        for path in ("/orders/../payments", "/orders%2f..%2fpayments", "/nowhere"):
            answer = self._call("POST", path, self._token)
            expect(f"a call of {path} is refused", answer.status_code in {400, 403}, True)  # noqa: FBT003
        return ("X-Auth-*, X-Original-URI, X-Forwarded-Uri, dots and %2f: none of it helped",)

    def disabled(self) -> Lines:
        """Disable the client; its token was good for minutes still."""
        self._stage.disable(self._reader["client_id"])
        answer = self._call("GET", "/orders", self._token)
        return (_challenged(answer, 401, 'error="invalid_token"'),)

    def person_reads(self) -> Lines:
        """Sign in with the password, and call with her token."""
        self._sign_in()
        found = self._passed(self._call("GET", "/orders", self._access))
        expect("who the API was told", [found["sub"], found["acr"]], ["alice", "0"])
        return ('the API was told: sub "alice", acr "0", amr "pwd"',)

    def step_up_needed(self) -> Lines:
        """Call with that token, and be challenged (RFC 9470)."""
        answer = self._call("POST", "/payments", self._access)
        self._challenge = answer.headers.get("WWW-Authenticate", "")
        wanted = 'error="insufficient_user_authentication"'
        return (_challenged(answer, 401, wanted, f'acr_values="{AAL2}"', 'max_age="300"'),)

    def step_up(self) -> Lines:
        """Send her through authorization with just what the challenge named."""
        with application_of(self._stage) as application:
            self._alice.browser.open(application.authorization_url(self._challenge))
            request = self._cast.phone.request()
            self._cast.phone.approve(request["id"], self._alice.display_code())
            self._alice.wait_for_the_phone()
            self._keep(application)
        return ("the number on the page typed on the phone, with her PIN",)

    def person_pays(self) -> Lines:
        """Call again, with the new token."""
        found = self._passed(self._call("POST", "/payments", self._access))
        wanted = {"sub": "alice", "acr": AAL2, "amr": BY_PHONE, "paid": True}
        expect("what the API was told", {name: found[name] for name in wanted}, wanted)
        return (f"acr {AAL2}", f"amr {BY_PHONE}")

    def id_token(self) -> Lines:
        """Offer it in the access token's place."""
        answer = self._call("GET", "/orders", str(self._tokens["id_token"]))
        return (_challenged(answer, 401, 'error="invalid_token"'),)

    def log(self) -> Lines:
        """Read the service's log."""
        logs = self._stage.processes.logs()
        for name, text in logs.items():
            if any(token in text for token in self._seen):
                raise Deviation(f"the log of the {name} contains a token")
        lines = [json.loads(line) for line in logs["service"].splitlines() if line[:1] == "{"]
        decided = [line for line in lines if line.get("event") == "gateway"]
        counted = Counter((line["result"], line["reason"]) for line in decided)
        expect("calls that passed", counted["allow", "sufficient"], 4)
        for reason in ("no_token", "insufficient_scope", "acr", "no_route"):
            expect(f"a call refused for {reason}", counted["deny", reason] > 0, True)  # noqa: FBT003
        return tuple(
            f"{count} times {result}: {reason}" for (result, reason), count in counted.items()
        )

    @property
    def _access(self) -> str:
        return str(self._tokens["access_token"])

    def _sign_in(self) -> None:
        with application_of(self._stage) as application:
            self._alice.browser.open(application.authorization_url())
            self._alice.sign_in_if_asked()
            self._keep(application)

    def _keep(self, application: Application) -> None:
        self._tokens = application.tokens()
        self._seen += [self._access, str(self._tokens["id_token"])]

    def _program_token(self, credentials: dict[str, str]) -> str:
        with httpx.Client(trust_env=False, timeout=10) as http:
            token = Program(http, self._stage, credentials).token()
        self._seen += [token, credentials["client_secret"]]
        return token

    def _call(
        self, method: str, path: str, token: str | None, more: dict[str, str] | None = None
    ) -> httpx.Response:
        headers = dict(more or {}) | ({"Authorization": f"Bearer {token}"} if token else {})
        with httpx.Client(trust_env=False, timeout=10) as http:
            return http.request(method, f"{self._stage.front}{path}", headers=headers)

    def _passed(self, answer: httpx.Response) -> dict[str, Any]:
        expect("the API's answer", answer.status_code, 200)
        return dict(answer.json())


def _challenged(answer: httpx.Response, status: int, *parts: str) -> str:
    """Return the challenge of a refusal that has all `parts`; raise `Deviation` for another."""
    expect("the status", answer.status_code, status)
    challenge = answer.headers.get("WWW-Authenticate", "")
    for part in parts:
        expect_in("the challenge", part, challenge)
    return f"{status} {challenge}"
