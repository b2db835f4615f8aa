"""POSTs to addresses that others gave us: never into our own network (S T18).

A name is resolved once, every address of it is judged, and the connection goes to an address that
was judged: a name that changes in between leads nowhere else. Nothing is followed, of an answer
only the head is read, proxies of the environment are not used, and one moment ends it all.
"""

import ipaddress
import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

import httpcore

from mfa_service.domain import origins

from .guarded_connections import (
    BROKEN,
    NONE,
    Answer,
    BoundedConnection,
    Deadline,
    Headers,
    Keeping,
    Kept,
    Line,
)

_PORTS = {"https": 443, "http": 80}
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_NEVER = tuple(map(ipaddress.IPv6Network, ("64:ff9b:1::/48", "2001::/32", "fec0::/10")))
Resolver = Callable[[str, int], list[str]]


class NotReached(Exception):
    """There is no answer; the text is a word for the log, and no part of a URL.

    `unsafe`: the address is one that is never called, or leads where nobody may be called.
    """

    def __init__(self, reason: str, *, unsafe: bool = False) -> None:
        super().__init__(reason)
        self.unsafe = unsafe


def resolved(host: str, port: int) -> list[str]:
    """Return the addresses of a host, best first; raise `OSError`."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


class GuardedHttp:
    """Posts over HTTPS. `allowed` are `host:port` that may be private, and plain http.

    `keeping` says which connections stay open for the next post to the same origin. What was heard
    on one that broke meanwhile nobody knows, so its post is repeated: keep none if that harms.
    """

    def __init__(
        self,
        allowed: frozenset[str],
        resolver: Resolver = resolved,
        *,
        seconds: float,
        keeping: Keeping = NONE,
        network: httpcore.NetworkBackend | None = None,
    ) -> None:
        self._allowed = allowed
        self._resolver = resolver
        self._seconds = seconds
        self._keeping = keeping
        self._kept = Kept(keeping.most)
        self._network = network or httpcore.SyncBackend()
        self._tls = ssl.create_default_context()

    def post(self, url: str, headers: Headers, content: bytes) -> Answer:
        """Return what is answered; raise `NotReached`."""
        sent = [("Host", _checked(url, self._allowed)), *headers]
        sent += [] if self._keeping.most else [("Connection", "close")]
        until = time.monotonic() + self._seconds
        try:
            origin = httpcore.URL(url).origin
            used = self._kept.take(origin)
            if used is not None:
                with suppress(*BROKEN), self._kept.doubted(origin):
                    return self._post(used, url, sent, content, until)
            return self._post(self._line(origin), url, sent, content, until)
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException) as exc:
            raise NotReached(type(exc).__name__) from exc

    def close(self) -> None:
        """Close the connections that are kept."""
        self._kept.close()

    def _post(self, line: Line, url: str, headers: Headers, content: bytes, until: float) -> Answer:
        answer = line.post(url, headers, content, until=until)
        self._kept.give(line)
        return answer

    def _line(self, origin: httpcore.Origin) -> Line:
        deadline = Deadline()
        network = _Guarded(self._allowed, self._resolver, deadline, self._network)
        return Line(origin, self._tls, network, deadline, self._keeping)


class _Guarded(httpcore.NetworkBackend):
    """Connects to public addresses, and gives up at a moment and not after each pause."""

    def __init__(
        self,
        allowed: frozenset[str],
        resolver: Resolver,
        deadline: Deadline,
        network: httpcore.NetworkBackend,
    ) -> None:
        self._allowed = allowed
        self._resolver = resolver
        self._deadline = deadline
        self._inner = network

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Return a connection to the first judged address that answers."""
        until = self._deadline.until
        fault: httpcore.NetworkError | httpcore.TimeoutException | None = None
        for address in self._judged(host, port, until):
            left = max(until - time.monotonic(), 0.01)
            try:
                stream = self._inner.connect_tcp(address, port, left, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as exc:
                fault = exc
            else:
                return BoundedConnection(stream, self._deadline)
        raise fault or NotReached("unresolved")

    def _judged(self, host: str, port: int, until: float) -> list[str]:
        addresses = self._looked_up(host, port, until)
        if f"{host}:{port}" not in self._allowed and not all(map(is_public, addresses)):
            raise NotReached("private", unsafe=True)
        return addresses

    def _looked_up(self, host: str, port: int, until: float) -> list[str]:
        """Return the addresses; a look-up knows no time-out, and who owns a name may stall it."""
        answers: queue.SimpleQueue[list[str]] = queue.SimpleQueue()

        def look_up() -> None:
            with suppress(OSError, UnicodeError):
                answers.put(self._resolver(host, port))
            answers.put([])

        threading.Thread(target=look_up, name="look-up", daemon=True).start()
        try:
            return answers.get(timeout=max(until - time.monotonic(), 0.01))
        except queue.Empty as exc:
            raise NotReached("unresolved") from exc


def _checked(url: str, allowed: frozenset[str]) -> str:
    """Return host and port of an address that may be called; plain http only where allowed."""
    parts = origins.split(url)
    if parts is None or parts.username is not None:
        raise NotReached("address", unsafe=True)
    port = parts.port or _PORTS.get(parts.scheme, 0)
    if parts.scheme != "https" and not (
        parts.scheme == "http" and f"{parts.hostname}:{port}" in allowed
    ):
        raise NotReached("scheme", unsafe=True)
    return parts.netloc


def is_public(address: str) -> bool:
    """Tell whether an address is out in the Internet, also one that hides in IPv6."""
    try:
        known = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(known, ipaddress.IPv6Address):
        if any(known in network for network in _NEVER):
            return False
        known = _hidden(known) or known
    return known.is_global and not known.is_multicast


def _hidden(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """Return the IPv4 address to which an IPv6 address leads, if it is of that kind."""
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour
