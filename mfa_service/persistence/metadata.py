"""The table of models of authenticators, as FIDO metadata files fill it."""

import json
from base64 import b64decode, b64encode
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from mfa_service.domain.attestation import Model

from .consume import insert_once
from .models import AuthenticatorModel, MetadataBlob


@dataclass(frozen=True, slots=True)
class StoredModel:
    """A model, the serial number of the signed BLOB that told of it, and when it was imported."""

    model: Model
    no: int | None
    imported_at: int


def models(tx: Connection) -> list[StoredModel]:
    """Return every model, by its AAGUID."""
    rows = tx.execute(select(AuthenticatorModel.__table__).order_by(AuthenticatorModel.aaguid))
    return [
        StoredModel(_model_from(row.aaguid, row.statement), row.no, row.imported_at) for row in rows
    ]


def write_models(tx: Connection, found: Iterable[Model], *, no: int | None, at: int) -> bool:
    """Write models over those of the same AAGUID; tell whether none came from a later BLOB.

    `no` is `None` for what the operator vouches for: it replaces anything. The caller rolls back
    when told that there was a later one.
    """
    insert = postgresql.insert if tx.dialect.name == "postgresql" else sqlite.insert
    statement = insert(AuthenticatorModel)
    replaced = {name: statement.excluded[name] for name in ("statement", "no", "imported_at")}
    before = AuthenticatorModel.no
    earlier = or_(before.is_(None), before <= no) if no is not None else None
    upsert = statement.on_conflict_do_update(
        index_elements=["aaguid"], set_=replaced, where=earlier
    ).returning(AuthenticatorModel.aaguid)
    for model in found:
        row = {"aaguid": model.aaguid, "statement": _json_from(model), "no": no, "imported_at": at}
        if tx.execute(upsert, row).one_or_none() is None:
            return False
    return True


def is_latest(tx: Connection, no: int, *, at: int) -> bool:
    """Note that a BLOB is imported; tell whether no later one ever was, whatever became of it."""
    insert_once(tx, MetadataBlob, {"no": no, "imported_at": at})
    return tx.scalar(select(func.max(MetadataBlob.no))) == no


def forget_before(tx: Connection, no: int) -> int:
    """Delete what only earlier BLOBs told of; return how many models that were."""
    statement = delete(AuthenticatorModel).where(AuthenticatorModel.no < no)
    return len(tx.scalars(statement.returning(AuthenticatorModel.aaguid)).all())


def _json_from(model: Model) -> str:
    return json.dumps(
        {
            "description": model.description,
            "roots": [b64encode(root).decode("ascii") for root in model.roots],
            "key_protection": sorted(model.key_protection),
            "statuses": sorted(model.statuses),
        }
    )


def _model_from(aaguid: str, statement: str) -> Model:
    members = json.loads(statement)
    return Model(
        aaguid,
        members["description"],
        roots=tuple(b64decode(root) for root in members["roots"]),
        key_protection=frozenset(members["key_protection"]),
        statuses=frozenset(members["statuses"]),
    )
