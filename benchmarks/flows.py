"""The flows that are measured, each complete: it raises unless the challenge is satisfied."""

import base64
import json
import queue
import random
import time
from typing import Any, Protocol, TypeVar

from tests.support.phone import claims_of

from .bare import ACCOUNTS
from .people import People
from .wire import Wire

T = TypeVar("T")
_JOSE = "application/jose"


class OutOfPeople(Exception):
    """Nobody is left who could be asked now."""


class Flow(Protocol):
    """One thing that a caller gets done."""

    name: str
    requests: int

    def run(self, wire: Wire) -> None:
        """Do it once; raise `OutOfPeople`, or RuntimeError when an answer is not the right one."""
        ...


class Bare:
    """The yardstick."""

    name, requests = "bare view", 1

    def run(self, wire: Wire) -> None:
        """Call the view with a random account."""
        asked = {"account": random.randrange(ACCOUNTS), "amount": 1, "note": "n" * 40}
        wire.call("POST", "/bare", json.dumps(asked).encode()).json(status=201)


class Session:
    """The client's access token, which lives for 300 s."""

    def __init__(self, people: People) -> None:
        self._people = people
        self.authorization = ""

    def renew(self, wire: Wire) -> None:
        """Get a new token."""
        basic = base64.b64encode(f"{self._people.client_id}:{self._people.secret}".encode())
        answer = wire.call(
            "POST",
            "/oauth2/token",
            b"grant_type=client_credentials",
            authorization=f"Basic {basic.decode()}",
            media="application/x-www-form-urlencoded",
        )
        self.authorization = "Bearer " + answer.json(status=200)["access_token"]

    def open(self, wire: Wire, **asked: Any) -> dict[str, Any]:  # noqa: ANN401  # JSON
        """Open a challenge and return it."""
        body = json.dumps(asked).encode()
        answer = wire.call("POST", "/v1/challenges", body, authorization=self.authorization)
        return answer.json(status=201)


class Totp:
    """A code, verified by the call that opens the challenge."""

    name, requests = "TOTP", 1

    def __init__(self, people: People, session: Session) -> None:
        self._holders, self._session = people.totp, session

    def run(self, wire: Wire) -> None:
        """Open and answer in one call; each holder comes round with a later code."""
        holder = _next(self._holders)
        code = holder.code(time.time())
        self._holders.put(holder)
        if code is None:
            raise OutOfPeople
        answer = {"method": "totp", "code": code}
        _satisfied(self._session.open(wire, sub=holder.sub, answer=answer))


class Recovery:
    """A recovery code, verified by the call that opens the challenge."""

    name, requests = "recovery code", 1

    def __init__(self, people: People, session: Session) -> None:
        self._codes, self._session = people.codes, session

    def run(self, wire: Wire) -> None:
        """Open and answer in one call; the code is used up."""
        sub, code = _next(self._codes)
        answer = {"method": "recovery_code", "code": code}
        _satisfied(self._session.open(wire, sub=sub, answer=answer))


class Webauthn:
    """Challenge, options, assertion: three requests."""

    name, requests = "passkey", 3

    def __init__(self, people: People, session: Session) -> None:
        self._keys, self._session, self._origin = people.passkeys, session, people.origin

    def run(self, wire: Wire) -> None:
        """Play the client and the browser; signing is the authenticator's cost."""
        sub, key = held = _next(self._keys)
        opened = self._session.open(wire, sub=sub, methods=["webauthn"])
        path, authorization = f"/v1/challenges/{opened['id']}", self._session.authorization
        given = wire.call("POST", f"{path}/webauthn", authorization=authorization).json(status=200)
        credential = key.get(given["publicKey"], origin=self._origin)
        body = json.dumps({"method": "webauthn", "credential": credential}).encode()
        answered = wire.call("POST", f"{path}/answers", body, authorization=authorization)
        _satisfied(answered.json(status=200))
        self._keys.put(held)


class Push:
    """Challenge, look, approval with display code and PIN, result: four requests."""

    name, requests = "phone and PIN", 4

    def __init__(self, people: People, session: Session) -> None:
        self._phones, self._session = people.phones, session

    def run(self, wire: Wire) -> None:
        """Play the client and the phone; signing is the phone's and not the server's cost."""
        sub, phone = held = _next(self._phones)
        opened = self._session.open(wire, sub=sub)
        path = f"/v1/device/challenges/{opened['id']}"
        looked = wire.call("GET", path, authorization=phone.authorization("GET", path))
        asked = claims_of(looked.json(status=200)["challenge"])
        token = phone.answer(asked, code=opened["display_code"], pin=phone.pin).encode()
        path += "/answer"
        proof = phone.authorization("POST", path, token)
        wire.call("POST", path, token, authorization=proof, media=_JOSE).json(status=200)
        path = f"/v1/challenges/{opened['id']}"
        _satisfied(
            wire.call("GET", path, authorization=self._session.authorization).json(status=200)
        )
        self._phones.put(held)


def flows_of(people: People, session: Session) -> list[Flow]:
    """Return every flow of the service that is measured."""
    every = (Totp, Push, Webauthn, Recovery)
    return [flow(people, session) for flow in every]


def _satisfied(challenge: dict[str, Any]) -> None:
    if challenge["status"] != "satisfied" or not challenge["result_token"]:
        raise RuntimeError(f"the challenge is {challenge['status']}, not satisfied")


def _next(people: "queue.SimpleQueue[T]") -> T:
    try:
        return people.get_nowait()
    except queue.Empty:
        raise OutOfPeople from None
