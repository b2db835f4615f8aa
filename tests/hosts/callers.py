"""How clients and phones call: again, as long as they are told to, and each proof twice."""

import contextlib
import http.client
import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from benchmarks.people import People, TotpHolder
from tests.support.phone import Phone, claims_of

from .journal import Journal

JSON, JOSE = "application/json", "application/jose"
_PATIENCE, _CALL_SECONDS = 60, 45
_WAIT, _PAUSE, _BETWEEN = 10, 0.3, 0.1


class Unclear(Exception):
    """A request of before may still run under this key, on a host that was lost: start anew."""


@dataclass(frozen=True, slots=True)
class Door:
    """Where a call goes."""

    address: str
    port: int


@dataclass(frozen=True, slots=True)
class Call:
    """One call; `authorization` is made for each try, since a phone signs each anew."""

    method: str
    path: str
    authorization: Callable[[], str]
    body: bytes = b""
    media: str = JSON
    key: str = ""

    def headers(self) -> dict[str, str]:
        named = {"Authorization": self.authorization(), "Idempotency-Key": self.key}
        named |= {"Content-Type": self.media} if self.body else {}
        return {name: value for name, value in named.items() if value}


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer."""

    status: int
    document: dict[str, Any]


class Callers:
    """Clients and phones of one run; `proxy` is what they know, `hosts` is behind it."""

    def __init__(
        self, people: People, bearer: str, journal: Journal, proxy: Door, hosts: tuple[Door, ...]
    ) -> None:
        self._people, self._journal = people, journal
        self._proxy, self._hosts = proxy, hosts
        self._bearer = f"Bearer {bearer}"
        self.over = threading.Event()

    def codes(self) -> None:
        """Step up by one code after the other, each sent through nginx and to one host at once."""
        with ThreadPoolExecutor(1) as aside:
            while not self.over.wait(_BETWEEN):
                holder = self._people.totp.get()
                code = holder.code(time.time())
                self._people.totp.put(holder)
                if code is not None:
                    with self._noted():
                        self._by_code(holder, code, aside)

    def phones(self) -> None:
        """Approve by phone and PIN while the caller waits; the answer goes to both hosts too."""
        sub, phone = self._people.phones.get()
        with ThreadPoolExecutor(2) as aside:
            while not self.over.wait(_BETWEEN):
                with self._noted():
                    self._by_phone(sub, phone, aside)

    def read(self, challenge_id: str, wait: int = 0) -> dict[str, Any]:
        """Return a challenge, however often it takes."""
        query = f"?wait={wait}" if wait else ""
        reply = self._insist(self._api("GET", f"/v1/challenges/{challenge_id}{query}"))
        assert reply.status == 200, reply
        return reply.document

    @contextlib.contextmanager
    def _noted(self) -> Iterator[None]:
        """Keep what must not happen for the one who judges, and go on."""
        try:
            yield
        except Unclear:
            self._journal.trouble("409 idempotency-in-progress", retriable=True, copy=False)
        except Exception as exc:  # noqa: BLE001  # judged at the end
            self._journal.faults.append(exc)
            self.over.wait(_PAUSE)

    def _by_code(self, holder: TotpHolder, code: str, aside: ThreadPoolExecutor) -> None:
        proof = f"{holder.sub} step {holder.last_step}"
        asked = {"sub": holder.sub, "answer": {"method": "totp", "code": code}}
        self._journal.presents(holder.sub)
        other = self._hosts[holder.last_step % len(self._hosts)]
        copy = aside.submit(self._once, other, self._api("POST", "/v1/challenges", asked))
        reply = self._insist(self._api("POST", "/v1/challenges", asked))
        late = self._once(other, self._api("POST", "/v1/challenges", asked))
        for told in (reply, copy.result(), late):
            if told is not None and told.document.get("status") == "satisfied":
                self._journal.accepts(proof, told.document["id"])
                self._journal.completes(told.document)

    def _by_phone(self, sub: str, phone: Phone, aside: ThreadPoolExecutor) -> None:
        opened = self._insist(self._api("POST", "/v1/challenges", {"sub": sub})).document
        waiting = aside.submit(self._until_final, opened["id"])
        path = f"/v1/device/challenges/{opened['id']}"
        looked = self._insist(self._device(phone, "GET", path))
        assert looked.status == 200, looked
        asked = claims_of(looked.document["challenge"])
        token = phone.answer(asked, code=opened["display_code"], pin=phone.pin).encode()
        answer = self._device(phone, "POST", f"{path}/answer", token)
        copies = [aside.submit(self._once, self._hosts[0], answer)]
        reply = self._insist(answer)
        late = [self._once(host, answer) for host in self._hosts]
        for told in (reply, *(copy.result() for copy in copies), *late):
            if told is not None and told.status == 200:
                self._journal.accepts(opened["id"], opened["id"])
        self._journal.completes(waiting.result())

    def _until_final(self, challenge_id: str) -> dict[str, Any]:
        deadline = time.monotonic() + _PATIENCE
        while True:
            found = self.read(challenge_id, wait=_WAIT)
            if found["status"] != "pending":
                assert found["status"] == "satisfied", found
                return found
            assert time.monotonic() < deadline, found

    def _api(self, method: str, path: str, body: dict[str, Any] | None = None) -> Call:
        sent = b"" if body is None else json.dumps(body).encode()
        key = str(uuid.uuid4()) if method == "POST" else ""
        return Call(method, path, lambda: self._bearer, sent, key=key)

    def _device(self, phone: Phone, method: str, path: str, token: bytes = b"") -> Call:
        def authorization() -> str:
            return phone.authorization(method, path, token)

        return Call(method, path, authorization, token, JOSE)

    def _insist(self, call: Call) -> Reply:
        """Send through nginx until there is an answer to the question."""
        deadline = time.monotonic() + _PATIENCE
        while (reply := self._once(self._proxy, call)) is None:
            assert time.monotonic() < deadline, "no answer for a minute"
            time.sleep(_PAUSE)
        return reply

    def _once(self, door: Door, call: Call) -> Reply | None:
        """Send once; `None` if that brought no answer to the question."""
        copy = door is not self._proxy
        connection = http.client.HTTPConnection(door.address, door.port, timeout=_CALL_SECONDS)
        try:
            connection.request(call.method, call.path, call.body or None, call.headers())
            response = connection.getresponse()
            text = response.read()
        except (OSError, http.client.HTTPException) as exc:
            cut = isinstance(exc, ConnectionError | http.client.IncompleteRead | TimeoutError)
            self._journal.trouble(type(exc).__name__, retriable=cut, copy=copy)
            return None
        finally:
            connection.close()
        if response.status < 500:
            document = json.loads(text)
            if str(document.get("type", "")).endswith("/idempotency-in-progress"):
                raise Unclear
            return Reply(response.status, document)
        self._journal.trouble(
            f"{response.status} {_title(text)}",
            retriable=response.status == http.HTTPStatus.SERVICE_UNAVAILABLE
            and response.headers.get_content_type() == "application/problem+json"
            and (response.headers["Retry-After"] or "").isdigit(),
            copy=copy,
        )
        return None


def _title(text: bytes) -> str:
    """Return what a problem says of itself, and of anything else its beginning."""
    try:
        problem = json.loads(text)
        return str(problem.get("detail") or problem["title"])
    except (ValueError, KeyError, AttributeError):
        return text[:80].decode(errors="replace")
