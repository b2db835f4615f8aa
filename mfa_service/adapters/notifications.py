"""Calls to addresses that clients registered: never into our own network (S T18).

A name is resolved once, every address of it is judged, and the connection goes to an address that
was judged: a name that changes in between leads nowhere else.
"""

import ipaddress
import json
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import httpcore

from mfa_service.domain import origins
from mfa_service.domain.ports import NotNotified

SECONDS = 10
_PORTS = {"https": 443, "http": 80}
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_NEVER = tuple(map(ipaddress.IPv6Network, ("64:ff9b:1::/48", "2001::/32", "fec0::/10")))
_TAKEN = frozenset({200, 204})
Resolver = Callable[[str, int], list[str]]


def resolved(host: str, port: int) -> list[str]:
    """Return the addresses of a host, best first; raise `OSError`."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


class HttpNotifier:
    """`Notifier` over HTTPS. `allowed` are `host:port` that may be private, and plain http."""

    def __init__(
        self, allowed: frozenset[str], resolver: Resolver = resolved, *, seconds: float = SECONDS
    ) -> None:
        self._allowed = allowed
        self._backend = _Guarded(allowed, resolver, seconds)
        self._seconds = seconds
        self._tls = ssl.create_default_context()

    def notify(self, url: str, bearer: str, body: Mapping[str, object]) -> None:
        """Post it; 200 and 204 take it, and nothing else is read or followed."""
        headers = [
            ("Host", _checked(url, self._allowed)),
            ("Authorization", f"Bearer {bearer}"),
            ("Content-Type", "application/json"),
            ("Connection", "close"),
        ]
        content = json.dumps(body).encode()
        timeout = dict.fromkeys(("connect", "read", "write", "pool"), self._seconds)
        try:
            with (
                httpcore.ConnectionPool(self._tls, network_backend=self._backend) as pool,
                pool.stream(
                    "POST", url, headers=headers, content=content, extensions={"timeout": timeout}
                ) as response,
            ):
                status = response.status
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException) as exc:
            raise NotNotified(type(exc).__name__) from exc
        if status not in _TAKEN:
            raise NotNotified(f"status {status}")


class _Guarded(httpcore.NetworkBackend):
    """Connects to public addresses, and gives up at a moment and not after each pause."""

    def __init__(self, allowed: frozenset[str], resolver: Resolver, seconds: float) -> None:
        self._allowed = allowed
        self._resolver = resolver
        self._seconds = seconds
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Return a connection to the first judged address that answers."""
        until = time.monotonic() + self._seconds
        fault: httpcore.NetworkError | httpcore.TimeoutException | None = None
        for address in self._judged(host, port):
            left = max(until - time.monotonic(), 0.01)
            try:
                stream = self._inner.connect_tcp(address, port, left, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as exc:
                fault = exc
            else:
                return _Bounded(stream, until)
        raise fault or NotNotified("unresolved")

    def _judged(self, host: str, port: int) -> list[str]:
        try:
            addresses = self._resolver(host, port)
        except OSError as exc:
            raise NotNotified("unresolved") from exc
        if f"{host}:{port}" not in self._allowed and not all(map(is_public, addresses)):
            raise NotNotified("private")
        return addresses


class _Bounded(httpcore.NetworkStream):
    """A connection that is read from and written to until a moment."""

    def __init__(self, stream: httpcore.NetworkStream, until: float) -> None:
        self._stream = stream
        self._until = until

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read; raise `ReadTimeout` when the time is over."""
        return self._stream.read(max_bytes, self._left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write; raise `WriteTimeout` when the time is over."""
        self._stream.write(buffer, self._left(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        """Close it."""
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        """Return the connection under TLS, with the same end."""
        left = self._left(timeout, httpcore.ConnectTimeout)
        return _Bounded(self._stream.start_tls(ssl_context, server_hostname, left), self._until)

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401  # httpcore's signature
        """Return what httpcore asks about the connection."""
        return self._stream.get_extra_info(info)

    def _left(self, timeout: float | None, over: type[httpcore.TimeoutException]) -> float:
        left = self._until - time.monotonic()
        if left <= 0:
            raise over
        return left if timeout is None else min(left, timeout)


def _checked(url: str, allowed: frozenset[str]) -> str:
    """Return host and port of an address that may be called; plain http only where allowed."""
    parts = origins.split(url)
    if parts is None or parts.username is not None:
        raise NotNotified("address")
    port = parts.port or _PORTS.get(parts.scheme, 0)
    if parts.scheme != "https" and not (
        parts.scheme == "http" and f"{parts.hostname}:{port}" in allowed
    ):
        raise NotNotified("scheme")
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
