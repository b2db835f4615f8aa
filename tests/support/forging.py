"""Tokens that are right but for one thing: header, claims, key or form of the signature."""

import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.utils import base64url_decode
from werkzeug.test import TestResponse

from .phone import Phone, b64
from .world import World

Sign = Callable[[bytes, EllipticCurvePrivateKey], bytes]


def raw(data: bytes, key: EllipticCurvePrivateKey) -> bytes:
    """Return r‖s, as ES256 wants it."""
    r, s = decode_dss_signature(der(data, key))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def der(data: bytes, key: EllipticCurvePrivateKey) -> bytes:
    return key.sign(data, ECDSA(hashes.SHA256()))


def with_public_key_as_secret(data: bytes, key: EllipticCurvePrivateKey) -> bytes:
    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return hmac.digest(pem, data, "sha256")


def by_another_key(data: bytes, _: EllipticCurvePrivateKey) -> bytes:
    return raw(data, generate_private_key(SECP256R1()))


def flipped(data: bytes, key: EllipticCurvePrivateKey) -> bytes:
    made = raw(data, key)
    return made[:-1] + bytes([made[-1] ^ 1])


def with_sha384(data: bytes, key: EllipticCurvePrivateKey) -> bytes:
    r, s = decode_dss_signature(key.sign(data, ECDSA(hashes.SHA384())))
    return r.to_bytes(48, "big") + s.to_bytes(48, "big")


@dataclass(frozen=True, slots=True)
class Forgery:
    """What is wrong; members set to `None` are removed."""

    header: Mapping[str, Any] = field(default_factory=dict)
    sign: Sign = raw
    finish: Callable[[str], str] = str

    def of(self, token: str, key: EllipticCurvePrivateKey, **claims: Any) -> str:
        """Return `token` with this fault, its claims changed, signed by `key`."""
        parts = [json.loads(base64url_decode(part)) for part in token.split(".")[:2]]
        for part, changed in zip(parts, (self.header, claims), strict=True):
            part.update(changed)
            for name in [name for name, value in part.items() if value is None]:
                del part[name]
        texts = [b64(json.dumps(part, separators=(",", ":")).encode()) for part in parts]
        signing_input = ".".join(texts)
        return self.finish(f"{signing_input}.{b64(self.sign(signing_input.encode(), key))}")


NOTHING = Forgery()

FORGERIES: Mapping[str, Forgery] = {
    "alg none without signature": Forgery({"alg": "none"}, lambda *_: b""),
    "alg none with a signature": Forgery({"alg": "none"}),
    "alg HS256 keyed with the public key": Forgery({"alg": "HS256"}, with_public_key_as_secret),
    "alg ES384": Forgery({"alg": "ES384"}, with_sha384),
    "alg in lower case": Forgery({"alg": "es256"}),
    "no alg": Forgery({"alg": None}),
    "a list as alg": Forgery({"alg": ["ES256"]}),
    "no typ": Forgery({"typ": None}),
    "typ JWT": Forgery({"typ": "JWT"}),
    "typ of another token": Forgery({"typ": "stepup-challenge+jwt"}),
    "typ with application/": Forgery({"typ": "application/stepup-req+jwt"}),
    "jku": Forgery({"jku": "https://keys.example/jwks"}),
    "x5u": Forgery({"x5u": "https://keys.example/chain"}),
    "crit": Forgery({"crit": ["exp"]}),
    "b64": Forgery({"b64": False, "crit": ["b64"]}),
    "b64 alone": Forgery({"b64": False}),
    "signature of another key": Forgery(sign=by_another_key),
    "a flipped bit": Forgery(sign=flipped),
    "a DER signature": Forgery(sign=der),
    "an empty signature": Forgery(sign=lambda *_: b""),
    "a zero signature": Forgery(sign=lambda *_: bytes(64)),
    "half a signature": Forgery(sign=lambda data, key: raw(data, key)[:32]),
    "two parts": Forgery(finish=lambda token: token.rsplit(".", 1)[0]),
    "four parts": Forgery(finish=lambda token: token + ".AAAA"),
    "padded base64": Forgery(finish=lambda token: token + "=="),
    "no JWS at all": Forgery(finish=lambda _: "garbage"),
}

BAD_TIMES: Mapping[str, tuple[Any, Any]] = {
    "61 s of life": (0, 61),
    "expired this second": (-60, 0),
    "expired": (-61, -1),
    "61 s ahead": (61, 121),
    "ended before it began": (30, 29),
    "no iat": (None, 60),
    "no exp": (0, None),
    "iat as text": ("now", 60),
    "exp as text": (0, "soon"),
    "iat as float": (0.5, 60),
    "exp as float": (0, 59.5),
    "iat as boolean": (True, 60),
    "exp as boolean": (0, True),
    "exp beyond 2^53": (0, 2**53),
}
GOOD_TIMES: Mapping[str, tuple[int, int]] = {
    "60 s of life": (0, 60),
    "59 s old": (-59, 1),
    "60 s ahead": (60, 120),
    "one second of life": (0, 1),
}


def times(at: int, offsets: tuple[Any, Any]) -> dict[str, Any]:
    """Return `iat` and `exp` at these distances from `at`; what is no integer stays as it is."""
    return {
        name: offset if type(offset) in {bool, str, type(None)} else at + offset
        for name, offset in zip(("iat", "exp"), offsets, strict=True)
    }


def request(
    world: World,
    phone: Phone,
    method: str,
    path: str,
    *,
    forgery: Forgery = NOTHING,
    body: bytes = b"",
    media: str = "application/json",
    send_body: bytes | None = None,
    send_method: str | None = None,
    send_path: str | None = None,
    **claims: Any,
) -> TestResponse:
    """Send a request whose proof may be forged, or made for another request than is sent."""
    token = phone.authorization(method, path, body).removeprefix("Device ")
    forged = forgery.of(token, phone.key, **claims)
    sent = body if send_body is None else send_body
    return world.app.test_client().open(
        send_path or path,
        method=send_method or method,
        data=sent or None,
        content_type=media if sent else None,
        headers={"Authorization": f"Device {forged}"},
    )


def post_jose(world: World, phone: Phone, path: str, token: str) -> TestResponse:
    """Send a JWS as the body of a signed request."""
    return world.device(phone, "POST", path, token)


def problem(response: TestResponse) -> dict[str, Any]:
    """Return a problem without what differs by design: the request's id."""
    body = dict(response.get_json())
    body.pop("instance")
    return body


def slug(response: TestResponse) -> tuple[int, str]:
    """Return status and slug of a problem."""
    body = response.get_json()
    assert response.content_type == "application/problem+json", response.text
    return response.status_code, str(body["type"]).rsplit("/", 1)[1]


def with_another_end(given: bytes) -> bytes:
    """Return the bytes with another last one, whatever that was."""
    return given[:-1] + bytes([given[-1] ^ 1])
