"""What holds the pages notices what it should: else every test in this folder is worth little."""

import pytest
from playwright.sync_api import Browser, Page

from tests.support.chromium import Window, Windows
from tests.support.looking import NARROWEST, accessible, fits, weighed
from tests.support.world import World

_LOAD = "(address) => { const i = new Image(); i.src = address; document.body.append(i); }"


@pytest.fixture
def watched(browser: Browser, service: World) -> Window:
    """Return a window on a page of ours, about to misbehave."""
    window = Windows(browser).open(service.issuer)
    window.page.goto(f"{service.issuer}/enroll")
    assert window.unforgiven() == []
    return window


@pytest.fixture
def page(windows: Windows) -> Page:
    return windows.open("http://heavy.example").page


def test_a_violated_policy_is_noticed(watched: Window) -> None:
    watched.page.evaluate(_LOAD, "https://elsewhere.example/dot.png")
    for _ in range(250):  # what a page reports arrives in its own time
        if any("policy violated: img-src" in fault for fault in watched.unforgiven()):
            return
        watched.page.wait_for_timeout(20)
    pytest.fail("the violation was not noticed")


def test_an_error_on_the_console_is_noticed(watched: Window) -> None:
    watched.page.evaluate("console.error('something is wrong')")
    assert any("something is wrong" in fault for fault in watched.unforgiven())
    watched.expect("something is wrong")
    assert watched.unforgiven() == []


def test_a_script_that_fails_is_noticed(watched: Window) -> None:
    with watched.page.expect_event("pageerror"):
        watched.page.evaluate("setTimeout(() => { throw new Error('broken'); })")
    assert any("broken" in fault for fault in watched.unforgiven())


def test_a_foreign_origin_is_noticed(browser: Browser) -> None:
    window = Windows(browser).open()
    window.page.set_content("<img src='http://127.0.0.1:9/dot.png' alt=''>")
    assert any(fault.startswith("foreign origin") for fault in window.unforgiven())


def test_low_contrast_is_noticed(page: Page) -> None:
    page.set_content("<html lang=en><title>x</title><main><p style='color: #bbb'>pale</p></main>")
    with pytest.raises(AssertionError, match="color-contrast"):
        accessible(page)


def test_scrolling_sideways_is_noticed(page: Page) -> None:
    page.set_content("<p style='width: 400px'>wide</p>")
    page.set_viewport_size(NARROWEST)
    with pytest.raises(AssertionError, match="too wide"):
        fits(page)


def test_a_heavy_page_is_noticed(page: Page) -> None:
    page.route("**/*", lambda route: route.fulfill(body="x" * 60_001))
    page.goto("http://heavy.example/")
    page.set_content("<p>")
    with pytest.raises(AssertionError, match="60001"):
        weighed(page)
