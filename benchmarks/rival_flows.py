"""privacyIDEA's flows: what its plugins and its phone application send for the same ends."""

import base64
import json
import queue
import time
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import urlencode

import pyotp
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.support.authenticator import SoftAuthenticator
from tests.support.cose import b64url

from .flows import Flow, OutOfPeople
from .people import Sizes, TotpHolder
from .rival_place import ADMIN, Rival
from .wire import Reply, Wire

T = TypeVar("T")
_ORIGIN = "http://localhost"
_POLICIES: dict[str, dict[str, object]] = {
    "code-alone": {"scope": "authentication", "action": "otppin=none"},
    "passkeys": {
        "scope": "enrollment",
        "action": "webauthn_relying_party_id=localhost, webauthn_relying_party_name=bench",
    },
    "phones": {
        "scope": "enrollment",
        "action": f"push_firebase_configuration=poll only, push_registration_url={_ORIGIN}",
    },
}
_TUNED = {"scope": "authorization", "action": "no_detail_on_success"}


class RivalPeople:
    """Users with tokens in privacyIDEA, enrolled over HTTP; nobody is asked twice at once."""

    def __init__(self, rival: Rival, wire: Wire, sizes: Sizes) -> None:
        self.totp: queue.SimpleQueue[TotpHolder] = queue.SimpleQueue()
        self.phones: queue.SimpleQueue[RivalPhone] = queue.SimpleQueue()
        self.passkeys: queue.SimpleQueue[SoftAuthenticator] = queue.SimpleQueue()
        self._wire, self._authorization, self._user = wire, "", 0
        asked = {"username": ADMIN, "password": rival.password}
        self._authorization = self._post("/auth", asked)["result"]["value"]["token"]
        self._configure(rival, sizes.totp + sizes.phones + sizes.passkeys)
        for _ in range(sizes.totp):
            self.totp.put(self._totp())
        key = rsa.generate_private_key(65537, 4096)  # as long as its application's
        for _ in range(sizes.phones):
            self.phones.put(self._phone(key))
        for _ in range(sizes.passkeys):
            self.passkeys.put(self._passkey())

    def _configure(self, rival: Rival, users: int) -> None:
        """Make one realm with one resolver, and the policies that the flows need."""
        lines = [f"u{n}:x:{n + 1000}:1000:User {n}::/bin/false\n" for n in range(users)]
        names = rival.folder / "users"
        names.write_text("".join(lines))
        resolver = {"type": "passwdresolver", "fileName": str(names)}
        self._post("/resolver/users", resolver)
        self._post("/realm/bench", {"resolvers": "users"})
        self._post("/defaultrealm/bench", {})
        for name, policy in _POLICIES.items():
            self._post(f"/policy/{name}", policy)
        if rival.tuned:
            self._post("/system/setConfig", {"UserCacheExpiration": "3600"})
            self._post("/policy/brief", _TUNED)

    def _totp(self) -> TotpHolder:
        user, secret = self._next_user(), pyotp.random_hex(40)
        self._init({"type": "totp", "user": user, "otpkey": secret})
        encoded = base64.b32encode(bytes.fromhex(secret)).decode()
        return TotpHolder(user, pyotp.TOTP(encoded))

    def _phone(self, key: rsa.RSAPrivateKey) -> "RivalPhone":
        user = self._next_user()
        detail = self._init({"type": "push", "user": user, "genkey": 1})
        der = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        claim = {
            "serial": detail["serial"],
            "fbtoken": "",
            "pubkey": base64.urlsafe_b64encode(der).decode(),
            "enrollment_credential": detail["enrollment_credential"],
        }
        self._post("/ttype/push", claim)
        return RivalPhone(user, detail["serial"], key)

    def _passkey(self) -> SoftAuthenticator:
        user, key = self._next_user(), SoftAuthenticator()
        detail = self._init({"type": "passkey", "user": user})
        made = key.create(_as_text(detail["passkey_registration"]), origin=_ORIGIN)
        proof = {
            "type": "passkey",
            "user": user,
            "serial": detail["serial"],
            "transaction_id": detail["transaction_id"],
            "credential_id": made["id"],
            "rawId": made["rawId"],
            "authenticatorAttachment": made["authenticatorAttachment"],
            "attestationObject": made["response"]["attestationObject"],
            "clientDataJSON": made["response"]["clientDataJSON"],
        }
        self._post("/token/init", proof)
        return key

    def _next_user(self) -> str:
        self._user += 1
        return f"u{self._user - 1}"

    def _init(self, asked: dict[str, Any]) -> dict[str, Any]:
        detail: dict[str, Any] = self._post("/token/init", asked)["detail"]
        return detail

    def _post(self, path: str, asked: dict[str, Any]) -> dict[str, Any]:
        body = json.dumps(asked).encode()
        answer = self._wire.call(
            "POST", path, body, authorization=self._authorization, origin=_ORIGIN
        )
        return _accepted(answer)


