"""Google's side of a push: its token endpoint and FCM's send endpoint, under their real names.

Both are reached as from inside a company: through a proxy (`HTTPS_PROXY`) that opens a tunnel to
a host by name, in which TLS is spoken with that name's certificate.
"""

import io
import json
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.support.loopback import listening
from tests.support.tls import Authority

TOKEN_HOST, SEND_HOST = "oauth2.googleapis.com", "fcm.googleapis.com"
TOKEN_URI = f"https://{TOKEN_HOST}/token"
PROJECT, EMAIL = "bank-phones", "push@bank-phones.iam.gserviceaccount.com"
SCOPES = {f"https://www.googleapis.com/auth/{name}" for name in ("cloud-platform", "firebase")}
FCM_ERROR = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
BAD_REQUEST = "type.googleapis.com/google.rpc.BadRequest"
_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_MOST_BYTES, _LONGEST = 4096, 2_419_200


@dataclass(frozen=True)
class Fault:
    """What FCM says instead of taking a message, as its documentation of ErrorCode shows it."""

    http: int
    status: str
    code: str | None = None
    kind: str = FCM_ERROR
    retry_after: str | None = None

    def body(self) -> dict[str, Any]:
        """Return the answer in the form of google.rpc.Status."""
        detail = {"@type": self.kind} | ({"errorCode": self.code} if self.code else {})
        told = {"code": self.http, "message": "No.", "status": self.status, "details": [detail]}
        return {"error": told}


MALFORMED = Fault(400, "INVALID_ARGUMENT", kind=BAD_REQUEST)


@dataclass
class Google:
    """What came, and what is said in turn to the next messages for a token."""

    proxy: str
    key: rsa.RSAPrivateKey = field(repr=False)
    sent: list[dict[str, Any]] = field(default_factory=list)
    asked: int = 0
    tokens_given: int = 0
    faults: list[Fault] = field(default_factory=list)
    is_silent: bool = False
    knows_the_key: bool = True

    def token(self, form: dict[str, list[str]]) -> tuple[int, dict[str, Any]]:
        """Return an access token for a service account's assertion (RFC 7523 §2.1)."""
        try:
            assert form["grant_type"] == [_GRANT]
            (assertion,) = form["assertion"]
            known = self.key if self.knows_the_key else new_key()
            claims = jwt.decode(assertion, known.public_key(), ["RS256"], audience=TOKEN_URI)
            assert claims["iss"] == EMAIL
            assert claims["exp"] - claims["iat"] <= 3600
            assert SCOPES & set(claims["scope"].split())
        except (AssertionError, KeyError, jwt.InvalidTokenError):
            said = {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}
            return 400, said
        self.tokens_given += 1
        return 200, {"access_token": self._bearer(), "token_type": "Bearer", "expires_in": 3599}

    def send(
        self, path: str, authorization: str | None, body: Any
    ) -> tuple[int, dict[str, Any], str | None]:
        """Take a message, or say what is wrong with it."""
        self.asked += 1
        if self.is_silent:
            time.sleep(30)
        if path != f"/v1/projects/{PROJECT}/messages:send":
            return 404, Fault(404, "NOT_FOUND", kind=BAD_REQUEST).body(), None
        if authorization != f"Bearer {self._bearer()}":
            return 401, Fault(401, "UNAUTHENTICATED", kind=BAD_REQUEST).body(), None
        fault = self.faults.pop(0) if self.faults else fault_of(body)
        if fault is not None:
            return fault.http, fault.body(), fault.retry_after
        self.sent.append(body["message"])
        return 200, {"name": f"projects/{PROJECT}/messages/{len(self.sent)}"}, None

    def _bearer(self) -> str:
        return f"ya29.{self.tokens_given}"

    def service_account(self, path: Path) -> Path:
        """Write the file that Google's console gives to whoever may send."""
        form = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        account = {
            "type": "service_account",
            "project_id": PROJECT,
            "private_key_id": "1",
            "private_key": self.key.private_bytes(*form).decode(),
            "client_email": EMAIL,
            "client_id": "1",
            "token_uri": TOKEN_URI,
        }
        path.write_text(json.dumps(account), "utf-8")
        return path


def fault_of(body: Any) -> Fault | None:
    """Return what FCM would find wrong in a request to send."""
    message = body.get("message") if isinstance(body, dict) else None
    if not isinstance(message, dict) or set(body) - {"message", "validate_only"}:
        return MALFORMED
    targets = {"token", "fid", "topic", "condition"} & set(message)
    data, android = message.get("data", {}), message.get("android", {})
    ttl = str(android.get("ttl", "0s"))
    sound = (
        len(targets) == 1
        and set(message) <= {"data", "android", "apns", *targets}
        and all(isinstance(value, str) and allowed(name) for name, value in data.items())
        and len(json.dumps(data)) <= _MOST_BYTES
        and set(android) <= {"priority", "ttl", "collapse_key"}
        and android.get("priority", "normal") in {"normal", "high"}
        and ttl.endswith("s")
        and 0 <= float(ttl[:-1]) <= _LONGEST
        and all(isinstance(v, str) for v in message.get("apns", {}).get("headers", {}).values())
    )
    return None if sound else MALFORMED


def allowed(name: str) -> bool:
    """Tell whether a key of `data` is not one of FCM's own."""
    return name not in {"from", "message_type"} and not name.startswith(("google", "gcm"))


def new_key() -> rsa.RSAPrivateKey:
    """Return the key of a service account."""
    return rsa.generate_private_key(65537, 2048)


@contextmanager
def google(folder: Path, authority: Authority | None = None) -> Iterator[Google]:
    """Run both endpoints behind a proxy until the block ends; `folder` gets `ca.pem`."""
    (authority or Authority((TOKEN_HOST, SEND_HOST))).write_server(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem", folder / "server.key")
    with listening(
        lambda address: Google(f"http://{address}", new_key()),
        lambda made: type("Tunnel", (_Tunnel,), {"google": made, "context": context}),
    ) as made:
        yield made


class _Tunnel(BaseHTTPRequestHandler):
    """One connection to the proxy, and what is said in its tunnel."""

    protocol_version = "HTTP/1.1"
    google: Google
    context: ssl.SSLContext
    inside = ""

    def do_CONNECT(self) -> None:
        self.inside = self.path.removesuffix(":443")
        self.send_response(200)
        self.end_headers()
        try:
            self.connection = self.context.wrap_socket(self.connection, server_side=True)
        except OSError:  # the other side does not believe the certificate
            self.close_connection = True
            return
        self.close_connection = False
        self.rfile, self.wfile = self.connection.makefile("rb"), _Whole(self.connection)

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        again = None
        if (self.inside, self.path) == (TOKEN_HOST, "/token"):
            status, told = self.google.token(parse_qs(raw.decode()))
        elif self.inside == SEND_HOST:
            bearer = self.headers["Authorization"]
            status, told, again = self.google.send(self.path, bearer, json.loads(raw))
        else:
            status, told = 404, {}
        self._answer(status, told, again)

    def _answer(self, status: int, told: dict[str, Any], again: str | None) -> None:
        body = json.dumps(told).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=UTF-8")
        self.send_header("Content-Length", str(len(body)))
        if again is not None:
            self.send_header("Retry-After", again)
        self.end_headers()
        self.wfile.write(body)

    def finish(self) -> None:
        self.rfile.close()
        self.connection.close()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


class _Whole(io.BufferedIOBase):
    """Writes all that is given to a socket."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def write(self, given: Any) -> int:
        self._connection.sendall(given)
        return len(memoryview(given))
