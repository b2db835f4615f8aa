"""What is known of models of authenticators, and what that makes of those already enrolled."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mfa_service.domain.attestation import Model, Standing
from mfa_service.domain.authenticator import Authenticator, SuspendedBy
from mfa_service.domain.challenge import WEBAUTHN
from mfa_service.domain.events import Event
from mfa_service.factors import webauthn
from mfa_service.factors.webauthn_metadata import Metadata
from mfa_service.persistence import audit, metadata, queries, states
from mfa_service.persistence.consume import lock_user
from mfa_service.persistence.metadata import StoredModel
from mfa_service.persistence.tries import change_attributes

from .foundation import Foundation

_FRESH_SECONDS = 60
_PAGE = 500
_DAY = 86_400


class MetadataRolledBack(ValueError):
    """A BLOB is older than one that was imported: what it revoked since would come back."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did. `overdue`: the publisher promised a newer BLOB for before now."""

    models: int
    forgotten: int
    no: int | None
    overdue: bool


@dataclass(frozen=True, slots=True)
class Reassessed:
    """How many credentials were judged anew, which changed, and which are banned now."""

    seen: int
    changed: int
    suspended: int


class ModelService:
    """The operator's use cases around attestation, and the models that a registration needs."""

    def __init__(self, foundation: Foundation) -> None:
        self._f = foundation
        self._known: tuple[int, Mapping[str, Model]] = (-_FRESH_SECONDS, {})

    def current(self) -> Mapping[str, Model]:
        """Return the models by AAGUID, at most 60 s old: other processes import."""
        at = self._f.clock.now()
        read_at, known = self._known
        if not 0 <= at - read_at < _FRESH_SECONDS:
            known = self._read()
            self._known = (at, known)
        return known

    def all(self) -> list[StoredModel]:
        """Return every model with where it comes from, by AAGUID."""
        with self._f.work.reading() as tx:
            return metadata.models(tx)

    def import_models(self, found: Metadata) -> Imported:
        """Store what a file says, in place of what earlier BLOBs said.

        Raises `MetadataRolledBack` for a BLOB with a lower serial number than the last one.
        """
        at, forgotten = self._f.clock.now(), 0
        with self._f.work.transaction() as tx:
            if not metadata.write_models(tx, found.models, no=found.no, at=at):
                raise MetadataRolledBack
            if found.no is not None:
                if not metadata.is_latest(tx, found.no, at=at):
                    raise MetadataRolledBack
                forgotten = metadata.forget_before(tx, found.no)
            result = "unsigned" if found.no is None else f"no={found.no}"
            audit.record(tx, audit.Entry(Event.ADMIN_METADATA_IMPORT, at, result=result))
        overdue = found.next_update is not None and found.next_update + _DAY < at
        return Imported(len(found.models), forgotten, found.no, overdue)

    def reassess(self) -> Reassessed:
        """Judge every enrolled credential by the metadata and lists of now.

        Its standing rises or falls; one of a banned model is suspended by `admin`. May run beside
        sign-ins and beside itself: each credential has a short transaction of its own.
        """
        models, seen, changed, suspended = self._read(), 0, 0, 0
        for authenticator in self._enrolled():
            seen += 1
            standing = self._judged(authenticator, models)
            if standing is None:
                suspended += self._ban(authenticator)
            elif standing != authenticator.attributes.get("standing"):
                changed += 1
                self._raise_or_lower(authenticator, standing)
        return Reassessed(seen, changed, suspended)

    def _read(self) -> Mapping[str, Model]:
        with self._f.work.reading() as tx:
            return {stored.model.aaguid: stored.model for stored in metadata.models(tx)}

    def _enrolled(self) -> Iterator[Authenticator]:
        """Yield what may be used now or again, page by page: no cursor outlives a transaction."""
        after = ""
        while True:
            with self._f.work.reading() as tx:
                page = queries.listed_of_type(tx, WEBAUTHN, after=after, most=_PAGE)
            yield from page
            if len(page) < _PAGE:
                return
            after = page[-1].id

    def _judged(self, found: Authenticator, models: Mapping[str, Model]) -> Standing | None:
        credential = self._f.credential_of(found)
        return webauthn.reassessed(credential, policy=self._f.attestation, models=models)

    def _ban(self, found: Authenticator) -> bool:
        """Suspend it; tell whether it was active until now."""
        at = self._f.clock.now()
        with self._f.work.transaction() as tx:
            lock_user(tx, found.user_id)
            done = states.suspend(tx, found.id, SuspendedBy.ADMIN, at=at)
            if done:
                audit.record(tx, _entry(Event.AUTHENTICATOR_SUSPEND, found, at, result="model"))
        self._f.tell(user_id=found.user_id)
        return done

    def _raise_or_lower(self, found: Authenticator, standing: Standing) -> None:
        """Write what it is worth from now on."""
        at = self._f.clock.now()
        with self._f.work.transaction() as tx:
            lock_user(tx, found.user_id)
            change_attributes(tx, found.id, {"standing": standing.value})
            audit.record(tx, _entry(Event.AUTHENTICATOR_REASSESS, found, at, result=standing))
        self._f.tell(user_id=found.user_id)


def _entry(event: Event, found: Authenticator, at: int, *, result: str) -> audit.Entry:
    return audit.Entry(event, at, user_id=found.user_id, authenticator_id=found.id, result=result)
