"""OpenID Connect's front channel: an authentic request becomes a challenge, its end an answer.

Nothing that is not authentic reaches a phone (contract section 10): a request was pushed by its
client, signed by its client, or carries a hint that a trusted issuer signed a moment ago.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Row

from mfa_service import jose
from mfa_service.domain import entra
from mfa_service.domain.challenge import Challenge, Status
from mfa_service.domain.errors import AcrUnattainable, NotFound
from mfa_service.domain.ids import new_authorization_id
from mfa_service.domain.oauth import AuthorizationRequest, Kind, OAuthError, Target
from mfa_service.domain.subject import Client
from mfa_service.persistence import authorizations

from .challenges import ChallengeService
from .client_authentication import ClientAuthentication
from .foundation import Foundation
from .opening import ChallengeRequest, OpeningService
from .user_tokens import Proven, UserTokenService

CODE_LIFETIME = 60
CODE_PURPOSE = "authorization_code"
RETURN_PATH = "/oauth2/return"
NEEDED_SCOPE = "mfa:challenge"
_DEFAULT_MAX_AGE = 3600
_UNMET = ("unmet_authentication_requirements", "Nothing that is enrolled reaches the level.")
_DENIED = ("access_denied", "The person said no.")
_REFUSALS = {
    Status.DENIED: _DENIED,
    Status.CANCELLED: ("access_denied", "The request was withdrawn."),
    Status.FAILED: ("unmet_authentication_requirements", "The level was not reached."),
    Status.EXPIRED: ("login_required", "The time was up."),
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What the browser carries to the client, and where."""

    target: Target
    parameters: Mapping[str, str] = field(repr=False)


class RequestRefused(Exception):
    """An authorization request of which the client may be told that it failed, and why."""

    def __init__(self, target: Target, error: OAuthError) -> None:
        super().__init__(error.error)
        self.target = target
        self.error = error


class AuthorizationOver(NotFound):
    """The answer was given already, and is not given twice."""

    status, title = 410, "This sign-in is finished"


