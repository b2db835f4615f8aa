"""Call the step-up service: open a challenge, follow it, and believe only its signed result."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from examples.authorization_server.decision import Evidence
from examples.authorization_server.result_tokens import Expected, ResultTokens
from examples.authorization_server.service_calls import ServiceCalls

OWN_METHODS = ("push", "totp", "recovery_code")
PRIOR_MAX_AGE = 3600


@dataclass(frozen=True, slots=True)
class Ask:
    """What to ask of whom. `password_at`: when this session verified the password, if it counts."""

    sub: str
    levels: tuple[str, ...]
    essential: bool
    application: str
    password_at: int | None = None
    purpose: str = "login"
    binding_message: str | None = None
    transaction: Mapping[str, Any] | None = None
    tx_hash: str | None = None
    ip: str = ""
    user_agent: str = ""


@dataclass(frozen=True, slots=True)
class Opened:
    """A challenge of ours: its id and what its result must match. Kept in the browser's session.

    `state` is our own name for it, which nobody else knows; `page` is the hosted page.
    """

    id: str
    expected: Expected
    expires_at: int
    state: str = field(repr=False)
    page: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class State:
    """How a challenge stands. Unsigned: it moves the page on, and never raises anybody's level."""

    status: str
    reason: str | None
    attempts_left: int
    display_code: str | None
    methods: frozenset[str]
    push_held: bool
    result_token: str | None = field(repr=False)


class StepUpService:
    """The few calls of the contract that an authorization server needs; raises `ServiceProblem`.

    With `return_uri`, which is registered for this client, the hosted page is used and sends the
    browser back there; without, a page of our own offers what it can.
    """

    def __init__(
        self, calls: ServiceCalls, results: ResultTokens, return_uri: str | None = None
    ) -> None:
        self._calls = calls
        self._results = results
        self._return_uri = return_uri

    def open(self, ask: Ask) -> tuple[Opened, State]:
        """Open a challenge; the idempotency key makes a repeated request harmless.

        Raises `ServiceProblem` with slug `acr-unattainable` when nobody can satisfy it.
        """
        nonce, state = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
        body = _body(ask, nonce)
        if self._return_uri is None:
            body["methods"] = list(OWN_METHODS)
        else:
            body |= {"return_uri": self._return_uri, "state": state}
        answer = self._calls.post("/v1/challenges", body, once=True)
        opened = Opened(
            id=answer["id"],
            expires_at=answer["expires_at"],
            state=state,
            page=answer["page"],
            expected=Expected(
                txn=answer["id"],
                sub=ask.sub,
                levels=ask.levels if ask.essential else (),
                nonce=nonce,
                tx_hash=ask.tx_hash,
            ),
        )
        return opened, _state(answer)

    def read(self, opened: Opened, *, wait: int = 0, return_code: str | None = None) -> State:
        """Return the state, after at most `wait` seconds (0-30) without a change.

        Once the hosted page was opened there is no result without the right `return_code`.
        """
        query = {"wait": wait or None, "return_code": return_code}
        given = urlencode({name: value for name, value in query.items() if value is not None})
        path = f"{_path(opened)}?{given}" if given else _path(opened)
        return _state(self._calls.get(path, timeout=wait + 10))

    def answer(self, opened: Opened, method: str, code: str) -> State:
        """Give a `totp` or `recovery_code` answer; a wrong one raises `proof-rejected`."""
        body = {"method": method, "code": code}
        return _state(self._calls.post(f"{_path(opened)}/answers", body, once=True))

    def cancel(self, opened: Opened) -> None:
        """Cancel a pending challenge, so that the phone stops asking."""
        self._calls.delete(_path(opened))

    def evidence(self, opened: Opened, state: State) -> Evidence:
        """Return what the signed result proves, once; raise `BadTokenError` for any other."""
        return self._results.verify(state.result_token or "", opened.expected)


def _body(ask: Ask, nonce: str) -> dict[str, Any]:
    body: dict[str, Any] = {
        "sub": ask.sub,
        "purpose": ask.purpose,
        "nonce": nonce,
        "context": {
            "ip": _shown(ask.ip, 256),
            "user_agent": _shown(ask.user_agent, 256),
            "application": _shown(ask.application, 256),
        },
    }
    if ask.levels:
        body |= {"acr_values": list(ask.levels), "essential": ask.essential}
    if ask.password_at is not None:
        body["prior"] = {"amr": ["pwd"], "auth_time": ask.password_at}
        body["max_age"] = PRIOR_MAX_AGE
    if ask.binding_message:
        body["binding_message"] = _shown(ask.binding_message, 128)
    if ask.transaction is not None:
        body["transaction"] = dict(ask.transaction)
    return body


def _shown(text: str, longest: int) -> str:
    """Return what a phone may show of a text that a stranger may have sent."""
    return "".join(sign for sign in text if sign.isprintable())[:longest]


def _path(opened: Opened) -> str:
    return f"/v1/challenges/{quote(opened.id, safe='')}"


def _state(answer: Mapping[str, Any]) -> State:
    return State(
        status=answer["status"],
        reason=answer["reason"],
        attempts_left=answer["attempts_left"],
        display_code=answer.get("display_code"),
        methods=frozenset(method["method"] for method in answer["methods"]),
        push_held=answer["push"]["state"] == "suppressed",
        result_token=answer.get("result_token"),
    )
