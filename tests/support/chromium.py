"""Chromium: started once, with a window of its own for every person and device, and watched."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import urlsplit

from playwright.sync_api import (
    Browser,
    BrowserContext,
    BrowserType,
    ConsoleMessage,
    Page,
    Request,
    ViewportSize,
    WebError,
    expect,
    sync_playwright,
)

_PROGRAMS = ("/usr/bin/chromium-headless-shell", "/usr/bin/chromium")
"""Debian's two forms of it; the first has no windows and takes a quarter less time."""
_PROGRAM = os.environ.get("CHROMIUM") or next(filter(os.path.exists, _PROGRAMS), _PROGRAMS[0])
_ARGUMENTS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_PATIENCE = 15_000
_TELLING = """addEventListener("securitypolicyviolation", (event) => {
  console.error(`policy violated: ${event.violatedDirective} by ${event.blockedURI}`);
});"""
DESKTOP = ViewportSize(width=1280, height=800)
PHONE = ViewportSize(width=390, height=844)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Lend Debian's Chromium, or the one that `CHROMIUM` names, without a screen."""
    expect.set_options(timeout=_PATIENCE)
    with sync_playwright() as playwright:
        browser = launched(playwright.chromium)
        yield browser
        browser.close()


def launched(kind: BrowserType, *arguments: str) -> Browser:
    """Start one more; the caller closes it."""
    as_root = ("--no-sandbox",) if os.geteuid() == 0 else ()
    args = [*_ARGUMENTS, *as_root, *arguments]
    return kind.launch(executable_path=_PROGRAM, headless=True, args=args)


@dataclass
class Window:
    """One browser of one person: cookies and passkeys of its own, and one page.

    `faults` collects what no page of ours may do: violate its policy, fail in a script, complain
    on the console, or ask another origin than `origins`. `expect` forgives by a part of the text.
    """

    context: BrowserContext
    origins: tuple[str, ...]
    page: Page = field(init=False)
    faults: list[str] = field(default_factory=list)
    _forgiven: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, browser: Browser, *origins: str, **context: Any) -> Self:
        """Open a window; `context` goes to Playwright's `new_context`."""
        made = browser.new_context(**{"viewport": DESKTOP, "locale": "en", **context})
        return cls(made, origins)

    def __post_init__(self) -> None:
        self.context.set_default_timeout(_PATIENCE)
        self.context.add_init_script(_TELLING)
        self.context.on("console", self._heard)
        self.context.on("weberror", self._failed)
        self.context.on("request", self._asked)
        self.page = self.context.new_page()

    def expect(self, *parts: str) -> None:
        """Forgive faults in which one of `parts` occurs, such as `status of 403`."""
        self._forgiven.extend(parts)

    def unforgiven(self) -> list[str]:
        """Return the faults that nobody expected."""
        return [one for one in self.faults if not any(part in one for part in self._forgiven)]

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.faults.append(f"{message.type}: {message.text} ({message.location['url']})")

    def _failed(self, error: WebError) -> None:
        self.faults.append(f"script: {error.error}")

    def _asked(self, request: Request) -> None:
        parts = urlsplit(request.url)
        origin = f"{parts.scheme}://{parts.netloc}"
        if parts.scheme not in {"data", "blob"} and origin not in self.origins:
            self.faults.append(f"foreign origin: {request.url}")


@dataclass
class Windows:
    """Opens windows for one test, and closes them all."""

    browser: Browser
    opened: list[Window] = field(default_factory=list)

    def open(self, *origins: str, **context: Any) -> Window:
        """Open a window whose pages may ask `origins` alone."""
        window = Window.of(self.browser, *origins, **context)
        self.opened.append(window)
        return window

    def close(self) -> Sequence[str]:
        """Close them and return their faults."""
        for window in self.opened:
            window.context.close()
        return [fault for window in self.opened for fault in window.unforgiven()]
