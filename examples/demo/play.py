"""The demo's steps in their order."""

import json

from examples.demo.cast import Cast, Lines
from examples.demo.enrolling import Enrolling
from examples.demo.looking import Looking
from examples.demo.paying import Paying
from examples.demo.refusing import Refusing
from examples.demo.story import Step, expect


def steps_for(cast: Cast) -> list[Step]:
    """Return all steps. A fraud report blocks changes for half an hour, so it comes last."""
    stage, enrolling, paying, looking = cast.stage, Enrolling(cast), Paying(cast), Looking(cast)
    return [
        Step("the service starts on an empty SQLite database", stage.start_service),
        Step("a client is added while it runs", stage.add_client),
        Step("the authorization server starts", stage.start_server),
        Step("the relying party, a shop, starts", stage.start_shop),
        Step("Alice reads in the shop: her password is enough", paying.read),
        Step("without a second factor she cannot pay", paying.without_anything),
        Step("she adds a phone: QR code, PIN, check code", enrolling.add_phone),
        Step("she adds an authenticator app, confirmed on the phone", enrolling.add_app),
        Step("she makes recovery codes, confirmed on the phone", enrolling.add_codes),
        Step("she pays: display code and PIN on the phone", paying.by_phone),
        Step("her receipts need less, so she is not asked again", paying.receipts_at_once),
        Step("she pays by the authenticator app", paying.by_app),
        Step("she makes a passkey on the phone, confirmed there by PIN", enrolling.add_passkey),
        Step("a program asks for two factors: display code and fingerprint", paying.by_finger),
        Step(
            "a recovery code does not suffice for paying, so the page offers none",
            paying.by_recovery_code,
        ),
        Step("Bob gets recovery codes and nothing else", enrolling.give_bob_codes),
        Step("one of them opens his receipts", paying.bob_reads_receipts),
        Step("none of them pays", paying.bob_cannot_pay),
        Step("she sees all of it in self-service", looking.own_authenticators),
        Step("the timeline shows what she approved", looking.what_was_signed),
        Step("Bob signs in to self-service", looking.bob_signs_in),
        *_refusals(Refusing(cast)),
        Step("the id token of the payment by phone, decoded", lambda: _token(cast)),
    ]


def _refusals(refusing: Refusing) -> list[Step]:
    return [
        Step("an amount changed in the browser is not paid", refusing.another_amount),
        Step("a level taken out of the request is missed by the shop", refusing.without_level),
        Step("a wrong number on the phone costs an attempt", refusing.wrong_number),
        Step("a payment is refused on the phone", refusing.deny),
        Step("a payment is reported as fraud", refusing.report),
        Step("no secret is in any log", refusing.search_logs),
    ]


def _token(cast: Cast) -> Lines:
    claims = cast.payment_claims
    expect("issuer", claims["iss"], cast.stage.server)
    expect("the kinds of proof", "mfa" in claims["amr"], True)  # noqa: FBT003
    return tuple(json.dumps(claims, indent=2, sort_keys=True).splitlines())
