"""A browser without scripts: cookies, pages, forms and links, as a person uses them."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

_NAVIGATION = {
    "Sec-Fetch-Site": "same-origin",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Dest": "document",
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
}
_HOPS = 10


@dataclass
class Form:
    """A form with what it sends unless told otherwise."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.links: list[str] = []
        self.words: list[str] = []
        self.attributes: list[dict[str, str | None]] = []
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.attributes.append(given)
        if tag == "form":
            self.forms.append(Form(given.get("action") or ""))
            self._inside = True
        elif tag == "input" and self._inside and (name := given.get("name")):
            self.forms[-1].fields[name] = given.get("value") or ""
        elif tag == "a" and (address := given.get("href")):
            self.links.append(address)

    def handle_endtag(self, tag: str) -> None:
        self._inside = self._inside and tag != "form"

    def handle_data(self, data: str) -> None:
        self.words.append(data)


@dataclass
class Seen:
    """A page as it was shown."""

    response: TestResponse
    path: str

    def __post_init__(self) -> None:
        parser = _Parser()
        parser.feed(self.response.text)
        self.forms, self.links = parser.forms, parser.links
        self.text = " ".join(" ".join(parser.words).split())
        self.attributes = parser.attributes

    @property
    def status(self) -> int:
        return self.response.status_code

    def form(self, ending: str) -> Form:
        """Return the one form whose action ends so."""
        (found,) = [form for form in self.forms if form.action.endswith(ending)]
        return found

    def data(self, name: str) -> str:
        """Return the value of the one `data-` attribute of that name."""
        (found,) = [a[f"data-{name}"] for a in self.attributes if f"data-{name}" in a]
        return found or ""


class Browser:
    """One browser of one person."""

    def __init__(self, app: Flask, issuer: str = "http://localhost:8000", **headers: str) -> None:
        self.client: FlaskClient = app.test_client()
        self.issuer = issuer
        self.headers = {**_NAVIGATION, **{k.replace("_", "-"): v for k, v in headers.items()}}
        self.page: Seen

    def get(self, address: str, **headers: str) -> Seen:
        """Open an address and follow where it leads."""
        return self._follow(self.open(address, **headers), address)

    def open(self, address: str, *, method: str = "GET", **headers: str) -> TestResponse:
        """Open an address and follow nothing."""
        given = {k.replace("_", "-"): v for k, v in headers.items()}
        path = address.removeprefix(self.issuer)
        return self.client.open(
            path, method=method, base_url=self.issuer, headers={**self.headers, **given}
        )

    def post(self, address: str, fields: dict[str, str], **headers: str) -> TestResponse:
        """Send a form as this browser would, and follow nothing."""
        given = {k.replace("_", "-"): v for k, v in headers.items()}
        sent = {"Origin": "null", **self.headers, **given}
        path = address.removeprefix(self.issuer)
        return self.client.post(path, base_url=self.issuer, data=fields, headers=sent)

    def land(self, address: str, fields: dict[str, str], **headers: str) -> Seen:
        """Send a form of another site, and follow where it leads."""
        return self._follow(self.post(address, fields, **headers), address)

    def submit(self, ending: str, **fields: str) -> Seen:
        """Fill in the form of the page whose action ends so, send it, and follow."""
        form = self.page.form(ending)
        response = self.post(form.action, {**form.fields, **fields})
        return self._follow(response, form.action)

    def cookie(self, name: str) -> str | None:
        """Return what the browser holds."""
        found = self.client.get_cookie(name)
        return found.value if found else None

    def script(self, address: str, **query: Any) -> TestResponse:
        """Ask in the background, as a script of the page does."""
        headers = {
            **self.headers,
            "Sec-Fetch-Mode": "cors",
            "Sec-Fetch-Dest": "empty",
            "Accept": "application/json",
        }
        path = address.removeprefix(self.issuer)
        return self.client.get(path, base_url=self.issuer, headers=headers, query_string=query)

    def _follow(self, response: TestResponse, address: str) -> Seen:
        for _ in range(_HOPS):
            if response.status_code not in {302, 303}:
                break
            address = response.headers["Location"]
            if urlsplit(address).netloc and not address.startswith(self.issuer):
                break
            response = self.open(address)
        self.page = Seen(response, urlsplit(address).path)
        return self.page
