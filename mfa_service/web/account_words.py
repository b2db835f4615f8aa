"""What self-service says: kinds of authenticators, what each is worth, how requests ended."""

from collections.abc import Mapping
from dataclasses import dataclass

from mfa_service.domain.attestation import Standing
from mfa_service.domain.authenticator import Authenticator, Pin
from mfa_service.domain.challenge import Challenge, Reason, Status
from mfa_service.services.intents import Action, Hindrance, Intent
from mfa_service.services.sessions import Person

from .i18n import marked
from .visits import Visit


@dataclass(frozen=True, slots=True)
class Kind:
    """One type of authenticator: its name, icon, and what somebody has to know who adds it."""

    type: str
    name: str
    icon: str
    text: str


@dataclass(frozen=True, slots=True)
class Said:
    """A short text, how it looks (`good`, `warn`, `bad` or nothing), and a longer one."""

    title: str
    tone: str = ""
    text: str = ""


KINDS = {
    kind.type: kind
    for kind in (
        Kind(
            "webauthn",
            marked("Passkey"),
            "passkey",
            marked("Fingerprint, face or screen lock. The safest way, and the quickest."),
        ),
        Kind(
            "phone",
            marked("Phone"),
            "phone",
            marked("You are notified on your phone and type a number to confirm."),
        ),
        Kind(
            "totp",
            marked("Authenticator app"),
            "totp",
            marked("An app shows a new code every 30 seconds. Works without a network."),
        ),
        Kind(
            "recovery_codes",
            marked("Recovery codes"),
            "recovery",
            marked("Ten codes on paper, for the day when everything else is lost."),
        ),
    )
}


def addable(visit: Visit, person: Person) -> dict[str, Kind]:
    """Return the kinds that can be added here: no passkey while the issuer is an IP address.

    On an errand only what can answer the request that it is for.
    """
    offered = {factor.type for factor in visit.services.foundation.factors.values()}
    if person.on_errand:
        offered &= set(visit.services.protocols.first_steps.types(person))
    return {name: kind for name, kind in KINDS.items() if name in offered}


_ONE_STEP = marked("One step: together with your password it makes two.")
_PHONE = {
    Pin.SET: marked("Two steps in one: your phone, and its PIN."),
    Pin.NONE: _ONE_STEP,
    Pin.DISABLED: marked("Its PIN is blocked after too many wrong tries. Add the phone anew."),
}
_PASSKEY = {
    Standing.SYNCED: marked(
        "Works on our own site only, so no fake website can use it. "
        "Your password manager keeps it on all your devices."
    ),
    Standing.HARDWARE: marked(
        "Works on our own site only, so no fake website can use it. The key cannot leave its chip."
    ),
    Standing.FIPS: marked(
        "Works on our own site only, so no fake website can use it. The key cannot leave its chip."
    ),
    Standing.UNATTESTED: marked("Works on our own site only, so no fake website can use it."),
}
_RECOVERY = marked("For emergencies: each code works once.")


def worth_of(visit: Visit, found: Authenticator) -> Said:
    """Return what an authenticator is worth, in plain words."""
    levels = visit.services.foundation.levels
    rank = visit.services.users.level_of(found)
    if found.type == "recovery_codes":
        return Said(marked("Emergency"), "", _RECOVERY)
    text = _ONE_STEP
    if found.type == "phone":
        text = _PHONE[found.pin]
    if found.type == "webauthn":
        text = _PASSKEY[Standing(str(found.attributes.get("standing", Standing.UNATTESTED)))]
    if rank > levels.combined:
        return Said(marked("Very strong"), "good", text)
    strong = rank == levels.combined
    return Said(marked("Strong") if strong else marked("Basic"), "good" if strong else "", text)


HINDRANCES = {
    Hindrance.PAUSED: Said(
        marked("Changes are paused"),
        "warn",
        marked(
            "A fraud was reported for your account. For 30 minutes nothing can be added, removed "
            "or reactivated. Suspending still works."
        ),
    ),
    Hindrance.ALL_SUSPENDED: Said(
        marked("Here only your help desk can help"),
        "warn",
        marked(
            "Everything that you could confirm with is suspended. Ask your help desk to reset it."
        ),
    ),
    Hindrance.UNATTAINABLE: Said(
        marked("You cannot confirm this strongly enough right now"),
        "warn",
        marked(
            "A change has to be confirmed as strongly as the strongest method that you have. One "
            "that was suspended in the last 24 hours still counts, so that nobody can weaken your "
            "account by suspending it. Use the stronger one, try again tomorrow, or ask your help "
            "desk."
        ),
    ),
    Hindrance.FULL: Said(
        marked("There is no room for one more"),
        "warn",
        marked("You have as many as you may have. Remove one first."),
    ),
    Hindrance.OVER: Said(
        marked("This step is over"),
        "",
        marked(
            "It was finished, given up, or replaced by another change. Nothing was changed just "
            "now. Start again if you still want it."
        ),
    ),
    Hindrance.NOT_CONFIRMED: Said(
        marked("Nothing was changed"),
        "",
        marked("The change was not confirmed: it was refused, cancelled, or took too long."),
    ),
}

