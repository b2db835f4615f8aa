"""The hosted page of a challenge, as a person sees it."""

from tests.support.chromium import Windows
from tests.support.looking import check
from tests.support.world import World


def test_the_page_shows_who_asks(service: World, windows: Windows, sub: str) -> None:
    service.phone(sub, label="Pixel 9")
    challenge = service.client().challenge(sub, binding_message="Pay 20 EUR")
    window = windows.open(service.issuer)
    window.page.goto(challenge["page"])
    check(window.page, "challenge-push")
