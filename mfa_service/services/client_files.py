"""Clients from a file: first what would change, then exactly that, in one transaction."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum

from sqlalchemy import Connection

from mfa_service.domain.client_file import DeclaredClient
from mfa_service.domain.client_metadata import ClientMetadata
from mfa_service.domain.events import Event
from mfa_service.domain.subject import Client
from mfa_service.domain.toml_table import TomlInvalid
from mfa_service.persistence import audit, clients, queries

from .clients import ClientService, NewClient, Registered, columns_of, faults_of
from .foundation import Foundation
from .own_client import is_own

_IN_THE_FILE = {
    "scope": "scopes",
    "redirect_uri": "redirect_uris",
    "origin": "origins",
    "resource": "resources",
}
_OF_ITSELF = frozenset({"name", "realm", "jwks", *_IN_THE_FILE})


class PlanOutdated(Exception):
    """Clients were changed since the plan was made; nothing was written."""


class Action(StrEnum):
    """What a step does to a client."""

    CREATE = "create"
    CHANGE = "change"
    DISABLE = "disable"


@dataclass(frozen=True, slots=True)
class Change:
    """One member of a client, in the words of the file; `old` is `None` for a new client."""

    member: str
    old: object
    new: object


@dataclass(frozen=True, slots=True)
class Step:
    """What happens to one client: a new one has no id yet, and one to disable is not declared."""

    action: Action
    realm: str
    name: str
    client_id: str | None
    changes: tuple[Change, ...]
    declared: DeclaredClient | None


@dataclass(frozen=True, slots=True)
class Plan:
    """What would change. `same` are as the file says; `others` are not in it and left alone."""

    steps: tuple[Step, ...]
    same: tuple[Client, ...]
    others: tuple[Client, ...]
    prune: bool

    def __bool__(self) -> bool:
        """Tell whether anything would change."""
        return bool(self.steps)


class ClientFiles:
    """Makes the clients of this service what a file says; those of a directory are not looked at.

    A client is found by realm and name. What the file does not say is the default, except
    `disabled`: who was disabled in an emergency is not enabled by a file that does not ask for it.
    """

    def __init__(self, foundation: Foundation, service: ClientService) -> None:
        self._f = foundation
        self._clients = service

    def plan(self, declared: Sequence[DeclaredClient], *, prune: bool = False) -> Plan:
        """Return what would change, with `prune` to disable every other client too.

        The clients of the file have to be without `faults`. Raises `TomlInvalid` when it cannot be
        said which client is meant.
        """
        with self._f.work.reading() as tx:
            return _plan(declared, queries.clients(tx), prune=prune)

    def apply(self, declared: Sequence[DeclaredClient], plan: Plan) -> tuple[Registered, ...]:
        """Do all of a plan or nothing; return whoever has a new secret, or is new.

        Raises `PlanOutdated` when the plan would be another one by now: of two appliers one wins.
        """
        with self._f.work.transaction() as tx:
            clients.lock(tx)
            if _plan(declared, queries.clients(tx), prune=plan.prune) != plan:
                raise PlanOutdated
            done = [self._do(tx, step) for step in plan.steps]
        return tuple(registered for registered in done if registered is not None)

    def _do(self, tx: Connection, step: Step) -> Registered | None:
        declared, client_id = step.declared, step.client_id
        if declared is None:
            self._disable(tx, client_id or "")
            return None
        if client_id is None:
            return self._clients.insert(tx, _new(declared), disabled=declared.disabled is True)
        return self._change(tx, step, client_id, declared)

    def _disable(self, tx: Connection, client_id: str) -> None:
        at = self._f.clock.now()
        clients.change(tx, client_id, {"disabled_at": at})
        audit.record(tx, audit.Entry(Event.ADMIN_CLIENT_DISABLE, at, client_id=client_id))

    def _change(
        self, tx: Connection, step: Step, client_id: str, declared: DeclaredClient
    ) -> Registered | None:
        """Write what the file says; who had keys and has none any more gets a secret."""
        changed, at = {change.member: change for change in step.changes}, self._f.clock.now()
        values, secret = columns_of(_new(declared)), None
        if "disabled" in changed:
            values["disabled_at"] = at if declared.disabled else None
        if "jwks" in changed:
            secret = None if declared.jwks else self._clients.new_secret()
            values["secret_hash"] = self._clients.hash_of(client_id, secret) if secret else None
        clients.change(tx, client_id, values)
        entry = audit.Entry(
            Event.ADMIN_CLIENT_CHANGE, at, client_id=client_id, reason=" ".join(changed)
        )
        audit.record(tx, entry)
        client = queries.client(tx, client_id)
        return Registered(client, secret) if client and secret else None


def faults(declared: Iterable[DeclaredClient], of_form: Sequence[str]) -> list[str]:
    """Return every fault of a file, in the order of its tables: those of form, and of values.

    A value whose form is wrong already is not judged again.
    """
    judged = {
        client.number: [
            fault
            for member, fault in _faults(client)
            if not any(text.startswith(f"client {client.number}: {member} ") for text in of_form)
        ]
        for client in declared
    }
    found = [*of_form, *(f"client {n}: {text}" for n, texts in judged.items() for text in texts)]
    return sorted(found, key=lambda text: int(text.split(":")[0].rpartition(" ")[2]))


def _faults(declared: DeclaredClient) -> Iterator[tuple[str, str]]:
    for name, texts in faults_of(_new(declared)):
        member = _IN_THE_FILE.get(name, name if name in _OF_ITSELF else f"metadata.{name}")
        yield member, f"{member}: {' '.join(texts)}"


def _new(declared: DeclaredClient) -> NewClient:
    return NewClient(
        name=declared.name,
        scopes=declared.scopes,
        realm=declared.realm,
        redirect_uris=declared.redirect_uris,
        origins=declared.origins,
        resources=declared.resources,
        jwks=declared.jwks,
        metadata=declared.metadata,
    )


def _plan(declared: Sequence[DeclaredClient], known: Iterable[Client], *, prune: bool) -> Plan:
    """Compare; the service itself, as a client, is nobody's to declare."""
    ours = [client for client in known if not is_own(client)]
    meant = _meant(declared, ours)
    steps, same = [], []
    for wanted in declared:
        found = meant.get(wanted.key)
        changes = _changes(found, wanted)
        if found is not None and not changes:
            same.append(found)
            continue
        action, client_id = (Action.CHANGE, found.id) if found else (Action.CREATE, None)
        steps.append(Step(action, wanted.realm, wanted.name, client_id, changes, wanted))
    named = {client.id for client in meant.values()}
    others = [client for client in ours if client.id not in named]
    pruned = [client for client in others if prune and not client.disabled]
    steps += [_disabling(client) for client in pruned]
    left = tuple(client for client in others if client not in pruned)
    return Plan(tuple(steps), tuple(same), left, prune)


