"""Clients in an LDAP directory (contract section 9): found by search, proven by bind.

Imported only when MFA_LDAP_URL is set, so that without it nothing waits for ldap3 to load. No DN
is ever made from what a caller sent; a DN comes from the server and goes back to it.
"""

import logging
from collections.abc import Iterable, Iterator

from mfa_service.domain.client_directory import DirectoryMapping, DirectoryServer, Nesting
from mfa_service.domain.ports import DirectoryFault, Listed
from mfa_service.domain.subject import Client, Source
from mfa_service.domain.text import has_control, is_token, misleads

from . import ldap_filter
from .ldap_pool import Pool, Turns
from .ldap_session import Entry, Search, Session

MOST_GROUPS = 500
DEEPEST = 10
_IN_CHAIN = "1.2.840.113556.1.4.1941"
_AT_ONCE = 50
_LONGEST_ID = 255
_LONGEST_NAME = 128
logger = logging.getLogger(__name__)


class LdapDirectory:
    """`ClientDirectory` over one server, for any number of threads."""

    def __init__(self, server: DirectoryServer, mapping: DirectoryMapping) -> None:
        self._server = server
        self._map = mapping
        turns = Turns(server.connections)
        self._searching = Pool(server, turns, self._sign_in)
        self._proving = Pool(server, turns, lambda _: None)

    def find(self, client_id: str) -> Listed | None:
        """Return the client, disabled ones too.

        Exactly one entry must have the id, as it is written there. An entry without a group that
        gives it a scope is somebody else's account and no client.
        """
        if not _is_showable(client_id, _LONGEST_ID):
            return None
        return self._searching.use(lambda session: self._read(session, client_id))

    def proves(self, listed: Listed, secret: str) -> bool:
        """Tell whether the secret is the entry's, by a bind; an empty one is never sent.

        Raises `DirectoryFault` when the directory does not say.
        """
        return bool(secret) and self._proving.use(
            lambda session: session.bind(listed.entry, secret)
        )

    def all(self) -> list[Listed]:
        """Return every client, by id; raise `DirectoryFault`."""
        return self._searching.use(self._read_all)

    def stands(self) -> bool:
        """Tell whether a connection to the directory is still there."""
        return self._searching.stands()

    def _sign_in(self, session: Session) -> None:
        """Bind as who may search; a refusal is a fault, since it is about us."""
        dn, password = self._server.bind_dn, self._server.bind_password
        if dn is not None and not session.bind(dn, password or ""):
            raise DirectoryFault("MFA_LDAP_BIND_DN is refused")

    def _read(self, session: Session, client_id: str) -> Listed | None:
        wanted = ldap_filter.equals(self._map.id_attribute, client_id)
        found = session.search(self._entries(wanted), most=1)
        if len(found.entries) != 1 or found.more:
            if found.entries:
                self._warn("ambiguous", client_id)
            return None
        entry = found.entries[0]
        if entry.of(self._map.id_attribute) != (client_id,):
            return None
        return self._listed(session, entry, disabled=not self._is_enabled(session, entry))

    def _read_all(self, session: Session) -> list[Listed]:
        entries = session.search_all(self._entries())
        enabled = {entry.dn for entry in session.search_all(self._entries(self._in_use()))}
        found = []
        for entry in entries:
            session.begin()
            listed = self._listed(session, entry, disabled=entry.dn not in enabled)
            found += [listed] if listed else []
        return sorted(found, key=lambda listed: listed.client.id)

    def _entries(self, *conditions: str) -> Search:
        known = f"(objectClass={self._map.object_class})"
        here = ldap_filter.both(known, f"({self._map.id_attribute}=*)", *conditions)
        return Search(self._map.base, here, (self._map.id_attribute, self._map.name_attribute))

    def _in_use(self) -> str:
        """Return what entries in use match."""
        return ldap_filter.negated(self._map.disabled) if self._map.disabled else "(objectClass=*)"

    def _is_enabled(self, session: Session, entry: Entry) -> bool:
        """Tell whether the server says that it is; what it cannot evaluate does not say so."""
        if not self._map.disabled:
            return True
        asked = Search(entry.dn, self._in_use(), only_base=True)
        return len(session.search(asked, most=1).entries) == 1

    def _listed(self, session: Session, entry: Entry, *, disabled: bool) -> Listed | None:
        ids = entry.of(self._map.id_attribute)
        usable = len(ids) == 1 and _is_showable(ids[0], _LONGEST_ID)
        scopes = self._scopes(session, entry) if usable else ()
        if not scopes:
            return None
        client = Client(
            id=ids[0],
            name=self._name(entry, ids[0]),
            realm=self._map.realm,
            scopes=scopes,
            resources=self._map.resources,
            disabled=disabled,
            source=Source.DIRECTORY,
        )
        return Listed(client, entry.dn)

    def _name(self, entry: Entry, otherwise: str) -> str:
        names = entry.of(self._map.name_attribute)
        return next((name for name in names if _is_showable(name, _LONGEST_NAME)), otherwise)

    def _scopes(self, session: Session, entry: Entry) -> tuple[str, ...]:
        """Return the scopes of all groups, sorted; none at all when there are too many groups."""
        groups = self._groups(session, entry.dn)
        if groups is None:
            self._warn("too many groups", entry.of(self._map.id_attribute)[0])
            return ()
        return tuple(sorted({scope for group in groups for scope in self._given_by(group)}))

    def _given_by(self, group: Entry) -> Iterator[str]:
        if self._map.scope_attribute is None:
            for name in group.of(self._map.group_name):
                yield from self._map.scopes.get(name, ())
            return
        for value in group.of(self._map.scope_attribute):
            yield from (scope for scope in value.split() if is_token(scope))

    def _groups(self, session: Session, dn: str) -> list[Entry] | None:
        """Return the groups that an entry is in, by others too; `None` for more than `MOST_GROUPS`.

        Each group is visited once, so circles end; beyond ten levels nothing is followed.
        """
        found: dict[str, Entry] = {}
        asked = [dn]
        for _ in range(DEEPEST if self._map.nesting is Nesting.WALK else 1):
            above: dict[str, Entry] = {}
            for some in _chunks(asked):
                groups = session.search(self._groups_of(some), most=MOST_GROUPS)
                if groups.more or len(found) + len(groups.entries) > MOST_GROUPS:
                    return None
                above |= {group.dn: group for group in groups.entries if group.dn not in found}
            found |= above
            asked = list(above)
            if not asked:
                break
        return list(found.values())

    def _groups_of(self, members: Iterable[str]) -> Search:
        member, names = self._map.member_attribute, self._map.scope_attribute
        if self._map.nesting is Nesting.CHAIN:
            one_of = [ldap_filter.matches(member, _IN_CHAIN, dn) for dn in members]
        else:
            one_of = [ldap_filter.equals(member, dn) for dn in members]
        known = f"(objectClass={self._map.group_class})"
        wanted = ldap_filter.both(known, ldap_filter.either(*one_of))
        return Search(self._map.group_base, wanted, (names or self._map.group_name,))

    def _warn(self, reason: str, client_id: str) -> None:
        extra = {"event": "directory", "reason": reason, "client_id": client_id}
        logger.warning("an entry of the directory is not used", extra=extra)


def _chunks(names: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(names), _AT_ONCE):
        yield names[start : start + _AT_ONCE]


def _is_showable(text: str, longest: int) -> bool:
    return 1 <= len(text) <= longest and not has_control(text) and not misleads(text)
