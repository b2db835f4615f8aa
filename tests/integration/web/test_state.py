"""The live state of the page: told of every change, and never at the cost of others."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from mfa_service.wiring import WAITING_THREADS
from tests.support.alice import Alice
from tests.support.browser import Browser
from tests.support.world import AAL2


def revision(browser: Browser) -> str:
    return browser.page.one("main")["data-revision"]


def state(browser: Browser, query: str = "") -> dict[str, Any]:
    response = browser.script("GET", f"/state{query}")
    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "no-store"
    return dict(response.get_json())


def test_the_state_has_the_revision_of_the_page_and_no_more(alice: Alice) -> None:
    _, browser = alice.opened()
    told = state(browser)
    assert told == {"status": "pending", "ended": False, "revision": revision(browser)}


def test_every_change_that_the_page_shows_is_a_new_revision(alice: Alice) -> None:
    methods, prior = ["push", "totp", "recovery_code"], alice.world.prior()
    challenge, browser = alice.opened(acr_values=[AAL2], methods=methods, prior=prior)
    seen = [state(browser)["revision"]]
    alice.api.answer(challenge["id"], "totp", alice.totp.wrong())
    seen.append(state(browser)["revision"])
    alice.world.services.outbox.deliver()
    seen.append(state(browser)["revision"])
    alice.api.answer(challenge["id"], "recovery_code", alice.codes[0])
    seen.append(state(browser)["revision"])
    alice.world.approve(alice.phone, challenge)
    last = state(browser)
    assert last["ended"] is True
    assert len({*seen, last["revision"]}) == 5


def test_what_changed_before_the_page_asked_is_told_at_once(alice: Alice) -> None:
    challenge, browser = alice.opened()
    known = revision(browser)
    alice.api.answer(challenge["id"], "totp", alice.totp.wrong())
    assert state(browser, f"?wait=25&known={known}")["revision"] != known


def test_who_waits_is_told_of_the_answer(alice: Alice) -> None:
    challenge, browser = alice.opened()
    known, waiting = revision(browser), threading.Event()

    def wait() -> dict[str, Any]:
        waiting.set()
        return state(browser, f"?wait=25&known={known}")

    with ThreadPoolExecutor(1) as pool:
        told = pool.submit(wait)
        waiting.wait(5)
        alice.world.approve(alice.phone, challenge)
        assert told.result(20)["status"] == "satisfied"


def test_a_final_state_is_told_at_once(alice: Alice) -> None:
    _, browser = alice.opened()
    browser.submit("deny")
    told = state(browser, "?wait=25&known=denied-5-queued-0")
    assert told["status"] == "denied"


def test_when_every_place_is_taken_the_answer_comes_at_once(alice: Alice) -> None:
    _, browser = alice.opened()
    wake_up = alice.world.services.wake_up
    places = [wake_up.subscribe("other") for _ in range(WAITING_THREADS)]
    assert wake_up.subscribe("other") is None
    assert state(browser, f"?wait=25&known={revision(browser)}")["status"] == "pending"
    for place in places:
        assert place is not None
        place.close()


@pytest.mark.parametrize("wait", ["-1", "x", "1.5", "99999", "٣", "1&wait=2"])
def test_a_faulty_wait_is_refused(alice: Alice, wait: str) -> None:
    _, browser = alice.opened()
    assert browser.script("GET", f"/state?wait={wait}").status_code == 422
