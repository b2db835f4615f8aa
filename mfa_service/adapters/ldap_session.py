"""One connection to an LDAP server: protected before anything is said, bounded in time and size.

ldap3 writes and reads the messages. TLS, time-outs and bounds are here, because there they are by
single reads, and because a closed connection of ldap3 opens again by itself, without StartTLS.
"""

import contextlib
import socket
import ssl
import time
import warnings
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from pyasn1.error import PyAsn1Error

from mfa_service.domain.client_directory import DirectoryServer, Transport
from mfa_service.domain.ports import DirectoryBusy, DirectoryFault

from .bounded_stream import BoundedStream

with warnings.catch_warnings():
    # ldap3 2.9.1 imports two names of pyasn1 that have newer ones.
    warnings.filterwarnings("ignore", "(tag|type)Map is deprecated", DeprecationWarning)
    import ldap3
    from ldap3.core.exceptions import LDAPException
    from ldap3.protocol.sasl.sasl import validate_simple_password

T = TypeVar("T")

PAGE = 200
IDLE_SECONDS = 240
"""Shorter than what firewalls and directories keep silent connections for."""
_START_TLS = "1.3.6.1.4.1.1466.20037"
_LONGEST_SECRET = 1024
_SUCCESS, _SIZE_LIMIT = 0, 4
_GARBAGE = (ValueError, LookupError, TypeError, AttributeError)
"""What ldap3 stumbles over when an answer is no LDAP."""
_WRONG = frozenset({19, 32, 48, 49, 50, 53})
"""What a bind says of a secret that is wrong or an entry that may not bind (RFC 4511 App. A)."""


class ConnectionLost(DirectoryFault):
    """The connection broke; whether the server is well is not known."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of a search, with its values as text; those that are no UTF-8 are left out."""

    dn: str
    values: Mapping[str, tuple[str, ...]]

    def of(self, attribute: str) -> tuple[str, ...]:
        """Return the values of an attribute, whose name is not case-sensitive."""
        return self.values.get(attribute.lower(), ())


@dataclass(frozen=True, slots=True)
class Search:
    """What to look for, at `base` and below it, or there alone."""

    base: str
    filter: str
    attributes: Sequence[str] = ()
    only_base: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """Entries; `more` tells that there are others, which the server or we left out."""

    entries: tuple[Entry, ...]
    more: bool


class Session:
    """One connection. Not for several threads at once."""

    def __init__(self, server: DirectoryServer) -> None:
        """Connect, by TLS unless the server is `PLAIN`; raise `DirectoryFault`."""
        self._seconds = server.seconds
        self._began = 0.0
        self._connection = _connection(server)
        try:
            self._stream = BoundedStream(_protected(self._connection, server))
        except DirectoryFault:
            _drop(self._connection)
            raise
        self._connection.socket = self._stream
        self._end = weakref.finalize(self, _drop, self._connection)
        self.begin()

    def begin(self) -> None:
        """Give what follows its whole time."""
        self._began = time.monotonic()
        self._stream.allow(self._seconds)

    def is_out_of_time(self) -> bool:
        """Tell whether what was begun has used up its time."""
        return self._stream.is_out_of_time()

    def is_usable(self) -> bool:
        """Tell whether the connection looks as it was left, not too long ago."""
        fresh = time.monotonic() - self._began < IDLE_SECONDS
        return fresh and not self._connection.closed and self._stream.is_quiet()

    def close(self) -> None:
        """Hang up; a session that is forgotten does so by itself."""
        self._end()

    def bind(self, dn: str, secret: str) -> bool:
        """Tell whether this is the entry's secret (simple bind, RFC 4513 §5.1.3).

        An empty name or secret would be an anonymous bind, which always succeeds: it is refused
        here, unsent. Raises `DirectoryFault` if the server does not say.
        """
        if not dn or not secret or not _is_password(secret):
            return False
        try:
            self._ask(lambda connection: connection.rebind(dn, secret, read_server_info=False))
            code = self._code()
        finally:
            self._connection.password = self._connection.request = None
        if code not in {_SUCCESS, *_WRONG}:
            raise DirectoryBusy(f"bind: result {code}")
        return code == _SUCCESS

    def search(self, asked: Search, most: int) -> Found:
        """Return the entries, if there are at most `most`; none of another server is looked for.

        Raises `DirectoryFault` if the server does not say.
        """
        self._ask(lambda connection: connection.search(**_request(asked), size_limit=most + 1))
        code, entries = self._code(), self._entries()
        if code not in {_SUCCESS, _SIZE_LIMIT}:
            raise DirectoryFault(f"search: result {code}")
        return Found(entries, more=code == _SIZE_LIMIT or len(entries) > most)

    def search_all(self, asked: Search) -> list[Entry]:
        """Return every entry, page by page (RFC 2696), each page with its whole time."""
        found: list[Entry] = []
        cookie: bytes | None = None
        while True:
            self.begin()
            self._ask_page(asked, cookie)
            if self._code() != _SUCCESS:
                raise DirectoryFault(f"search: result {self._code()}")
            found += self._entries()
            cookie = self._cookie()
            if not cookie:
                return found

    def _ask_page(self, asked: Search, cookie: bytes | None) -> None:
        page = {"paged_size": PAGE, "paged_cookie": cookie}
        self._ask(lambda connection: connection.search(**_request(asked), **page))

    def _code(self) -> int:
        return int(self._connection.result["result"])

    def _entries(self) -> tuple[Entry, ...]:
        """Return what is here; references to other servers are left alone."""
        response = self._connection.response or ()
        return tuple(_entry(item) for item in response if item["type"] == "searchResEntry")

    def _cookie(self) -> bytes | None:
        controls = self._connection.result.get("controls") or {}
        paged = controls.get("1.2.840.113556.1.4.319")
        return paged["value"]["cookie"] if paged else None

    def _ask(self, call: Callable[[Any], object]) -> None:
        if self._connection.closed:  # ldap3 would open it again, in the clear
            raise ConnectionLost("closed")
        _translated(lambda: call(self._connection))