class RivalPhone:
    """Its phone application: it polls and confirms with RSA signatures."""

    def __init__(self, user: str, serial: str, key: rsa.RSAPrivateKey) -> None:
        self.user, self.serial, self._key = user, serial, key

    def look(self) -> str:
        """Return the path that asks for what is open."""
        timestamp = datetime.now(UTC).isoformat()
        signature = self._sign(f"{self.serial}|{timestamp}")
        asked = {"serial": self.serial, "timestamp": timestamp, "signature": signature}
        return f"/ttype/push?{urlencode(asked)}"

    def approval(self, nonce: str) -> bytes:
        """Return the body that confirms it."""
        signature = self._sign(f"{nonce}|{self.serial}")
        return json.dumps({"serial": self.serial, "nonce": nonce, "signature": signature}).encode()

    def _sign(self, text: str) -> str:
        made = self._key.sign(text.encode(), padding.PKCS1v15(), SHA256())
        return base64.b32encode(made).decode()


class RivalTotp:
    """A code, verified by the one call that there is."""

    name, requests = "privacyIDEA, TOTP", 1

    def __init__(self, people: RivalPeople) -> None:
        self._holders = people.totp

    def run(self, wire: Wire) -> None:
        """Check the next code of a holder."""
        holder = _next(self._holders)
        code = holder.code(time.time())
        self._holders.put(holder)
        if code is None:
            raise OutOfPeople
        _satisfied(_check(wire, {"user": holder.sub, "pass": code}))


class RivalPush:
    """Triggered by an empty PIN, polled and confirmed by the phone, asked for and taken."""

    name, requests = "privacyIDEA, push", 5

    def __init__(self, people: RivalPeople) -> None:
        self._phones = people.phones

    def run(self, wire: Wire) -> None:
        """Play the plugin and the phone; signing is the phone's and not the server's cost."""
        phone = _next(self._phones)
        opened = _check(wire, {"user": phone.user, "pass": ""})["detail"]["transaction_id"]
        looked = _accepted(wire.call("GET", phone.look()))["result"]["value"]
        body = phone.approval(looked[-1]["nonce"])
        _satisfied(_accepted(wire.call("POST", "/ttype/push", body)))
        path = f"/validate/polltransaction/{opened}"
        _satisfied(_accepted(wire.call("GET", path)))
        _satisfied(_check(wire, {"user": phone.user, "pass": "", "transaction_id": opened}))
        self._phones.put(phone)


class RivalPasskey:
    """A challenge and an assertion; who signs in is told by the credential."""

    name, requests = "privacyIDEA, passkey", 2

    def __init__(self, people: RivalPeople) -> None:
        self._keys = people.passkeys

    def run(self, wire: Wire) -> None:
        """Play the plugin and the browser; signing is the authenticator's cost."""
        key = _next(self._keys)
        body = json.dumps({"type": "passkey"}).encode()
        asked = _accepted(wire.call("POST", "/validate/initialize", body))["detail"]["passkey"]
        signed = key.get(_as_text(asked), origin=_ORIGIN)
        proof = signed["response"] | {
            "credential_id": signed["id"],
            "transaction_id": asked["transaction_id"],
        }
        _satisfied(_check(wire, proof))
        self._keys.put(key)


def rival_flows(people: RivalPeople) -> list[Flow]:
    """Return its flows in the order of ours."""
    return [RivalTotp(people), RivalPush(people), RivalPasskey(people)]


def _as_text(options: dict[str, Any]) -> dict[str, Any]:
    """Return options whose challenge is the text that was sent: its own page signs that too."""
    return options | {"challenge": b64url(options["challenge"].encode())}


def _check(wire: Wire, asked: dict[str, Any]) -> dict[str, Any]:
    body = json.dumps(asked).encode()
    return _accepted(wire.call("POST", "/validate/check", body, origin=_ORIGIN))


def _accepted(answer: Reply) -> dict[str, Any]:
    return answer.json(status=200)


def _satisfied(answer: dict[str, Any]) -> None:
    if answer["result"]["value"] is not True:
        raise RuntimeError(f"privacyIDEA refused: {answer}")


def _next(people: "queue.SimpleQueue[T]") -> T:
    try:
        return people.get_nowait()
    except queue.Empty:
        raise OutOfPeople from None