class AuthorizationService:
    """Opens, follows and ends authorizations."""

    def __init__(
        self,
        foundation: Foundation,
        clients: ClientAuthentication,
        opening: OpeningService,
        challenges: ChallengeService,
        tokens: UserTokenService,
    ) -> None:
        self._f = foundation
        self._clients = clients
        self._opening = opening
        self._challenges = challenges
        self._tokens = tokens

    def open(self, client: Client, request: AuthorizationRequest) -> Challenge:
        """Return the challenge of a front-channel request, to be shown on the hosted page.

        Raises `OAuthError`: `unmet_authentication_requirements` for an unknown person, and for a
        level that is essential and out of reach.
        """
        at, key = self._f.clock.now(), new_authorization_id(self._f.randomness)
        self.keep(client, request, key, expires_at=at + request.expires_in)
        return self._opened(client, request, key)

    def waiting(self, key: str) -> AuthorizationRequest:
        """Return a request that was kept and has no challenge yet; raise `NotFound`."""
        return self._kept(key)[1]

    def resume(self, key: str) -> Challenge:
        """Return the challenge of a request that was kept before; raises as `open`, `NotFound`."""
        client, request = self._kept(key)
        return self._opened(client, request, key)

    def _kept(self, key: str) -> tuple[Client, AuthorizationRequest]:
        row, at = self._row(key), self._f.clock.now()
        if row is None or row.challenge_id is not None or row.expires_at <= at:
            raise NotFound
        client = self._clients.find(row.client_id)
        if client is None:
            raise NotFound
        return client, self._request_of(row)

    def _opened(self, client: Client, request: AuthorizationRequest, key: str) -> Challenge:
        asked = replace(
            self.challenge_request(client, request),
            return_uri=f"{self._f.issuer}{RETURN_PATH}",
            state=key,
        )
        try:
            challenge = self.open_challenge(client, asked, voluntary=not request.essential)
        except AcrUnattainable as exc:
            raise _refused(request.kind, *_UNMET) from exc
        with self._f.work.transaction() as tx:
            authorizations.tie(tx, key, challenge.id)
        return challenge

    def keep(
        self,
        client: Client,
        request: AuthorizationRequest,
        key: str,
        *,
        expires_at: int,
        poll_interval: int = 0,
        ping_at: int | None = None,
    ) -> None:
        """Write down an authentic request, sealed."""
        new = authorizations.NewAuthorization(
            id=key,
            client_id=client.id,
            kind=request.kind,
            request=self._f.secret_box.seal(request.to_json(), place=authorizations.place(key)),
            created_at=self._f.clock.now(),
            expires_at=expires_at,
            poll_interval=poll_interval,
            ping_at=ping_at,
        )
        with self._f.work.transaction() as tx:
            authorizations.write(tx, new)

    def challenge_request(self, client: Client, request: AuthorizationRequest) -> ChallengeRequest:
        """Return what the request asks of the person, in the level table's words."""
        max_age = _DEFAULT_MAX_AGE if request.max_age is None else request.max_age
        return ChallengeRequest(
            sub=request.sub,
            acr_values=client.dialect.understood(request.acr_values, self._f.levels),
            methods=entra.methods_for(request.amr_values),
            essential=True,
            prior_amr=request.prior.amr,
            prior_auth_time=request.prior.auth_time,
            max_age=max_age,
            binding_message=request.binding_message,
            expires_in=request.expires_in,
        )

    def open_challenge(
        self, client: Client, asked: ChallengeRequest, *, voluntary: bool
    ) -> Challenge:
        """Open it; what is asked voluntarily is demanded where it is in reach, and else left out.

        OpenID Connect Core §5.5.1.1. Raises `AcrUnattainable`.
        """
        try:
            return self._opening.open(client, asked)
        except AcrUnattainable:
            if not (voluntary and asked.acr_values):
                raise
        return self._opening.open(client, replace(asked, essential=False))

    def complete(self, key: str, challenge_id: str, return_code: str) -> Answer:
        """Return what the browser that opened the page carries back, once its challenge ended.

        Raises `NotFound` for a browser that did not, or too late, and `AuthorizationOver` when the
        client had its answer.
        """
        row = self._row(key)
        if row is None or row.challenge_id != challenge_id or row.kind == Kind.CIBA:
            raise NotFound
        proven = self.proven(row)
        challenge, target = proven.challenge, proven.request.target
        right = self._challenges.return_code(challenge)
        if not hmac.compare_digest(return_code.encode(), right.encode()):
            raise NotFound
        if target is None or challenge.status is Status.PENDING:
            raise NotFound
        status = challenge.status
        if status is Status.SATISFIED and not self._challenges.releases(challenge, return_code):
            status = Status.EXPIRED
        try:
            if status is not Status.SATISFIED:
                raise _refused(proven.request.kind, *_REFUSALS[status])
            return Answer(target, self._answered(row, proven) | self._envelope(target))
        except OAuthError as exc:
            return self.refusal(target, exc)

    def refusal(self, target: Target, error: OAuthError) -> Answer:
        """Return an error for the client (OpenID Connect Core §3.1.2.6, RFC 9207)."""
        told = {"error": error.error, "error_description": error.description}
        return Answer(target, told | self._envelope(target))

    def proven(self, row: Row[Any]) -> Proven:
        """Return an authorization with its client and challenge; raise `NotFound` without them."""
        client = self._clients.find(row.client_id)
        if client is None or row.challenge_id is None:
            raise NotFound
        challenge = self._challenges.read(client, row.challenge_id)
        return Proven(client, self._request_of(row), challenge)

    def _request_of(self, row: Row[Any]) -> AuthorizationRequest:
        text = self._f.secret_box.open(row.request, place=authorizations.place(row.id))
        return AuthorizationRequest.from_json(text)

    def _row(self, key: str) -> Row[Any] | None:
        with self._f.work.reading() as tx:
            return authorizations.find(tx, key)

    def _envelope(self, target: Target) -> dict[str, str]:
        state = {} if target.state is None else {"state": target.state}
        return {**state, "iss": self._f.issuer}

    def _answered(self, row: Row[Any], proven: Proven) -> dict[str, str]:
        code = self._code(row, proven)
        if proven.request.kind is Kind.CODE:
            return {"code": code}
        amr = entra.amr_of(proven.challenge.verified, proven.request.amr_values)
        if amr is None:
            raise _refused(Kind.ID_TOKEN, *_UNMET)
        acr = proven.request.returned_acr
        return {"id_token": self._tokens.id_token(proven, acr=acr, amr=[amr])}

    def _code(self, row: Row[Any], proven: Proven) -> str:
        """Return the code, 60 s from the first time; a browser that comes again gets the same.

        So a link that is opened twice does not look like a stolen code. Raises `AuthorizationOver`.
        """
        at, seed = self._f.clock.now(), proven.challenge.asked.seed
        code = jose.b64url(jose.derived(seed, f"code|{row.id}"))
        until = row.handle_until
        if row.handle_hash is None:
            until = at + CODE_LIFETIME
            hashed = self._f.keyed_hash.of(code, purpose=CODE_PURPOSE)
            with self._f.work.transaction() as tx:
                authorizations.give_handle(tx, row.id, hashed, until=until)
        if row.redeemed_at is not None or until <= at:
            raise AuthorizationOver
        return code


def _refused(kind: Kind, error: str, description: str) -> OAuthError:
    """Return a refusal in words that its caller knows: to Entra all of them are `access_denied`."""
    return OAuthError("access_denied" if kind is Kind.ID_TOKEN else error, description)
