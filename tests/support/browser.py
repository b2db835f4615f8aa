"""A person's browser: navigates, keeps cookies, and sends the forms of the page that it shows."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit

from werkzeug.test import Client, TestResponse

from .world import ISSUER, World

NAVIGATION = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
TYPED = {**NAVIGATION, "Sec-Fetch-Site": "none", "Sec-Fetch-User": "?1"}
FORM = {**NAVIGATION, "Sec-Fetch-Site": "same-origin", "Origin": "null"}
"""What browsers send with a form of a page that has `Referrer-Policy: no-referrer`."""
SCRIPT = {
    "Sec-Fetch-Mode": "cors",
    "Sec-Fetch-Dest": "empty",
    "Sec-Fetch-Site": "same-origin",
    "Origin": ISSUER,
    "Accept": "application/json",
}
_UNSEEN = {"script", "style", "title", "noscript"}


class Document(HTMLParser):
    """What a page shows: its text, its links, its forms with their hidden fields."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text = ""
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.forms: dict[str, dict[str, str]] = {}
        self._fields: dict[str, str] = {}
        self._open: list[str] = []
        self.feed(html)
        self.text = " ".join(self.text.split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.tags.append((tag, given))
        if tag == "form":
            self._fields = self.forms.setdefault(given["action"].rsplit("/", 1)[1], {})
        if tag == "input" and given.get("type") == "hidden":
            self._fields[given["name"]] = given["value"]
        if tag in _UNSEEN:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in _UNSEEN and tag in self._open:
            self._open.remove(tag)

    def handle_data(self, data: str) -> None:
        if not self._open:
            self.text += f" {data}"

    def all(self, tag: str, **wanted: str) -> list[dict[str, str]]:
        """Return the attributes of every such element."""
        found = [attrs for name, attrs in self.tags if name == tag]
        return [attrs for attrs in found if wanted.items() <= attrs.items()]

    def one(self, tag: str, **wanted: str) -> dict[str, str]:
        """Return the attributes of the only such element."""
        (found,) = self.all(tag, **wanted)
        return found

    @property
    def onward(self) -> str | None:
        """Where the page leads at its end."""
        found = [a["href"] for a in self.all("a") if a.get("class") == "button whole"]
        return found[0] if found else None


@dataclass
class Browser:
    """One browser of one person; `here` is the path that it shows, `page` what is there."""

    world: World
    language: str = "en"
    here: str = ""
    response: TestResponse = field(init=False)
    _client: Client = field(init=False)

    def __post_init__(self) -> None:
        self._client = self.world.app.test_client()

    @property
    def page(self) -> Document:
        """Return the page that is shown."""
        return Document(self.response.text)

    def go(self, address: str, **headers: str) -> TestResponse:
        """Open an address and follow where it leads within the service."""
        return self._send("GET", address, {**TYPED, **headers})

    def submit(self, form: str, /, headers: Mapping[str, str] | None = None, **fields: str) -> int:
        """Send a form of the page, by the end of its address; return the first status."""
        hidden, page = self.page.forms[form], self.here.partition("?")[0]
        first = self._open("POST", f"{page}/{form}", headers or FORM, data={**hidden, **fields})
        self._follow(first)
        return first.status_code

    def script(self, method: str, below: str, body: Any = None, **headers: str) -> TestResponse:
        """Do what a script of the page does: same origin, JSON, the CSRF token in a header."""
        tokens = [hidden["csrf"] for hidden in self.page.forms.values() if "csrf" in hidden]
        sent = {**SCRIPT, **({"X-CSRF-Token": tokens[0]} if tokens else {}), **headers}
        path = self.here.partition("?")[0] + below
        return self._open(method, path, sent, **({} if body is None else {"json": body}))

    def cookies(self) -> dict[str, str]:
        """Return what is kept here."""
        return {key: cookie.value for (_, _, key), cookie in (self._client._cookies or {}).items()}

    def _send(self, method: str, address: str, headers: dict[str, str]) -> TestResponse:
        return self._follow(self._open(method, address, headers))

    def _follow(self, response: TestResponse) -> TestResponse:
        while response.status_code == 303:
            response = self._open("GET", response.headers["Location"], TYPED)
        return response

    def _open(
        self, method: str, address: str, headers: Mapping[str, str], **body: Any
    ) -> TestResponse:
        parts = urlsplit(address)
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        sent = {"Accept-Language": self.language, **headers}
        response = self._client.open(path, method=method, headers=sent, **body)
        if headers.get("Sec-Fetch-Mode") == "navigate" and response.status_code != 303:
            self.here, self.response = path, response
        return response
