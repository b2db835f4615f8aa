"""Rows that other tables can refer to, for clients that a directory administers.

Enrollments and account links refer to a row of `client`. A client of a directory is none of ours
and must not look like one, so its row has no scope, which no client of ours lacks: queries leave
it out, and it can prove nothing.
"""

from sqlalchemy import Connection

from mfa_service.domain.subject import Client as ClientValue

from .consume import insert_once
from .models import Client


def refer_to(tx: Connection, client: ClientValue, *, at: int) -> None:
    """Make sure that rows can refer to a client of a directory."""
    row = {
        "id": client.id,
        "name": client.name,
        "realm": client.realm,
        "scopes": "",
        "redirect_uris": "",
        "origins": "",
        "resources": "",
        "secret_hash": None,
        "jwks": None,
        "created_at": at,
        "disabled_at": None,
    }
    insert_once(tx, Client, row)
