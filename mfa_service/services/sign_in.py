"""Sign-in to self-service at the login issuer: code flow with PKCE, state and nonce (S 7.1)."""

import json
from dataclasses import dataclass, field

from mfa_service.domain.errors import NotFound
from mfa_service.domain.ports import JsonObject, LoginProvider, LoginRefused, SealBroken
from mfa_service.domain.session import BeganBy
from mfa_service.jose import JoseError, b64url, unb64url
from mfa_service.persistence.consume import lock_user, remember_token

from . import subjects
from .foundation import Foundation
from .sessions import Beginning, Browser, SessionService

RETURN_PATH = "/account/signed-in"
LIFETIME = 600
_HOLDER = "sign_in"


@dataclass(frozen=True, slots=True)
class LoginIssuer:
    """Where people sign in, under which name it speaks, and whose realm they are of."""

    provider: LoginProvider
    issuer: str
    realm: str


@dataclass(frozen=True, slots=True)
class Begun:
    """Where to send the browser, and what it has to keep meanwhile."""

    url: str = field(repr=False)
    kept: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the browser brought back from the login issuer, and what it had kept."""

    kept: str | None = field(repr=False)
    state: str | None = field(repr=False)
    code: str | None = field(repr=False)
    issuer: str | None


class SignInService:
    """Use cases behind the sign-in button of self-service."""

    def __init__(
        self, foundation: Foundation, login: LoginIssuer | None, sessions: SessionService
    ) -> None:
        self._f = foundation
        self._login = login
        self._sessions = sessions

    @property
    def offered(self) -> bool:
        """Whether people can sign in here at all."""
        return self._login is not None

    def begin(self) -> Begun:
        """Return where the person signs in. State, nonce and verifier are kept by the browser only.

        They are sealed, good for 600 s, and used once. Raises `NotFound` without login issuer,
        `Unavailable` while it does not answer.
        """
        login = self._needed()
        state, nonce, verifier = (b64url(self._f.randomness.bytes(32)) for _ in range(3))
        url = login.provider.authorization_url(
            redirect_uri=self._redirect_uri, state=state, nonce=nonce, verifier=verifier
        )
        until = self._f.clock.now() + LIFETIME
        kept = json.dumps({"nonce": nonce, "verifier": verifier, "until": until})
        sealed = self._f.secret_box.seal(kept.encode(), place=_place(state))
        return Begun(url, b64url(sealed))

    def finish(self, answer: Answer, browser: Browser) -> str:
        """Return the cookie of a new session of whom the login issuer vouches for.

        Only the browser that began can finish (login CSRF), once (`state`), with an answer of
        the issuer that was asked (RFC 9207). Raises `LoginRefused` or `Unavailable`.
        """
        login, at = self._needed(), self._f.clock.now()
        kept, until = self._kept(answer, at=at)
        if answer.issuer not in {None, login.issuer}:
            raise LoginRefused("another issuer answers")
        if not answer.code:
            raise LoginRefused("no code")
        with self._f.work.transaction() as tx:
            if not remember_token(tx, _HOLDER, str(answer.state), until=until):
                raise LoginRefused("used before")
        sub = login.provider.redeem(
            code=answer.code,
            redirect_uri=self._redirect_uri,
            verifier=str(kept["verifier"]),
            nonce=str(kept["nonce"]),
        )
        subject = subjects.known(self._f, login.realm, sub)
        with self._f.work.transaction() as tx:
            if subject is None or lock_user(tx, subject.user.id) is None:
                raise LoginRefused("the subject is being erased")
            return self._sessions.begin(
                tx, subject.user.id, Beginning(BeganBy.LOGIN), browser, at=at
            )

    @property
    def _redirect_uri(self) -> str:
        return self._f.issuer + RETURN_PATH

    def _needed(self) -> LoginIssuer:
        if self._login is None:
            raise NotFound
        return self._login

    def _kept(self, answer: Answer, *, at: int) -> tuple[JsonObject, int]:
        """Return what this browser kept under this `state` and until when it is good, if it is."""
        try:
            sealed = unb64url(answer.kept)
            opened = self._f.secret_box.open(sealed, place=_place(answer.state or ""))
        except (JoseError, SealBroken) as exc:
            raise LoginRefused("nothing was begun here with this state") from exc
        kept: JsonObject = json.loads(opened)
        until = kept["until"]
        if not isinstance(until, int) or at >= until:
            raise LoginRefused("too late")
        return kept, until


def _place(state: str) -> str:
    """Return the place of one sign-in: what was kept opens only with the `state` it began with."""
    return f"sign_in|begun|{state}"
