"""Looks at a page as every reader may have it: light, dark, narrow, enlarged, by ear, on paper."""

import os
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, ViewportSize

from .chromium import DESKTOP, PHONE

_ALL_PICTURES = "SCREENS" in os.environ
"""`make screens` keeps the dark ones too; a test run is content with having looked at them."""
SCREENSHOTS = Path(__file__).parents[2] / "build" / "screenshots"
HEAVIEST = 60_000
_LEVELS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
_VIOLATIONS = {"resultTypes": ["violations"]}
_AXE = {"runOnly": {"type": "tag", "values": _LEVELS}, **_VIOLATIONS}
_COLOURS = {"runOnly": {"type": "rule", "values": ["color-contrast"]}, **_VIOLATIONS}
"""All that a dark page can break where the light one holds."""
_WEIGHT = """() => performance.getEntries()
  .filter(({ entryType, initiatorType }) => entryType === "navigation"
    || (entryType === "resource" && !["fetch", "xmlhttprequest"].includes(initiatorType)))
  .map(({ name, decodedBodySize }) => [name, decodedBodySize])"""
_OVERFLOW = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
_ENLARGE = "(size) => { document.documentElement.style.fontSize = size; }"
NARROWEST = ViewportSize(width=320, height=640)
ENLARGED = ViewportSize(width=DESKTOP["width"] // 2, height=DESKTOP["height"] // 2)
"""What is left of a desktop at a zoom of 200 %."""


def check(page: Page, name: str) -> None:
    """Fail unless the page is accessible (WCAG 2.2 AA), light and fits; keep pictures as `name`.

    Leaves the page as it was: a desktop in light colours.
    """
    weighed(page)
    page.emulate_media(reduced_motion="reduce")  # colours that still change would be measured
    picture(page, name)
    accessible(page)
    page.emulate_media(color_scheme="dark")
    accessible(page, _COLOURS)
    if _ALL_PICTURES:
        picture(page, f"{name}-dark")
    page.emulate_media(color_scheme="light")
    for size in (ENLARGED, NARROWEST):
        page.set_viewport_size(size)
        fits(page)
    page.set_viewport_size(PHONE)
    picture(page, f"{name}-phone")
    page.set_viewport_size(DESKTOP)
    page.evaluate(_ENLARGE, "200%")
    fits(page)
    page.evaluate(_ENLARGE, "")
    page.emulate_media(reduced_motion="no-preference")


def picture(page: Page, name: str) -> None:
    """Keep a picture of the whole page as `build/screenshots/<name>.png`."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True, animations="disabled")


def accessible(page: Page, rules: dict[str, Any] = _AXE) -> None:
    """Fail for each of the rules of axe-core that the page breaks."""
    found = Axe().run(page, options=rules).response["violations"]
    assert not found, [_broken(rule) for rule in found]


def fits(page: Page) -> None:
    """Fail if one has to scroll sideways (WCAG 2.2, 1.4.10)."""
    beyond = page.evaluate(_OVERFLOW)
    assert beyond <= 0, f"{beyond} px too wide at {page.viewport_size} on {page.url}"


def weighed(page: Page) -> None:
    """Fail if the page with all that it loads is over 60 kB before compression."""
    parts = page.evaluate(_WEIGHT)
    assert sum(size for _, size in parts) <= HEAVIEST, parts


def _broken(rule: dict[str, Any]) -> str:
    places = "; ".join(f"{node['html'][:200]} {node['failureSummary']}" for node in rule["nodes"])
    return f"{rule['id']}: {rule['help']}: {places}"
