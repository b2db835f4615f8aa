"""Who and what takes part: two people, a phone, an authenticator app, and what they keep."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode

import httpx

from examples.demo.devices import AuthenticatorApp, PhoneOnCommandLine
from examples.demo.person import Person
from examples.demo.stage import Stage

AAL1 = "urn:stepup:acr:aal1"
AAL2 = "urn:stepup:acr:aal2"
PIN = "471193"
PASSWORDS = {"alice": "correct horse battery", "bob": "staple and lantern"}
Lines = tuple[str, ...]
Edit = Callable[[dict[str, str]], None]


@dataclass(slots=True)
class Cast:
    """Alice has a phone, an app and recovery codes; Bob has recovery codes only."""

    stage: Stage
    alice: Person
    bob: Person
    phone: PhoneOnCommandLine
    app: AuthenticatorApp | None = None
    codes: dict[str, list[str]] = field(default_factory=dict, repr=False)
    secrets: list[str] = field(default_factory=lambda: [PIN, *PASSWORDS.values()], repr=False)
    payment_claims: dict[str, Any] = field(default_factory=dict)

    def buy_with_edited_request(self, person: Person, book: str, edit: Edit) -> None:
        """Buy while the request to the authorization server is changed in the address bar."""

        def changed(url: str) -> str:
            address, _, query = url.partition("?")
            if address != f"{self.stage.server}/authorize":
                return url
            parameters = dict(parse_qsl(query))
            edit(parameters)
            return f"{address}?{urlencode(parameters)}"

        usual, person.browser.edit = person.browser.edit, changed
        try:
            person.buy(book)
        finally:
            person.browser.edit = usual


@contextmanager
def cast_for(stage: Stage) -> Iterator[Cast]:
    """Give the people and devices of a run, with nothing enrolled; their browsers end with it."""
    with _window() as hers, _window() as his:
        yield Cast(
            stage=stage,
            alice=Person(stage, "alice", PASSWORDS["alice"], hers),
            bob=Person(stage, "bob", PASSWORDS["bob"], his),
            phone=PhoneOnCommandLine(stage.folder / "phone.json", PIN),
        )


def _window() -> httpx.Client:
    return httpx.Client(trust_env=False, timeout=40, headers={"User-Agent": "Demo browser"})
