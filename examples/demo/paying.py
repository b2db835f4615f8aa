"""The main job: asking for more when it matters, and getting it in different ways."""

import base64
import hashlib

import rfc8785

from examples.demo.cast import AAL1, AAL2, Cast, Lines
from examples.demo.story import Deviation, expect, expect_in

BY_PHONE = "mca mfa pin pwd swk user"
BY_FINGER = "mca mfa pop swk user"
UNMET = "Your account has no way to confirm this strongly enough, or the answer was not right."
REFUSED = "You refused it."


class Paying:
    """Reading needs a password, receipts a second proof, paying two factors for this payment."""

    def __init__(self, cast: Cast) -> None:
        self._cast = cast
        self._alice = cast.alice
        self._bob = cast.bob
        self._phone = cast.phone

    def read(self) -> Lines:
        """Sign in with the password and look at a page."""
        self._alice.shop("/read/tides")
        expect_in("the page", "harbour", self._alice.browser.page.text("sample"))
        self._alice.expect_claims("0", "pwd")
        return ("acr 0, amr pwd",)

    def without_anything(self) -> Lines:
        """Nothing can reach the level, so nothing is asked."""
        self._alice.buy("tides")
        self._alice.expect_order("refused", UNMET)
        return ("unmet_authentication_requirements: nothing was charged",)

    def by_phone(self) -> Lines:
        """Confirm what is shown, and see that the shop reads the hash of just that."""
        self._alice.buy("tides")
        request = self._phone.request()
        shown = request["transaction"]
        expect("the amount on the phone", [shown["amount"], shown["currency"]], ["49.90", "EUR"])
        expect("the payee on the phone", shown["payee"], "Corner Books")
        self._phone.approve(request["id"], self._alice.display_code())
        self._alice.wait_for_the_phone()
        self._alice.expect_order("paid")
        claims = self._alice.expect_claims(AAL2, BY_PHONE)
        digest = hashlib.sha256(rfc8785.dumps(shown)).digest()
        tx_hash = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        expect("tx_hash", claims["tx_hash"], tx_hash)
        self._cast.payment_claims = claims
        return (
            f"on the phone: {shown['amount']} {shown['currency']} to {shown['payee']}",
            f"acr {AAL2}",
            f"amr {BY_PHONE}",
        )

    def receipts_at_once(self) -> Lines:
        """Use what was proved: first by the shop's session, then by the server's alone."""
        self._alice.shop("/receipts")
        expect_in("the receipts", "A Year of Tides", self._alice.browser.page.text("receipts"))
        self._alice.browser.submit("signout")
        self._alice.shop("/receipts")
        self._alice.expect_claims(AAL1, BY_PHONE)
        self._phone.idle()
        return ("also after signing out of the shop: no request reached the phone",)

    def by_app(self) -> Lines:
        """Type a wrong code first, which costs an attempt."""
        if self._cast.app is None:
            raise Deviation("no authenticator app was added")
        self._alice.buy("maps")
        page = self._alice.type_code("totp", self._cast.app.wrong_code())
        expect_in("the page", "4 tries are left", page.text("code-error"))
        self._alice.type_code("totp", self._cast.app.code())
        self._alice.expect_order("paid")
        self._alice.expect_claims(AAL2, "mfa otp pwd")
        return ("a wrong code left 4 attempts; then amr mfa otp pwd",)

    def by_finger(self) -> Lines:
        """Be asked by a program, without any password: a wrong finger first, then the right one."""
        with self._cast.stage.calls() as calls:
            asked = calls.post("/v1/challenges", {"sub": "alice", "acr_values": [AAL2]}, once=True)
            request, code = self._phone.request(), asked["display_code"]
            expect_in("the request on the phone", "'webauthn'", str(request["require"]))
            said = self._phone.touch_in_vain(request["id"], code)
            expect_in("the phone", "was not recognised", said)
            self._phone.touch(request["id"], code)
            done = calls.get(f"/v1/challenges/{asked['id']}")
        expect("acr", done["acr"], AAL2)
        expect("amr", done["amr"], BY_FINGER.split())
        return ("a wrong finger sent nothing", f"acr {AAL2}", f"amr {BY_FINGER}")

    def by_recovery_code(self) -> Lines:
        """Look for that way on the page, which does not offer what would not be enough."""
        self._alice.buy("bread")
        expect("the ways that are offered", self._alice.ways(), {"push", "totp", "webauthn"})
        self._alice.browser.submit("deny")
        expect_in("the page", "You declined", self._alice.go_back_to_the_shop())
        self._alice.expect_order("refused", REFUSED)
        self._phone.idle()
        return ("it is not offered; she says no instead: nothing was charged",)

    def bob_reads_receipts(self) -> Lines:
        """Reach aal1 with a recovery code and a password, and no more."""
        self._bob.shop("/receipts")
        page = self._bob.type_code("recovery_code", self._cast.codes["bob"].pop())
        expect_in("the receipts", "Nothing bought yet", page.text("receipts"))
        self._bob.expect_claims(AAL1, "otp pwd recovery")
        return (f"acr {AAL1}, amr otp pwd recovery",)

    def bob_cannot_pay(self) -> Lines:
        """Be told that nothing he has can reach the level."""
        self._bob.buy("maps")
        self._bob.expect_order("refused", UNMET)
        return ("unmet_authentication_requirements: nothing was charged",)
