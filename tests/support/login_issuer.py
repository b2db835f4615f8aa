"""A login issuer on a loopback port: right in everything, until a test makes it wrong."""

import base64
import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler
from typing import Any, Protocol, TypeVar
from urllib.parse import parse_qsl

from tests.support.clients import KeyPair
from tests.support.loopback import listening
from tests.support.phone import b64
from tests.support.ports import FrozenClock
from tests.support.world import ISSUER

METADATA = "/.well-known/openid-configuration"
KEYS = "/keys"
TOKEN = "/token?tenant=1"
CLIENT_ID, SECRET = "mfa service", "a secret: with a colon and +"


@dataclass
class Answer:
    """What the double sends; `body` may come in pieces."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    pieces: Callable[[], Iterator[bytes]] | None = None


@dataclass(frozen=True)
class Received:
    """One request to the double."""

    method: str
    path: str
    form: dict[str, str]
    authorization: str | None


class LoginDouble:
    """The issuer. `answers` overrides what is said at a path; `received` remembers the requests."""

    def __init__(self, clock: FrozenClock, address: str) -> None:
        self.clock = clock
        self.issuer = address
        self.pairs = [KeyPair("RS256", "rsa"), KeyPair("ES256", "ec"), KeyPair("EdDSA", "ed")]
        self.extra_keys: list[dict[str, Any]] = []
        self.answers: dict[str, Answer] = {}
        self.received: list[Received] = []
        self.grants: dict[str, dict[str, Any]] = {}
        self.keys_headers: dict[str, str] = {}

    @property
    def metadata(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize?tenant=1",
            "token_endpoint": f"{self.issuer}{TOKEN}",
            "jwks_uri": f"{self.issuer}{KEYS}",
        }

    def asked(self, path: str) -> int:
        """Return how often something was asked for."""
        return sum(request.path == path for request in self.received)

    def access_token(self, pair: KeyPair | None = None, **changed: Any) -> str:
        """Return an access token; members of `changed` replace claims, `None` removes them."""
        now = self.clock.now()
        claims = {
            "iss": self.issuer,
            "aud": ISSUER,
            "sub": "alice",
            "client_id": "spa",
            "scope": "openid mfa:self",
            "iat": now,
            "exp": now + 300,
            "jti": secrets.token_urlsafe(8),
        }
        return self.signed(pair or self.pairs[0], claims | changed, typ="at+jwt")

    def id_token(self, nonce: str, /, **changed: Any) -> str:
        """Return an id token for the service."""
        now = self.clock.now()
        claims = {
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "sub": "alice",
            "nonce": nonce,
            "iat": now,
            "exp": now + 300,
        }
        return self.signed(self.pairs[0], claims | changed, typ="JWT")

    def signed(self, pair: KeyPair, claims: dict[str, Any], **header: Any) -> str:
        """Return a JWS without the members that are `None`."""
        head = {"alg": pair.alg, "kid": pair.kid, **header}
        return pair.sign(_given(head), _given(claims))

    def grant(self, nonce: str, verifier: str, /, **changed: Any) -> str:
        """Return a code that is worth an id token, once, to who knows `verifier`."""
        code = secrets.token_urlsafe(8)
        digest = b64(sha256(verifier.encode()).digest())
        self.grants[code] = {"challenge": digest, "id_token": self.id_token(nonce, **changed)}
        return code

    def answer(self, request: Received) -> Answer:
        """Return what to say."""
        self.received.append(request)
        if request.path in self.answers:
            return self.answers[request.path]
        if request.path == METADATA:
            return Answer(body=self.metadata)
        if request.path == KEYS:
            keys = [pair.jwk for pair in self.pairs] + self.extra_keys
            return Answer(body={"keys": keys}, headers=self.keys_headers)
        if request.path == TOKEN:
            return self._exchanged(request)
        return Answer(404, {"error": "not_found"})

    def _exchanged(self, request: Received) -> Answer:
        if request.authorization != _expected_basic():
            return Answer(401, {"error": "invalid_client"})
        found = self.grants.pop(request.form.get("code", ""), None)
        proven = b64(sha256(request.form.get("code_verifier", "").encode()).digest())
        if found is None or proven != found["challenge"]:
            return Answer(400, {"error": "invalid_grant"})
        return Answer(body={"id_token": found["id_token"], "token_type": "Bearer"})


class Double(Protocol):
    """What answers requests."""

    def answer(self, request: Received) -> Answer: ...


D = TypeVar("D", bound=Double)


@contextmanager
def login_double(clock: FrozenClock) -> Iterator[LoginDouble]:
    """Run a double until the block ends."""
    with served(lambda address: LoginDouble(clock, address)) as double:
        yield double


@contextmanager
def served(make: Callable[[str], D]) -> Iterator[D]:
    """Run what `make` returns for its address, until the block ends."""
    with listening(lambda address: make(f"http://{address}"), _handler) as double:
        yield double


def _handler(double: Double) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._reply({})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self._reply(dict(parse_qsl(body.decode())))

        def _reply(self, form: dict[str, str]) -> None:
            authorization = self.headers["Authorization"]
            answer = double.answer(Received(self.command, self.path, form, authorization))
            _send(self, answer)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler


def _send(handler: BaseHTTPRequestHandler, answer: Answer) -> None:
    body = answer.body if isinstance(answer.body, bytes) else _json(answer.body)
    handler.send_response_only(answer.status)
    for name, value in ({"Date": handler.date_time_string()} | answer.headers).items():
        handler.send_header(name, value)
    if answer.pieces is None:
        handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    try:
        for piece in answer.pieces() if answer.pieces else (body,):
            handler.wfile.write(piece)
            handler.wfile.flush()
    except OSError:
        pass  # the reader had enough, which is what the test is about


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


def _given(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


def _expected_basic() -> str:
    pair = "mfa%20service:a%20secret%3A%20with%20a%20colon%20and%20%2B"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"