def _meant(
    declared: Sequence[DeclaredClient], ours: Sequence[Client]
) -> dict[tuple[str, str], Client]:
    """Return the client of each name: of several the only enabled one, if there is one."""
    found: dict[tuple[str, str], Client] = {}
    unclear = []
    for wanted in declared:
        namesakes = [client for client in ours if (client.realm, client.name) == wanted.key]
        enabled = [client for client in namesakes if not client.disabled]
        candidates = namesakes if len(namesakes) == 1 else enabled
        if len(candidates) == 1:
            found[wanted.key] = candidates[0]
        elif namesakes:
            ids = ", ".join(client.id for client in namesakes)
            unclear.append(
                f"client {wanted.number}: name is that of {len(namesakes)} clients of the realm, "
                f"of which not exactly one is enabled ({ids}): disable others, or take a new name"
            )
    if unclear:
        raise TomlInvalid(unclear)
    return found


def _disabling(client: Client) -> Step:
    change = (Change("disabled", old=False, new=True),)
    return Step(Action.DISABLE, client.realm, client.name, client.id, change, None)


def _changes(found: Client | None, wanted: DeclaredClient) -> tuple[Change, ...]:
    """Return what differs; of a new client what is no default."""
    old = _members(found) if found else {}
    base = old if found else {**_members(_EMPTY), "scopes": None}
    return tuple(
        Change(member, old.get(member), new)
        for member, new in _wanted(wanted, found).items()
        if base.get(member) != new
    )


_EMPTY = Client("", "", "", ())


def _wanted(declared: DeclaredClient, found: Client | None) -> dict[str, object]:
    left = found.disabled if found else False
    client = Client(
        id="",
        name=declared.name,
        realm=declared.realm,
        scopes=declared.scopes,
        redirect_uris=declared.redirect_uris,
        origins=declared.origins,
        resources=declared.resources,
        disabled=left if declared.disabled is None else declared.disabled,
        jwks=declared.jwks,
        metadata=ClientMetadata.from_mapping(declared.metadata),
    )
    return _members(client)


def _members(client: Client) -> dict[str, object]:
    return {
        "scopes": list(client.scopes),
        "redirect_uris": list(client.redirect_uris),
        "origins": list(client.origins),
        "resources": list(client.resources),
        "jwks": client.jwks,
        "disabled": client.disabled,
        **{f"metadata.{name}": value for name, value in asdict(client.metadata).items()},
    }