def _connection(server: DirectoryServer) -> Any:  # noqa: ANN401  # ldap3 has no types
    """Return a connection of ldap3; each has a Server of its own, which threads must not share."""
    target = ldap3.Server(
        server.host,
        port=server.port,
        get_info=ldap3.NONE,
        connect_timeout=server.seconds,
        allowed_referral_hosts=[],
    )
    return ldap3.Connection(
        target,
        client_strategy=ldap3.SYNC,
        auto_referrals=False,
        auto_range=False,
        check_names=False,
        receive_timeout=None,
        return_empty_attributes=False,
    )


def _protected(connection: Any, server: DirectoryServer) -> socket.socket:  # noqa: ANN401
    """Connect and return the socket, inside TLS where that is wanted; no secret was sent yet."""
    _translated(lambda: connection.open(read_server_info=False))
    if server.transport is Transport.PLAIN:
        return _plain(connection)
    if server.transport is Transport.STARTTLS:
        _translated(lambda: connection.extended(_START_TLS))
        if connection.result["result"] != _SUCCESS:
            raise DirectoryFault("StartTLS is refused")
    return _translated(lambda: _verified(_plain(connection), server))


def _plain(connection: Any) -> socket.socket:  # noqa: ANN401
    opened: socket.socket = connection.socket
    return opened


def _verified(plain: socket.socket, server: DirectoryServer) -> ssl.SSLSocket:
    """Return TLS with a server whose certificate holds and names it (RFC 4513 §3.1.3)."""
    context = ssl.create_default_context(cafile=server.ca)
    return context.wrap_socket(plain, server_hostname=server.host)


def _translated(call: Callable[[], T]) -> T:
    """Return what `call` does; what ldap3 and the socket raise is a `ConnectionLost`."""
    try:
        return call()
    except (LDAPException, PyAsn1Error, OSError, *_GARBAGE) as exc:
        raise ConnectionLost(type(exc).__name__) from exc


def _drop(connection: Any) -> None:  # noqa: ANN401
    stream = connection.socket
    with contextlib.suppress(LDAPException, OSError):
        connection.strategy.close()
    if stream is not None:  # ldap3 closes none that failed to connect
        stream.close()


def _request(asked: Search) -> dict[str, Any]:
    return {
        "search_base": asked.base,
        "search_filter": asked.filter,
        "search_scope": ldap3.BASE if asked.only_base else ldap3.SUBTREE,
        "dereference_aliases": ldap3.DEREF_NEVER,
        "attributes": list(asked.attributes) or None,
    }


def _entry(item: Mapping[str, Any]) -> Entry:
    found = {
        str(name).lower(): tuple(text for raw in values if (text := _text(raw)) is not None)
        for name, values in item["raw_attributes"].items()
    }
    return Entry(_text(item["raw_dn"]) or "", found)


def _text(raw: bytes) -> str | None:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _is_password(secret: str) -> bool:
    """Tell whether anything of it is left by SASLprep (RFC 4513 §5.1.3, RFC 4013)."""
    try:
        return len(secret) <= _LONGEST_SECRET and bool(validate_simple_password(secret))
    except (LDAPException, ValueError, UnicodeError):
        return False
