"""Alice: a user with a phone, a TOTP and recovery codes, and the shop that asks her."""

from dataclasses import dataclass
from typing import Any

from .browser import Browser
from .phone import Phone
from .world import Api, Totp, World

RETURN = "https://shop.example/back?from=mfa"


@dataclass
class Alice:
    """What she has; `opened` shows a challenge in a browser of hers."""

    world: World
    phone: Phone
    totp: Totp
    codes: list[str]

    @property
    def api(self) -> Api:
        """The shop, with a token that is good now."""
        return self.world.client("shop")

    def browser(self, **members: Any) -> Browser:
        return Browser(self.world, **members)

    def opened(self, **members: Any) -> tuple[dict[str, Any], Browser]:
        """Return a new challenge, and her browser in which its page was opened."""
        challenge = self.api.challenge(**members)
        browser = self.browser()
        assert browser.go(challenge["page"]).status_code == 200
        return challenge, browser

    def step_up(self) -> str:
        return self.world.step_up(self.phone, api=self.api)


def alice_of(world: World) -> Alice:
    """Return Alice, freshly enrolled."""
    api = world.client("shop", redirect_uris=(RETURN,))
    phone = world.phone(api=api, label="Pixel 9", push={"provider": "fcm", "token": "t"})
    totp = world.totp(api=api, challenge_id=world.step_up(phone, api=api))
    step_up = world.step_up(phone, api=api)
    codes = api.enroll(type="recovery_codes", challenge_id=step_up)["codes"]
    world.clock.advance(301)  # what was pushed so far counts no more
    return Alice(world, phone, totp, list(codes))
