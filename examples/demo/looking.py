"""Looking at one's own account on the service's self-service pages."""

from examples.demo.cast import Cast, Lines
from examples.demo.story import expect, expect_in


class Looking:
    """Alice comes by a link that her authorization server gets for her, Bob by signing in there."""

    def __init__(self, cast: Cast) -> None:
        self._cast = cast
        self._alice = cast.alice
        self._bob = cast.bob

    def own_authenticators(self) -> Lines:
        """Open the link, which a button spends and not the opening; see what there is."""
        self._alice.open_account()
        page = self._alice.browser.submit("self-service")
        expect_in("the page", "Continue to your account", page.words)
        page = self._alice.browser.submit(page.url.rpartition("/")[2])
        expect("the page", page.address, self._home)
        found = " ".join(page.texts("things"))
        for label in ("Alice's phone", "Passkey", "Authenticator app", "Recovery codes"):
            expect_in("what protects the account", label, found)
        return ("phone, passkey, authenticator app, recovery codes",)

    def what_was_signed(self) -> Lines:
        """Find the first payment in the timeline, as it was shown and signed."""
        self._alice.browser.open(f"{self._home}/activity")
        for address in self._alice.browser.page.links("/account/activity/"):
            html = self._alice.browser.open(address).html
            if "49.90" in html and "Signed by your phone, just as it is shown here" in html:
                return ("49.90 EUR to Corner Books, signed by her phone",)
        raise LookupError("the payment is not in the timeline")

    def bob_signs_in(self) -> Lines:
        """Sign in with OpenID Connect, and see nothing of Alice."""
        self._bob.browser.open(self._home)
        self._bob.browser.open(self._bob.browser.page.links("/account/sign-in")[0])
        self._bob.sign_in_if_asked()
        page = self._bob.browser.page
        expect("the page", page.address, self._home)
        expect("Alice's phone in Bob's account", "Alice" in page.html, False)  # noqa: FBT003
        return ("by OpenID Connect; he sees his recovery codes and nothing of hers",)

    @property
    def _home(self) -> str:
        return f"{self._cast.stage.service}/account"
