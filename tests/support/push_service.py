"""A push service of browsers (RFC 8030), with one browser that subscribed at it.

It believes what RFC 8291 and 8292 let it believe: the signature by the key that the browser
subscribed with, for this origin alone, and content that only the browser can read.
"""

import base64
import os
import re
import ssl
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import http_ece
import httpcore
import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.support.loopback import listening
from tests.support.tls import Authority

HOST = "push.example"
ORIGIN = f"https://{HOST}"
PUBLIC_ADDRESS = "8.8.8.8"
_MOST_BYTES, _DAY = 4096, 86_400
_VAPID = re.compile(r"vapid t=([\w.-]+), ?k=([\w-]{87})")
_TOPIC = re.compile(r"[\w-]{1,32}")


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def point_of(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@dataclass
class Browser:
    """What subscribed: where it listens, and what opens what comes."""

    endpoint: str = f"{ORIGIN}/push/one-browser"
    key: ec.EllipticCurvePrivateKey = field(default_factory=new_key, repr=False)
    secret: bytes = field(default_factory=lambda: os.urandom(16), repr=False)

    @property
    def address(self) -> dict[str, Any]:
        """Return what the phone registers as its push address."""
        keys = {"p256dh": b64(point_of(self.key)), "auth": b64(self.secret)}
        return {"provider": "webpush", "endpoint": self.endpoint, "keys": keys}

    def opened(self, body: bytes) -> bytes:
        """Return what only this browser can read (RFC 8291 §3)."""
        return bytes(http_ece.decrypt(body, private_key=self.key, auth_secret=self.secret))


@dataclass
class Message:
    """One that was taken."""

    ttl: int
    urgency: str | None
    topic: str | None
    claims: dict[str, Any]
    content: bytes


@dataclass
class PushService:
    """What came, and what is said in turn to the next messages."""

    port: int
    now: Callable[[], int]
    subscribed_with: bytes
    """The public key that the browser named when it subscribed (`applicationServerKey`)."""
    browser: Browser = field(default_factory=Browser)
    taken: list[Message] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    answers: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    refused_for: list[str] = field(default_factory=list)
    connected: list[tuple[str, int]] = field(default_factory=list)
    hangs_up: int = 0
    """On how many of the next messages it closes the connection and says nothing."""

    def answer(self, path: str, headers: Any, body: bytes) -> tuple[int, dict[str, str]]:
        """Take a message, or say what is wrong with it."""
        self.asked.append(path)
        if self.answers:
            return self.answers.pop(0)
        status, why = self._judged(path, headers, body)
        if why:
            self.refused_for.append(why)
            return status, {}
        return 201, {"Location": f"{ORIGIN}/message/{len(self.taken)}"}

    def _judged(self, path: str, headers: Any, body: bytes) -> tuple[int, str]:
        if path != self.browser.endpoint.removeprefix(ORIGIN) or headers["Host"] != HOST:
            return 404, "no such subscription"
        if fault := _fault_of(headers):
            return 400, fault
        if len(body) > _MOST_BYTES:
            return 413, "too large"
        claims = self._claims(headers["Authorization"])
        if claims is None:
            return 403, "not by whom the browser subscribed with"
        told = (int(headers["TTL"]), headers["Urgency"], headers["Topic"])
        self.taken.append(Message(*told, claims, self.browser.opened(body)))
        return 201, ""

    def _claims(self, authorization: str | None) -> dict[str, Any] | None:
        """Return what is signed if it is for us, alive, and by the right key (RFC 8292 §4)."""
        found = _VAPID.fullmatch(authorization or "")
        point = unb64(found[2]) if found else b""
        if found is None or point != self.subscribed_with:
            return None
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
        try:  # the time is the test's
            claims = jwt.decode(
                found[1], key, ["ES256"], audience=ORIGIN, options={"verify_exp": False}
            )
        except jwt.InvalidTokenError:
            return None
        alive = self.now() < claims["exp"] <= self.now() + _DAY
        return claims if alive and claims["sub"].startswith(("mailto:", "https:")) else None


def _fault_of(headers: Any) -> str | None:
    """Return what is wrong with the headers of RFC 8030 §5 and RFC 8291 §4."""
    sound = {
        "TTL": re.fullmatch(r"[0-9]+", headers["TTL"] or ""),
        "Urgency": headers["Urgency"] in {None, "very-low", "low", "normal", "high"},
        "Topic": headers["Topic"] is None or _TOPIC.fullmatch(headers["Topic"]),
        "Content-Encoding": headers["Content-Encoding"] == "aes128gcm",
    }
    return next((name for name, held in sound.items() if not held), None)


class Rerouted(httpcore.SyncBackend):
    """The Internet: whoever calls a public address reaches the double, and it notes which."""

    def __init__(self, service: PushService) -> None:
        super().__init__()
        self._service = service

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        self._service.connected.append((host, port))
        return super().connect_tcp("127.0.0.1", self._service.port, timeout)


@contextmanager
def push_service(
    folder: Path, now: Callable[[], int], subscribed_with: bytes, authority: Authority | None = None
) -> Iterator[PushService]:
    """Run it under its name until the block ends; `folder` gets `ca.pem`."""
    (authority or Authority((HOST,))).write_server(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem", folder / "server.key")
    with listening(
        lambda address: PushService(int(address.rpartition(":")[2]), now, subscribed_with),
        lambda made: type("Handler", (_Handler,), {"service": made, "context": context}),
    ) as made:
        yield made


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    service: PushService
    context: ssl.SSLContext
    is_believed = True

    def setup(self) -> None:
        try:
            self.request = self.context.wrap_socket(self.request, server_side=True)
        except OSError:  # the other side does not believe the certificate
            self.is_believed = False
        super().setup()

    def handle(self) -> None:
        if self.is_believed:
            super().handle()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.service.hangs_up:
            self.service.hangs_up -= 1
            self.close_connection = True
            return
        status, headers = self.service.answer(self.path, self.headers, body)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def finish(self) -> None:
        super().finish()
        self.request.close()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # its name
        pass
