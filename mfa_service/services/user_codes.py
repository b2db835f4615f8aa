"""The secret with which a person lets CIBA clients ask them (CIBA Core §7.1, `user_code`)."""

from mfa_service.domain.events import Event
from mfa_service.domain.oauth import OAuthError
from mfa_service.domain.subject import Client
from mfa_service.persistence import audit, user_codes

from .foundation import Foundation
from .tokens import Caller
from .users import UserService


class UserCodeService:
    """Sets user codes and judges them."""

    def __init__(self, foundation: Foundation) -> None:
        self._f = foundation
        self._users = UserService(foundation)

    def change(self, caller: Caller, user_id: str, code: str | None) -> None:
        """Set the code of a user of the caller's realm, or take it away; raise `NotFound`."""
        user, at = self._users.read(caller, user_id).user, self._f.clock.now()
        hashed = None if code is None else self._f.keyed_hash.of(code, purpose=_purpose(user.id))
        entry = audit.Entry(Event.USER_CODE_CHANGE, at, client_id=caller.client.id, user_id=user.id)
        with self._f.work.transaction() as tx:
            user_codes.write(tx, user.id, hashed)
            audit.record(tx, entry)

    def check(self, client: Client, sub: str, given: str | None) -> None:
        """Let a request pass if the person has no code, or if this is it.

        Only clients that registered to send one are asked for it. Raises `OAuthError`
        `missing_user_code`, or `invalid_user_code`, also when too many wrong ones came.
        """
        if not client.metadata.backchannel_user_code_parameter:
            return
        with self._f.work.reading() as tx:
            row = user_codes.find(tx, client.realm, sub)
        if row is None or row.user_code_hash is None:
            return
        if given is None:
            raise OAuthError("missing_user_code", "This person has a user code.")
        limit = self._f.limits.code_failures
        with self._f.work.transaction() as tx:
            paid = user_codes.pay(tx, row.id, limit=limit)
        hashes = self._f.keyed_hash.every(given, purpose=_purpose(row.id))
        if not paid or row.user_code_hash not in hashes:
            raise OAuthError("invalid_user_code", "The user code is not right.")
        with self._f.work.transaction() as tx:
            user_codes.forgive(tx, row.id)
            if row.user_code_hash != hashes[0]:  # the first master key's: the one before can go
                user_codes.rehash(tx, row.id, row.user_code_hash, hashes[0])


def _purpose(user_id: str) -> str:
    return f"user_code|{user_id}"
