"""What the scripts of the hosted page call: its state as it changes, and the passkey ceremony."""

from flask import Response

from mfa_service.domain.challenge import WEBAUTHN, Status
from mfa_service.domain.errors import InvalidRequest, ProofRejected

from . import frame
from .challenge_pages import PATH, posted, session_of
from .pages import Page
from .visits import Visit

_LONGEST_WAIT = 25


def state(visit: Visit, challenge_id: str) -> Response:
    """Answer once the page has something new to show; holds no worker that others need."""
    pages, session = visit.services.pages, session_of(visit, challenge_id)
    known, wait = visit.query("known"), visit.seconds("wait", longest=_LONGEST_WAIT)
    challenge = pages.look(challenge_id, session, known=known, wait=wait)
    ended = challenge.status is not Status.PENDING
    return frame.data(
        {"status": challenge.status, "ended": ended, "revision": pages.revision(challenge)}
    )


def options(visit: Visit, challenge_id: str) -> Response:
    """Give WebAuthn options that this page can answer once."""
    challenge = posted(visit, challenge_id)
    return frame.data({"publicKey": visit.services.pages.options(challenge)})


def verify(visit: Visit, challenge_id: str) -> Response:
    """Judge the answer of a passkey, and tell what the browser should keep or forget."""
    challenge, passkeys = posted(visit, challenge_id), visit.services.passkeys
    credential = visit.json().get("credential")
    if not isinstance(credential, dict):
        raise InvalidRequest({"credential": ["Not an object."]})
    proof = {"method": WEBAUTHN, "credential": credential}
    try:
        after = visit.services.pages.answer(challenge, proof)
    except ProofRejected as refused:
        unknown = passkeys.unknown(credential.get("id"))
        refused.members["signals"] = {"signalUnknownCredential": unknown} if unknown else {}
        raise
    accepted = passkeys.accepted(challenge.user_id)
    signals = {"signalAllAcceptedCredentials": accepted}
    return frame.data({"status": after.status, "signals": signals})


PAGES = (
    Page("GET", f"{PATH}/state", "challengePageState", state),
    Page("POST", f"{PATH}/webauthn", "passkeyOptionsOfPage", options),
    Page("POST", f"{PATH}/webauthn/answer", "passkeyAnswerOfPage", verify),
)
