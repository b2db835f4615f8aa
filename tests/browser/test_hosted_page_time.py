"""The hosted page and time: it counts down, and says by itself when the time is up."""

import re

from playwright.sync_api import expect

from tests.support.customers import Customer
from tests.support.looking import check

_A_LITTLE_LATER = 45_000


def test_it_counts_down_to_the_end_and_shows_it(anna: Customer) -> None:
    anna.phone()
    challenge = anna.asked_to_stay(expires_in=30)
    page = anna.opened(challenge)
    left = page.get_by_text(re.compile(r"^Time left: 0:[0-3]\d$"))
    before = left.inner_text()
    expect(left).not_to_have_text(before)
    assert left.inner_text() < before
    title = page.get_by_role("heading", level=1)
    expect(title).to_have_text("The time is up", timeout=_A_LITTLE_LATER)
    expect(page.locator("#announcements")).to_have_text("The time is up")
    check(page, "end-expired")
    assert anna.api.read(challenge["id"])["status"] == "expired"
