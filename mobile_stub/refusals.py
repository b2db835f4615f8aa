"""What the server's error answers mean for the person who holds the phone."""

from typing import Any

import httpx

from mobile_stub.encoding import json_object
from mobile_stub.errors import Refused

_BY_SLUG = {
    "enrollment-not-open": "This enrollment code is unknown, used or expired. Ask for a new one.",
    "authenticator-not-active": (
        "This phone is not active: type its check code into the browser first,"
        " or have it reactivated if it was suspended."
    ),
    "not-found": "There is no such request for this phone.",
    "throttled": "The service asks to slow down. Try again later.",
    "unavailable": "The service is not available now. Try again later.",
}
_UNKNOWN_PHONE = (
    "The service does not accept this phone: it was removed or revoked, or its enrollment ended."
    " Enroll it anew."
)
_OUTCOMES = {
    "satisfied": "approved",
    "denied": "denied",
    "expired": "expired",
    "failed": "failed",
    "cancelled": "cancelled",
    "pending": "waiting for another proof",
}
_REASONS = {
    "user_denied": "it was denied on a phone",
    "fraud_reported": "fraud was reported",
    "attempts_exhausted": "too many wrong answers",
    "unmet_authentication_requirements": "what was proven is not enough for it",
}
_REDIRECTS = range(300, 400)


def refusal_for(reply: httpx.Response) -> Refused:
    """Return the refusal in plain words; unknown problem types keep their number only."""
    problem = _problem(reply)
    slug = str(problem.get("type", "")).rpartition("/")[2]
    facts: dict[str, str | int | None] = {
        name: problem[name]
        for name, kind in (("attempts_left", int), ("reason", str))
        if isinstance(problem.get(name), kind)
    }
    if slug == "challenge-not-open" and isinstance(problem.get("status"), str):
        facts["status"] = problem["status"]
    after = reply.headers.get("Retry-After", "")
    return Refused(
        _sentence(reply.status_code, slug, facts),
        status_code=reply.status_code,
        slug=slug,
        retry_after=int(after) if after.isascii() and after.isdigit() else None,
        **facts,
    )


def pin_refusal_for(refused: Refused) -> Refused:
    """Return the refusal of a call whose only secret was the PIN, with that cause named."""
    if refused.slug != "proof-rejected":
        return refused
    return Refused(
        "The service rejected it: most likely the PIN is wrong. Wrong PINs are counted.",
        status_code=refused.status_code,
        slug=refused.slug,
    )


def ending(status: object, reason: object) -> str:
    """Say how a request ended, such as "denied: fraud was reported"."""
    words = _OUTCOMES.get(str(status), "over")
    return f"{words}: {_REASONS[str(reason)]}" if str(reason) in _REASONS else words


def _problem(reply: httpx.Response) -> dict[str, Any]:
    try:
        return json_object(reply.content)
    except ValueError:
        return {}


def _sentence(status: int, slug: str, facts: dict[str, str | int | None]) -> str:
    if status == httpx.codes.UNAUTHORIZED:
        return _UNKNOWN_PHONE
    if slug == "proof-rejected":
        return _rejected(facts.get("attempts_left"))
    if slug == "challenge-not-open":
        return _ended(facts)
    if status in _REDIRECTS:
        return "The service answered with a redirect, which this phone does not follow."
    return _BY_SLUG.get(slug, f"The service refused with error {status}.")


def _rejected(left: str | int | None) -> str:
    if left is None:
        return "The service rejected it."
    if left == 0:
        return "The service rejected the answer. It was the last attempt; this request has failed."
    return (
        "The service rejected the answer: the code or another input is wrong."
        f" Attempts left: {left}."
    )


def _ended(facts: dict[str, str | int | None]) -> str:
    if "status" not in facts:
        return "This request has already ended; it can no longer be answered."
    words = ending(facts["status"], facts.get("reason"))
    return f"This request has ended, and this phone's earlier answer counted: {words}."
