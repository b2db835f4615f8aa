"""What a browser says it is, in two words that a person recognises."""

import re

from .visits import Visit

_BROWSERS = (
    ("Edge", re.compile(r"Edg(?:e|A|iOS)?/")),
    ("Opera", re.compile(r"OPR/")),
    ("Samsung Internet", re.compile(r"SamsungBrowser/")),
    ("Firefox", re.compile(r"Firefox/|FxiOS/")),
    ("Chrome", re.compile(r"Chrome/|CriOS/|Chromium/")),
    ("Safari", re.compile(r"Version/[\d.]+ .*Safari/")),
)
_SYSTEMS = (
    ("iPhone", re.compile("iPhone")),
    ("iPad", re.compile("iPad")),
    ("Android", re.compile("Android")),
    ("ChromeOS", re.compile("CrOS")),
    ("Windows", re.compile("Windows")),
    ("macOS", re.compile("Mac OS X|Macintosh")),
    ("Linux", re.compile("Linux|X11")),
)


def name_of(visit: Visit, user_agent: str) -> str:
    """Return for example `Firefox on Windows`; it is a claim, and tells sessions apart."""
    browser = next((name for name, shape in _BROWSERS if shape.search(user_agent)), None)
    system = next((name for name, shape in _SYSTEMS if shape.search(user_agent)), None)
    if browser and system:
        return visit.gettext("%(browser)s on %(system)s", browser=browser, system=system)
    return browser or system or visit.gettext("Unknown browser")


def told(visit: Visit, user_agent: str) -> str:
    """Return what a client told of a browser: its header in two words, other words as they are."""
    return name_of(visit, user_agent) if user_agent.startswith("Mozilla/") else user_agent
