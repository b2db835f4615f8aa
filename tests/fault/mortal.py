"""A server that is killed in the middle of its work, and people who answer it meanwhile."""

import contextlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from tests.support.leash import free_port
from tests.support.phone import Phone
from tests.support.processes import start_service
from tests.support.remote import environment, remote_world
from tests.support.world import World


class Mortal:
    """`mfa serve` with two workers; `kill` is a power cut for the processes, not the disk."""

    def __init__(self, database_url: str, folder: Path) -> None:
        self._url = database_url
        self._folder = folder
        self._port = free_port()

    def __enter__(self) -> Self:
        self.start()
        self._closing = contextlib.ExitStack()
        url = f"http://localhost:{self._port}"
        self.world: World = self._closing.enter_context(remote_world(url, self._url))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closing.close()
        self.server.stop()

    def start(self) -> None:
        """Start it, at first or again, and return once it answers."""
        self.server = start_service(
            environment(self._url), folder=self._folder, workers=2, port=self._port
        )

    def kill_after(self, seconds: float) -> None:
        """Let it work for a moment, kill it, and start it again."""
        time.sleep(seconds)
        self.server.kill()
        self.start()


@dataclass
class Attempt:
    """One challenge that was answered with one proof; `told` is what the answer said, if any."""

    challenge_id: str
    proof: str
    told: int | None = None


@dataclass
class Person(threading.Thread):
    """Opens and answers challenges, one after the other, until the proofs are used up.

    A call that the kill took away leaves its outcome unknown; the next proof follows.
    """

    world: World
    sub: str
    proofs: list[str]
    answer: Callable[[dict[str, Any], str], int]
    attempts: list[Attempt] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(daemon=True)

    def __hash__(self) -> int:
        return id(self)

    def run(self) -> None:
        for proof in self.proofs:
            challenge = self._opened()
            attempt = Attempt(challenge["id"], proof)
            self.attempts.append(attempt)
            with contextlib.suppress(httpx.TransportError):
                attempt.told = self.answer(challenge, proof)

    def _opened(self) -> dict[str, Any]:
        while True:
            try:
                return self.world.client().challenge(self.sub, expires_in=600)
            except httpx.TransportError:
                time.sleep(0.05)


def with_recovery_codes(world: World, sub: str) -> Person:
    """Return somebody who uses up a set of recovery codes."""
    api, codes = world.client(), world.recovery_codes(sub)
    world.totp(sub, reason="so that a challenge can be opened when all codes are spent")

    def answer(challenge: dict[str, Any], code: str) -> int:
        return api.answer(challenge["id"], "recovery_code", code).status_code

    return Person(world, sub, codes, answer)


def with_one_totp_code(world: World, sub: str) -> Person:
    """Return somebody who tries the same TOTP code again and again."""
    totp, api = world.totp(sub), world.client()

    def answer(challenge: dict[str, Any], code: str) -> int:
        return api.answer(challenge["id"], "totp", code).status_code

    return Person(world, sub, [totp.code(1)] * 40, answer)


def with_a_phone(world: World, sub: str, phone: Phone, times: int) -> Person:
    """Return somebody who approves with PIN; each answer is a proof of its own."""

    def answer(challenge: dict[str, Any], _: str) -> int:
        return world.approve(phone, challenge, pin=phone.pin).status_code

    return Person(world, sub, [f"approval {n}" for n in range(times)], answer)
