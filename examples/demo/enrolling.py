"""Enrolling a phone, an authenticator app and recovery codes, as the pages let people do it."""

from examples.demo.browser import Page
from examples.demo.cast import Cast, Lines
from examples.demo.devices import AuthenticatorApp
from examples.demo.person import Person
from examples.demo.story import expect, expect_in

CODES = 10


class Enrolling:
    """The first authenticator needs the password, every other one a step-up of its own."""

    def __init__(self, cast: Cast) -> None:
        self._cast = cast
        self._alice = cast.alice

    def add_phone(self) -> Lines:
        """Claim on the phone, and type its check code into the browser."""
        page = self._begin(self._alice, "phone")
        expect_in("the page", "data:image/svg+xml;base64,", page.html)
        self._cast.secrets.append(page.text("manual-code"))
        check_code = self._cast.phone.enroll(page.text("uri"))["check_code"]
        wrong = "000000" if check_code != "000000" else "000001"
        page = self._alice.browser.submit("confirm", code=wrong)
        expect_in("a wrong check code", "not right", page.text("message"))
        page = self._alice.browser.submit("confirm", code=check_code)
        expect("the notice", page.text("notice"), "Your phone was added.")
        return ("a wrong check code was refused, the right one accepted",)

    def add_app(self) -> Lines:
        """Confirm on the phone, then with the app's first code."""
        self._begin(self._alice, "totp")
        page = self._authorise_on_the_phone()
        secret = page.text("secret")
        self._cast.secrets.append(secret)
        self._cast.app = AuthenticatorApp(secret)
        page = self._alice.browser.submit("confirm", code=self._cast.app.code())
        expect("the notice", page.text("notice"), "Your authenticator app was added.")
        return ("the phone was told that it is about changing how she signs in",)

    def add_codes(self) -> Lines:
        """Confirm on the phone; the codes are shown once."""
        self._begin(self._alice, "recovery_codes")
        self._authorise_on_the_phone()
        self._keep_codes(self._alice)
        return (f"{CODES} codes, shown once",)

    def add_passkey(self) -> Lines:
        """Confirm on the phone, then make a passkey on the phone, behind the fingerprint."""
        self._begin(self._alice, "webauthn")
        options = self._authorise_on_the_phone().text("options")
        credential = self._cast.phone.make_passkey(options, self._cast.stage.server)
        page = self._alice.browser.submit("confirm", code=credential)
        expect("the notice", page.text("notice"), "Your passkey was added.")
        return ("its key stays on the phone, behind the fingerprint",)

    def give_bob_codes(self) -> Lines:
        """He has nothing yet, so the password is enough."""
        self._begin(self._cast.bob, "recovery_codes")
        self._keep_codes(self._cast.bob)
        return (f"{CODES} codes, shown once",)

    def _begin(self, person: Person, kind: str) -> Page:
        person.open_account()
        return person.browser.submit(f"add-{kind}")

    def _authorise_on_the_phone(self) -> Page:
        request = self._cast.phone.request()
        expect("the purpose on the phone", request["purpose"], "manage")
        self._cast.phone.approve(request["id"], self._alice.display_code())
        self._alice.wait_for_the_phone()
        return self._alice.browser.page

    def _keep_codes(self, person: Person) -> None:
        codes = person.browser.page.texts("recovery-code")
        expect("the number of codes", len(set(codes)), CODES)
        self._cast.codes[person.name] = codes
        self._cast.secrets += codes
        expect("the codes' page, opened again", person.browser.reload().status, 404)
