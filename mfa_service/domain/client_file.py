"""Clients as a TOML file wants them: `[[client]]`, each known by its realm and its name.

No secret has a place in the file.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .toml_table import Table, TomlInvalid, parsed, tables_of

_MEMBERS = frozenset(
    {
        "name",
        "realm",
        "scopes",
        "redirect_uris",
        "origins",
        "resources",
        "jwks",
        "jwks_file",
        "disabled",
        "metadata",
    }
)
Jwks = Mapping[str, object]
ReadJwks = Callable[[str], Jwks]


@dataclass(frozen=True, slots=True)
class DeclaredClient:
    """One client of the file; `number` is its table's.

    Without `jwks` it proves itself with a secret. `disabled` is `None` where the file does not
    say: it is left as it is.
    """

    number: int
    name: str
    realm: str
    scopes: tuple[str, ...]
    redirect_uris: tuple[str, ...]
    origins: tuple[str, ...]
    resources: tuple[str, ...]
    jwks: Jwks | None
    disabled: bool | None
    metadata: Mapping[str, object]

    @property
    def key(self) -> tuple[str, str]:
        """What makes it the same client at the next reading."""
        return self.realm, self.name


def clients_from_toml(
    text: str, read_jwks: ReadJwks
) -> tuple[tuple[DeclaredClient, ...], list[str]]:
    """Return what every `[[client]]` says, and every fault of its form.

    `read_jwks` reads a `jwks_file` and raises `ValueError` with what is wrong, without its content.
    Raises `TomlInvalid` if the text has no such tables at all. Whether the values are good is the
    use case's to judge: faults of both are told at once.
    """
    tables = tables_of(parsed(text, "client"), "client")
    if not tables:
        raise TomlInvalid(["has no [[client]]"])
    declared = tuple(_declared(table, read_jwks) for table in tables)
    return declared, [fault for table in tables for fault in table.faults] + _twice(declared)


def _declared(table: Table, read_jwks: ReadJwks) -> DeclaredClient:
    table.know(_MEMBERS)
    name, realm = table.text("name"), table.text("realm")
    table.check(name is not None, "name is needed")
    return DeclaredClient(
        number=table.number,
        name=name or "",
        realm=realm or "default",
        scopes=table.words("scopes"),
        redirect_uris=table.texts("redirect_uris"),
        origins=table.texts("origins"),
        resources=table.texts("resources"),
        jwks=_jwks(table, read_jwks),
        disabled=table.choice("disabled"),
        metadata=table.mapping("metadata") or {},
    )


def _jwks(table: Table, read_jwks: ReadJwks) -> Jwks | None:
    inside: dict[str, Any] | None = table.mapping("jwks")
    file = table.text("jwks_file")
    table.check(inside is None or file is None, "jwks and jwks_file exclude each other")
    if file is None:
        return _as_json(table, inside)
    try:
        return read_jwks(file)
    except ValueError as exc:
        table.check(held=False, text=f"jwks_file {exc}")
        return None


def _as_json(table: Table, inside: dict[str, Any] | None) -> Jwks | None:
    """Return a JWK set as JSON would give it: TOML knows dates, too."""
    try:
        found: dict[str, object] | None = json.loads(json.dumps(inside, allow_nan=False))
    except (TypeError, ValueError):
        table.check(held=False, text="jwks holds what JSON does not know")
        return None
    return found


def _twice(declared: tuple[DeclaredClient, ...]) -> list[str]:
    first: dict[tuple[str, str], int] = {}
    return [
        f"client {client.number}: name is that of client {first[client.key]} in the same realm"
        for client in declared
        if client.name and first.setdefault(client.key, client.number) != client.number
    ]
