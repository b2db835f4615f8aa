"""Subjects, made on first use."""

from mfa_service.domain.ids import new_user_id
from mfa_service.domain.subject import Subject
from mfa_service.persistence import queries
from mfa_service.persistence.consume import insert_once
from mfa_service.persistence.models import User as UserRow

from .foundation import Foundation


def known(foundation: Foundation, realm: str, sub: str) -> Subject | None:
    """Return a subject of a realm, made now if there was none; `None` while it is erased."""
    with foundation.work.reading() as tx:
        subject = queries.subject_by_sub(tx, realm, sub)
    if subject is not None:
        return subject
    row = {"id": new_user_id(foundation.randomness), "realm": realm, "sub": sub}
    with foundation.work.transaction() as tx:
        insert_once(tx, UserRow, row | {"created_at": foundation.clock.now(), "revision": 0})
        return queries.subject_by_sub(tx, realm, sub)