_MESSAGES = {
    Action.RENAME: marked("Rename “%(label)s” to “%(name)s”"),
    Action.SUSPEND: marked("Suspend “%(label)s”"),
    Action.REACTIVATE: marked("Reactivate “%(label)s”"),
    Action.REMOVE: marked("Remove “%(label)s”"),
    Action.DISPUTE: marked("Suspend what answered a request that was not yours"),
}
_SHORT = 40  # beside a new name of 64 characters
_ADDING = {
    "webauthn": marked("Add a passkey"),
    "phone": marked("Add a phone"),
    "totp": marked("Add an authenticator app"),
    "recovery_codes": marked("Make new recovery codes"),
}


def message_of(visit: Visit, intent: Intent, label: str) -> str:
    """Return what the step-up for a change says it is for; at most 128 characters."""
    if intent.action is Action.ADD:
        return visit.gettext(_ADDING[intent.concerns])
    short = label if len(label) <= _SHORT else label[: _SHORT - 1] + "…"
    words = {"label": short, "name": intent.label} if intent.label else {"label": label}
    return visit.gettext(_MESSAGES[intent.action], **words)


_NOTICES = {
    "add": Said(marked("“%(label)s” was added."), "good"),
    "rename": Said(marked("It is called “%(label)s” now."), "good"),
    "suspend": Said(marked("“%(label)s” is suspended and confirms nothing any more."), "good"),
    "reactivate": Said(marked("“%(label)s” works again."), "good"),
    "remove": Said(marked("“%(label)s” was removed."), "good"),
    "dispute": Said(marked("What answered is suspended, and the request is marked."), "good"),
    "rejected": Said(marked("That phone was turned away. Nothing was added."), "good"),
    "cancelled": Said(marked("Nothing was added.")),
    "ended": Said(marked("You are signed out everywhere else."), "good"),
}
_OTHERS = marked("Sign out everywhere else?")


def notice_of(visit: Visit, said: Mapping[str, object], *, elsewhere: bool) -> Said | None:
    """Return what the last page left to say; after a change what to do with other sessions."""
    name = str(said.get("said"))
    known = _NOTICES.get(name)
    if known is None:
        return None
    offer = visit.gettext(_OTHERS) if elsewhere and name in frozenset(Action) else ""
    return Said(visit.gettext(known.title, label=str(said.get("label"))), known.tone, offer)


_OUTCOMES = {
    Status.SATISFIED: Said(marked("Approved"), "good"),
    Status.DENIED: Said(marked("Refused"), "bad"),
    Status.EXPIRED: Said(marked("Not answered in time")),
    Status.CANCELLED: Said(marked("Withdrawn")),
    Status.FAILED: Said(marked("Failed"), "bad"),
    Reason.USER_DENIED: Said(marked("Refused by you"), "bad"),
    Reason.FRAUD_REPORTED: Said(marked("Reported as fraud"), "bad"),
    Reason.ATTEMPTS_EXHAUSTED: Said(marked("Too many wrong codes"), "bad"),
    Reason.UNMET: Said(marked("Not confirmed strongly enough"), "warn"),
}
_DISPUTED = Said(marked("Not you"), "bad")

METHODS = {
    "push": marked("Phone"),
    "totp": marked("Code from the app"),
    "recovery_code": marked("Recovery code"),
    "webauthn": marked("Passkey"),
}
CONTEXT = {
    "application": marked("Application"),
    "location": marked("Location"),
    "ip": marked("Network address"),
    "user_agent": marked("Browser"),
}


def outcome_of(challenge: Challenge) -> Said:
    """Return how a request ended."""
    if challenge.disputed_at is not None:
        return _DISPUTED
    return _OUTCOMES[challenge.reason or challenge.status]
