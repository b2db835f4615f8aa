"""Many people at once, each with a flow of their own, over one event loop."""

import asyncio
import base64
import json
import random
import time
from asyncio import StreamReader, StreamWriter
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from tests.support.authenticator import SoftAuthenticator
from tests.support.phone import Phone, claims_of

from .arrivals import seconds_to_answer
from .people import People, TotpHolder
from .wire import JSON

_KEPT_SECONDS, _WAIT = 1.0, 25
_JOSE = "application/jose"
_LOOKS_AFTER, _TOUCHES_FASTER = 0.5, 3


class TurnedAway(Exception):
    """The service answered that it cannot now."""


@dataclass(frozen=True, slots=True)
class Answered:
    """One request that was answered: when it was sent, how long it took, both in seconds."""

    at: float
    seconds: float
    what: str


@dataclass
class Seen:
    """What the crowd saw; times by the monotonic clock."""

    answered: list[Answered] = field(default_factory=list)
    finished: list[float] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    asking: int = 0
    waiting: int = 0


class _Connections:
    """Kept connections, as a gateway or an authorization server has; none is kept for long."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._idle: list[tuple[StreamReader, StreamWriter, float]] = []

    async def take(self) -> tuple[StreamReader, StreamWriter, float]:
        while self._idle:
            reader, writer, born = self._idle.pop()
            if time.monotonic() - born < _KEPT_SECONDS:
                return reader, writer, born
            writer.close()
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        return reader, writer, time.monotonic()

    def give_back(self, connection: tuple[StreamReader, StreamWriter, float]) -> None:
        self._idle.append(connection)

    def close(self) -> None:
        for _, writer, _ in self._idle:
            writer.close()


class Crowd:
    """Runs flows; each ends satisfied, or is counted as refused."""

    def __init__(self, port: int, people: People, chance: random.Random) -> None:
        self._connections = _Connections(port)
        self._people, self._chance = people, chance
        self._bearer = ""
        self.seen = Seen()

    async def sign_in(self) -> None:
        """Get the client's token, which lives for 300 s."""
        basic = base64.b64encode(f"{self._people.client_id}:{self._people.secret}".encode())
        form = "application/x-www-form-urlencoded"
        body = b"grant_type=client_credentials"
        known = f"Basic {basic.decode()}"
        told = await self._ask("token", "POST", "/oauth2/token", body, known, form)
        self._bearer = f"Bearer {told['access_token']}"

    async def by_code(self, holder: TotpHolder) -> None:
        """One call with a code."""
        code = holder.code(time.time())
        asked = {"sub": holder.sub, "answer": {"method": "totp", "code": code}}
        await self._end(self._open("one call with a code", asked))

    async def by_phone(self, sub: str, phone: Phone) -> None:
        """Open, wait, look, take some time as a person does, and answer."""
        await self._end(self._approve(sub, phone))

    async def by_passkey(self, sub: str, key: SoftAuthenticator, origin: str) -> None:
        """Open, fetch options, take a moment to touch the key, and answer."""
        await self._end(self._touch(sub, key, origin))

    def close(self) -> None:
        """Hang up."""
        self._connections.close()

    async def _end(self, flow: Any) -> None:  # noqa: ANN401  # a coroutine
        try:
            challenge = await flow
        except TurnedAway as exc:
            self.seen.refused[str(exc)] += 1
            return
        if challenge["status"] != "satisfied":
            raise RuntimeError(f"the challenge is {challenge['status']}, not satisfied")
        self.seen.finished.append(time.monotonic())

    async def _approve(self, sub: str, phone: Phone) -> dict[str, Any]:
        opened = await self._open("open", {"sub": sub})
        wait = asyncio.create_task(self._until_final(f"/v1/challenges/{opened['id']}"))
        try:
            await asyncio.sleep(_LOOKS_AFTER)
            path = f"/v1/device/challenges/{opened['id']}"
            proof = phone.authorization("GET", path)
            looked = await self._ask("look", "GET", path, b"", proof)
            await asyncio.sleep(seconds_to_answer(self._chance))
            asked = claims_of(looked["challenge"])
            token = phone.answer(asked, code=opened["display_code"], pin=phone.pin).encode()
            path += "/answer"
            await self._ask(
                "answer", "POST", path, token, phone.authorization("POST", path, token), _JOSE
            )
            confirmed = time.monotonic()
            told = await wait
        finally:
            wait.cancel()
        late = max(0.0, time.monotonic() - confirmed)
        self.seen.answered.append(Answered(confirmed, late, "the caller is told"))
        return told

    async def _touch(self, sub: str, key: SoftAuthenticator, origin: str) -> dict[str, Any]:
        path = "/v1/challenges/" + (await self._open("open", {"sub": sub}))["id"]
        given = await self._ask("options", "POST", f"{path}/webauthn", b"", self._bearer)
        await asyncio.sleep(seconds_to_answer(self._chance) / _TOUCHES_FASTER)
        credential = key.get(given["publicKey"], origin=origin)
        body = json.dumps({"method": "webauthn", "credential": credential}).encode()
        return await self._ask("passkey", "POST", f"{path}/answers", body, self._bearer)

    async def _until_final(self, path: str) -> dict[str, Any]:
        self.seen.waiting += 1
        try:
            while True:
                found = await self._send("GET", f"{path}?wait={_WAIT}", b"", self._bearer, JSON)
                if found["status"] != "pending":
                    return found
        finally:
            self.seen.waiting -= 1

    async def _open(self, what: str, asked: dict[str, Any]) -> dict[str, Any]:
        body = json.dumps(asked).encode()
        return await self._ask(what, "POST", "/v1/challenges", body, self._bearer)

    async def _ask(
        self,
        what: str,
        method: str,
        path: str,
        body: bytes,
        authorization: str,
        media: str = JSON,
    ) -> dict[str, Any]:
        began = time.monotonic()
        self.seen.asking += 1
        try:
            found = await self._send(method, path, body, authorization, media)
        finally:
            self.seen.asking -= 1
        self.seen.answered.append(Answered(began, time.monotonic() - began, what))
        return found

    async def _send(
        self, method: str, path: str, body: bytes, authorization: str, media: str
    ) -> dict[str, Any]:
        head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {authorization}\r\n"
        if body:
            head += f"Content-Type: {media}\r\nContent-Length: {len(body)}\r\n"
        connection = await self._connections.take()
        connection[1].write(head.encode() + b"\r\n" + body)
        told = await connection[0].readuntil(b"\r\n\r\n")
        length = int(told.lower().partition(b"\r\ncontent-length:")[2].split(b"\r\n")[0])
        text = await connection[0].readexactly(length)
        self._connections.give_back(connection)
        status = int(told[9:12])
        if status >= 500:
            raise TurnedAway(f"{method} {status}")
        if status >= 400:
            raise RuntimeError(f"{status}: {text.decode()[:400]}")
        found: dict[str, Any] = json.loads(text)
        return found
