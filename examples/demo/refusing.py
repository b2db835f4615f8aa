"""What must not work: edited requests, wrong numbers, refused and reported payments."""

import json

from examples.demo.cast import Cast, Lines
from examples.demo.paying import REFUSED
from examples.demo.story import Deviation, expect, expect_in

OTHER_PAYMENT = "What was confirmed on the phone is not this payment."
TOO_WEAK = (
    "The sign-in was not strong enough. Only one kind of proof was given, and this needs two."
)


class Refusing:
    """Each of these ends with nothing charged, but for the wrong number that is corrected."""

    def __init__(self, cast: Cast) -> None:
        self._cast = cast
        self._alice = cast.alice
        self._phone = cast.phone

    def another_amount(self) -> Lines:
        """Approve the changed amount on the phone; the shop compares hashes."""

        def cheaper(parameters: dict[str, str]) -> None:
            transaction = json.loads(parameters["transaction"]) | {"amount": "0.01"}
            parameters["transaction"] = json.dumps(transaction)

        self._cast.buy_with_edited_request(self._alice, "tides", cheaper)
        request = self._phone.request()
        expect("the amount on the phone", request["transaction"]["amount"], "0.01")
        self._phone.approve(request["id"], self._alice.display_code())
        self._alice.wait_for_the_phone()
        self._alice.expect_order("refused", OTHER_PAYMENT)
        return (f'the shop says: "{OTHER_PAYMENT}"',)

    def without_level(self) -> Lines:
        """Let Bob take out what asks for more; the server obliges, the shop does not."""

        def weaker(parameters: dict[str, str]) -> None:
            del parameters["claims"], parameters["transaction"]

        self._cast.buy_with_edited_request(self._cast.bob, "bread", weaker)
        self._cast.bob.expect_order("refused", f"{TOO_WEAK} {OTHER_PAYMENT}")
        return ('the shop says: "The sign-in was not strong enough."',)

    def wrong_number(self) -> Lines:
        """Type the right one afterwards."""
        self._alice.buy("bread")
        request, code = self._phone.request(), self._alice.display_code()
        wrong = "000000" if code != "000000" else "000001"
        expect_in(
            "the phone", "Attempts left: 4", self._phone.approve_in_vain(request["id"], wrong)
        )
        self._phone.approve(request["id"], code)
        self._alice.wait_for_the_phone()
        self._alice.expect_order("paid")
        return ("it left 4 attempts; the right one then paid",)

    def deny(self) -> Lines:
        """Refuse on the phone, which is final."""
        self._alice.buy("maps")
        self._phone.deny(self._phone.request()["id"])
        self._alice.wait_for_the_phone()
        expect_in("the page", "You declined", self._alice.go_back_to_the_shop())
        self._alice.expect_order("refused", REFUSED)
        return ("access_denied: nothing was charged",)

    def report(self) -> Lines:
        """Report, which is final too; the next request warns."""
        self._alice.buy("maps")
        self._phone.report(self._phone.request()["id"])
        self._alice.wait_for_the_phone()
        expect_in("the page", "Change your password", self._alice.go_back_to_the_shop())
        self._alice.expect_order("refused", REFUSED)
        self._alice.buy("maps")
        expect("the warning on the phone", self._phone.request()["fraud_reported"], True)  # noqa: FBT003
        self._alice.browser.submit("deny")
        return ("access_denied: nothing was charged; the next request carries a warning",)

    def search_logs(self) -> Lines:
        """Look for passwords, PIN, codes and keys."""
        stage = self._cast.stage
        hidden = [
            *self._cast.secrets,
            *self._alice.secrets_seen(),
            *self._cast.bob.secrets_seen(),
            stage.shop_secret,
            stage.account_secret,
            stage.master_key,
            stage.client["client_secret"],
        ]
        logs = stage.processes.logs()
        for name, text in logs.items():
            if any(secret in text for secret in hidden):
                raise Deviation(f"the log of the {name} contains a secret")
        lines = sum(len(text.splitlines()) for text in logs.values())
        return (f"{len(hidden)} secrets, looked for in {lines} lines",)
