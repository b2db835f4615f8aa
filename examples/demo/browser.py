"""A browser for programs, without JavaScript: cookies, redirects, forms as a person fills them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin

import httpx

MOST_REDIRECTS = 20
AT_ONCE = "0;url="
VOID = frozenset(
    {"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"}
)
BLOCKS = frozenset({"br", "dd", "dt", "h1", "h2", "label", "li", "p"})
Attributes = dict[str, str]


class BrokenPageError(Exception):
    """A page is not as expected; the text says which page and what was missing."""


@dataclass(slots=True)
class Form:
    """A form of a page with the values that its fields have."""

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)


class _Reader(HTMLParser):
    """Collects forms, links, and the attributes and text of elements that have an id."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: dict[str, Form] = {}
        self.attributes: dict[str, Attributes] = {}
        self.texts: dict[str, str] = {}
        self.classes: dict[str, list[str]] = {}
        self.firsts: Attributes = {}
        self.links: list[str] = []
        self.onward: str | None = None
        self._open: list[tuple[str, str | None, tuple[str, ...]]] = []
        self._form: Form | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element; a field belongs to the form around it."""
        named = {name: value or "" for name, value in attrs}
        self._note(tag, named)
        if tag == "form":
            action = named.get("action", "")
            self._form = Form(action, named.get("method", "get").upper())
            self.forms[named.get("id") or action.rpartition("/")[2]] = self._form
        if tag == "input" and self._form is not None and "name" in named:
            self._form.fields[named["name"]] = named.get("value", "")
        if tag in BLOCKS:
            self.handle_data(" ")
        if tag not in VOID:
            groups = tuple(named.get("class", "").split())
            for group in groups:
                self.classes.setdefault(group, []).append("")
            self._open.append((tag, named.get("id"), groups))

    def _note(self, tag: str, named: Attributes) -> None:
        """Note what can be asked for by id or attribute, and where the page leads."""
        self.firsts = named | self.firsts
        if "id" in named:
            self.attributes[named["id"]] = named
            self.texts.setdefault(named["id"], "")
        if tag == "a" and "href" in named:
            self.links.append(named["href"])
        if tag == "meta" and named.get("content", "").startswith(AT_ONCE):
            self.onward = named["content"].removeprefix(AT_ONCE)

    def handle_endtag(self, tag: str) -> None:
        """Close the innermost element of that name."""
        while self._open:
            if self._open.pop()[0] == tag:
                break
        if tag == "form":
            self._form = None

    def handle_data(self, data: str) -> None:
        """Give the text to all open elements that can be asked for."""
        for _, name, groups in self._open:
            if name is not None:
                self.texts[name] += data
            for group in groups:
                self.classes[group][-1] += data


class Page:
    """One answer: its address, status, forms, text by element id, and where it leads at once."""

    def __init__(self, answer: httpx.Response) -> None:
        self.url = str(answer.url)
        self.status = answer.status_code
        self.html = answer.text
        self._read = _Reader()
        self._read.feed(answer.text)
        self.onward = self._read.onward

    def form(self, name: str) -> Form:
        """Return a form by its id, or by the last part of its action if it has none."""
        try:
            return self._read.forms[name]
        except KeyError:
            raise BrokenPageError(f"{self.address} has no form {name!r}: {self.words}") from None

    def has(self, name: str) -> bool:
        """Say whether there is an element, or a form, of that id."""
        return name in self._read.attributes

    def text(self, name: str) -> str:
        """Return the text of an element by its id, white space folded."""
        if name not in self._read.texts:
            raise BrokenPageError(f"{self.address} has no element {name!r}: {self.words}")
        return " ".join(self._read.texts[name].split())

    def texts(self, group: str) -> list[str]:
        """Return the texts of the elements of that class."""
        return [" ".join(text.split()) for text in self._read.classes.get(group, [])]

    def attribute(self, name: str, attribute: str) -> str:
        """Return an attribute of an element by its id."""
        self.text(name)
        return self._read.attributes[name][attribute]

    def first(self, attribute: str) -> str:
        """Return the value of an attribute where it stands first."""
        if attribute not in self._read.firsts:
            raise BrokenPageError(f"{self.address} has no {attribute}: {self.words}")
        return self._read.firsts[attribute]

    def links(self, part: str) -> list[str]:
        """Return where the links lead whose address contains `part`; there has to be one."""
        found = [urljoin(self.url, address) for address in self._read.links if part in address]
        if not found:
            raise BrokenPageError(f"{self.address} has no link to {part!r}: {self.words}")
        return found

    @property
    def address(self) -> str:
        """The page's address without its query, where secrets may be."""
        return self.url.partition("?")[0]

    @property
    def words(self) -> str:
        """The beginning of what the page says, for messages."""
        return " ".join(" ".join(self.texts("card") or self.texts("wide")).split())[:300]


class Browser:
    """Keeps cookies and the current page. `edit` may change an address before it is opened.

    That is how a person at the address bar, or malware in the browser, changes a request.
    """

    def __init__(self, client: httpx.Client) -> None:
        self._client = client
        self.page: Page
        self.edit: Callable[[str], str] = _unchanged
        self.trail: list[str] = []
        self.history: list[str] = []

    def open(self, url: str) -> Page:
        """Open an address and follow its redirects."""
        return self._go(self._client.get(self.edit(url)))

    def submit(self, form_id: str, **values: str) -> Page:
        """Fill in and send a form of the current page."""
        form = self.page.form(form_id)
        unknown = set(values) - set(form.fields)
        if unknown:
            raise BrokenPageError(f"{self.page.address}: no field {sorted(unknown)} in {form_id!r}")
        target = urljoin(self.page.url, form.action)
        origin = "/".join(self.page.url.split("/")[:3])
        answer = self._client.request(
            form.method, target, data=form.fields | values, headers={"Origin": origin}
        )
        return self._go(answer)

    def follow(self, element_id: str) -> Page:
        """Follow a link of the current page."""
        return self.open(urljoin(self.page.url, self.page.attribute(element_id, "href")))

    def fetch(self, url: str) -> dict[str, Any]:
        """Ask for JSON as a page's script does; the page stays."""
        answer = self._client.get(urljoin(self.page.url, url)).raise_for_status()
        return dict(answer.json())

    def reload(self) -> Page:
        """Open the current page again."""
        return self.open(self.page.url)

    def _go(self, answer: httpx.Response) -> Page:
        self.page = Page(answer)
        self.trail = [self.page.url]
        for _ in range(MOST_REDIRECTS):
            onward = answer.headers.get("Location") or self.page.onward
            if onward is None:
                self.history += self.trail
                return self.page
            target = self.edit(urljoin(self.page.url, onward))
            answer = self._client.get(target)
            self.page = Page(answer)
            self.trail.append(target)
        raise BrokenPageError(f"too many redirects, last to {answer.url.host}")


def _unchanged(url: str) -> str:
    return url
