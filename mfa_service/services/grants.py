"""The authorization code grant: a code becomes tokens, once (RFC 6749 §4.1.3, RFC 7636 §4.6)."""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Row

from mfa_service import jose
from mfa_service.domain.challenge import Status
from mfa_service.domain.errors import NotFound
from mfa_service.domain.events import Event
from mfa_service.domain.oauth import Kind, OAuthError
from mfa_service.domain.subject import Client
from mfa_service.persistence import audit, authorizations

from .authorizations import CODE_PURPOSE, AuthorizationService
from .foundation import Foundation
from .user_tokens import Proven, UserTokens, UserTokenService


@dataclass(frozen=True, slots=True)
class CodeExchange:
    """What a client presents for a code."""

    code: str = field(repr=False)
    redirect_uri: str | None
    code_verifier: str = field(repr=False)
    resources: Sequence[str] = ()


class GrantService:
    """Redeems what an authorization yielded."""

    def __init__(
        self,
        foundation: Foundation,
        authorizations_: AuthorizationService,
        tokens: UserTokenService,
    ) -> None:
        self._f = foundation
        self._authorizations = authorizations_
        self._tokens = tokens

    def exchange(self, client: Client, given: CodeExchange) -> UserTokens:
        """Return the tokens of a code.

        Raises `OAuthError` `invalid_grant`, the same for every cause. A code that comes a second
        time was seen by somebody else: what it yielded is revoked (RFC 6749 §4.1.2).
        """
        hashes = self._f.keyed_hash.every(given.code, purpose=CODE_PURPOSE)
        with self._f.work.reading() as tx:
            row = authorizations.find_by_handle(tx, hashes)
        if row is None or row.client_id != client.id or row.kind != Kind.CODE:
            raise invalid_grant()
        proven = self._proven(row)
        target = proven.request.target
        if target is None or given.redirect_uri != target.redirect_uri:
            raise invalid_grant()
        if not _holds(given.code_verifier, proven.request.code_challenge):
            raise invalid_grant()
        tokens = self._tokens.issue(proven, row.id, given.resources)
        self.redeem(proven, row.id)
        return tokens

    def redeem(self, proven: Proven, key: str) -> None:
        """Use up an authorization; raise `invalid_grant`, and revoke it, if it was used before."""
        at = self._f.clock.now()
        entry = audit.about(proven.challenge, Event.AUTHORIZATION_REDEEM, at)
        with self._f.work.transaction() as tx:
            done = authorizations.redeem(tx, key, at=at)
            if done:
                audit.record(tx, entry)
        if done:
            return
        with self._f.work.transaction() as tx:
            row = authorizations.find(tx, key)
            if row is not None and row.redeemed_at is not None:
                entry = audit.about(proven.challenge, Event.AUTHORIZATION_REPLAY, at)
                if authorizations.revoke(tx, key, at=at):
                    audit.record(tx, entry)
        raise invalid_grant()

    def _proven(self, row: Row[Any]) -> Proven:
        try:
            proven = self._authorizations.proven(row)
        except NotFound as exc:
            raise invalid_grant() from exc
        if proven.challenge.status is not Status.SATISFIED:
            raise invalid_grant()
        return proven


def invalid_grant() -> OAuthError:
    """Return the refusal of a code or `auth_req_id`, which says nothing about why."""
    return OAuthError("invalid_grant", "It is unknown, over, used, or another client's.")


def _holds(verifier: str, challenge: str | None) -> bool:
    digest = jose.b64url(hashlib.sha256(verifier.encode()).digest())
    return hmac.compare_digest(digest.encode(), (challenge or "").encode())
