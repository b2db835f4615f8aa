"""The CIBA grant: an `auth_req_id` becomes tokens, once (CIBA Core §10.1, §11)."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row

from mfa_service.domain.challenge import Status
from mfa_service.domain.errors import NotFound
from mfa_service.domain.oauth import Kind, OAuthError
from mfa_service.domain.subject import Client
from mfa_service.persistence import authorizations

from .authorizations import NEEDED_SCOPE, AuthorizationService
from .ciba import HANDLE_PURPOSE
from .foundation import Foundation
from .grants import GrantService, invalid_grant
from .user_tokens import UserTokens, UserTokenService

GRANT_TYPE = "urn:openid:params:grant-type:ciba"
SLOWER_BY = 5
_AUTH_REQ_ID = "urn:openid:params:jwt:claim:auth_req_id"
_REFUSALS = {
    Status.DENIED: ("access_denied", "The person said no."),
    Status.CANCELLED: ("access_denied", "The request was withdrawn."),
    Status.FAILED: ("access_denied", "The level was not reached."),
    Status.EXPIRED: ("expired_token", "The time was up."),
}


class CibaGrant:
    """Answers clients that poll."""

    def __init__(
        self,
        foundation: Foundation,
        authorizations_: AuthorizationService,
        tokens: UserTokenService,
        grants: GrantService,
    ) -> None:
        self._f = foundation
        self._authorizations = authorizations_
        self._tokens = tokens
        self._grants = grants

    def exchange(self, client: Client, handle: str, resources: Sequence[str]) -> UserTokens:
        """Return the tokens of a satisfied request, once.

        Raises `OAuthError`: `authorization_pending`, `slow_down` (and waits 5 s more from then
        on), `expired_token`, `access_denied`, `invalid_grant`, `unauthorized_client`.
        """
        if NEEDED_SCOPE not in client.scopes:
            raise OAuthError("unauthorized_client", f"The client lacks {NEEDED_SCOPE}.")
        row = self._row(client, handle)
        try:
            proven = self._authorizations.proven(row)
        except NotFound as exc:
            raise invalid_grant() from exc
        status, at = proven.challenge.status, self._f.clock.now()
        if status is Status.PENDING:
            raise self._pending(row, at=at)
        if status is not Status.SATISFIED:
            raise OAuthError(*_REFUSALS[status])
        if row.redeemed_at is None and at >= row.handle_until:
            raise OAuthError(*_REFUSALS[Status.EXPIRED])
        tokens = self._tokens.issue(proven, row.id, resources, **{_AUTH_REQ_ID: handle})
        self._grants.redeem(proven, row.id)
        return tokens

    def _row(self, client: Client, handle: str) -> Row[Any]:
        hashes = self._f.keyed_hash.every(handle, purpose=HANDLE_PURPOSE)
        with self._f.work.reading() as tx:
            row = authorizations.find_by_handle(tx, hashes)
        if row is None or row.client_id != client.id or row.kind != Kind.CIBA:
            raise invalid_grant()
        return row

    def _pending(self, row: Row[Any], *, at: int) -> OAuthError:
        with self._f.work.transaction() as tx:
            in_time = authorizations.poll(tx, row.id, at=at, slower_by=SLOWER_BY)
        if in_time:
            return OAuthError("authorization_pending", "The person has not answered yet.")
        return OAuthError("slow_down", "Wait five seconds longer between requests.")
