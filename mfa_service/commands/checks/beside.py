"""Findings about what is done beside the requests: sending, and tidying."""

from collections.abc import Iterator

from mfa_service.adapters.clock import SystemClock
from mfa_service.persistence import overdue
from mfa_service.persistence.overdue import Unsent
from mfa_service.persistence.unit_of_work import UnitOfWork
from mfa_service.settings import Background, Settings

from .finding import Finding, error, ok, warning

_UNSENT_SECONDS, _UNTIDY_SECONDS = 60, 600
"""As `/healthz` of `mfa worker` has it. A message is taken within a second if a thread is free."""
_DOER = {Background.HERE: "mfa serve", Background.WORKER: "mfa worker"}


def findings(settings: Settings, work: UnitOfWork) -> Iterator[Finding]:
    """Look at what lies in the database because nobody takes it: nothing else tells who works."""
    at, doer = SystemClock().now(), _DOER[settings.background]
    with work.reading() as tx:
        unsent = overdue.unsent(tx, before=at - _UNSENT_SECONDS)
        unclosed = overdue.unclosed(tx, before=at - _UNTIDY_SECONDS)
    yield _sending(unsent, doer, at)
    yield _tidying(unclosed, doer, at)


def _sending(unsent: Unsent | None, doer: str, at: int) -> Finding:
    if unsent is None:
        return ok("sending", f"no push message waits; {doer} is to send them")
    waited_for = unsent.expires_at > at
    make = error if waited_for else warning
    return make(
        "sending",
        f"{_messages(unsent.count)} for {at - unsent.due_at} s, and nobody takes them"
        f"{'' if waited_for else '; their challenges are over'}",
        f"`{doer}` is to send them (MFA_BACKGROUND): it does not run, or is too slow;"
        " phones hear nothing and have to poll",
        f"see whether `{doer}` runs with this MFA_DATABASE_URL, and what its log says",
    )


def _tidying(unclosed: int | None, doer: str, at: int) -> Finding:
    if unclosed is None:
        return ok("tidying", f"nothing is left lying; {doer} is to tidy")
    return warning(
        "tidying",
        f"a challenge that was over {at - unclosed} s ago is not closed",
        f"`{doer}` closes such within a minute, deletes what was kept long enough, and makes"
        " PostgreSQL's partitions: it does not run, or its log says why it cannot",
        f"see whether `{doer}` runs with this MFA_DATABASE_URL, and what its log says",
    )


def _messages(count: int) -> str:
    return "a push message is due" if count == 1 else f"{count} push messages are due, the oldest"
