"""Hosts of a small data centre: network namespaces of Linux, joined by two switches (as root).

`front` carries what comes from outside, `back` what goes to the stores, so that a host can lose
its stores and still be asked. Nothing of it is reachable from the machine's own network.
"""

import contextlib
import ctypes
import os
import secrets
import subprocess
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.leash import is_running

# 203.0.113.0/24 and 198.51.100.0/24 are set aside for examples (RFC 5737): nobody's real addresses.
FRONT, BACK = "203.0.113", "198.51.100"
NUMBERS = {
    "proxy": 10,
    "host-a": 21,
    "host-b": 22,
    "db-a": 31,
    "db-b": 32,
    "redis": 41,
    "people": 51,
}
_ON_FRONT = ("proxy", "host-a", "host-b", "people")
_ON_BACK = ("host-a", "host-b", "db-a", "db-b", "redis", "people")
_NEW_NETWORK = 0x40000000  # CLONE_NEWNET
_libc = ctypes.CDLL(None, use_errno=True)


class Lab:
    """Seven hosts; gone at the end of the `with` block, with every link between them."""

    def __init__(self) -> None:
        self._mark = f"mfa-{os.getpid()}-{secrets.token_hex(2)}"
        self._made: list[str] = []

    def __enter__(self) -> Self:
        try:
            self._build()
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._remove()

    def namespace(self, host: str) -> str:
        """Return the name by which `ip netns` knows a host."""
        return f"{self._mark}-{host}"

    def command(self, host: str, command: Sequence[str], *, user: int | None = None) -> list[str]:
        """Return what runs `command` on a host, as another user if one is given."""
        become = [] if user is None else _become(user)
        return ["ip", "netns", "exec", self.namespace(host), *become, *command]

    def link(self, host: str, switch: str, *, up: bool) -> None:
        """Plug a host's cable in, or pull it."""
        _ip(*self.link_command(host, switch, up=up)[1:])

    def link_command(self, host: str, switch: str, *, up: bool) -> list[str]:
        """Return what plugs a cable in or pulls it, for scripts."""
        state = "up" if up else "down"
        return ["ip", "-n", self.namespace(host), "link", "set", switch, state]

    @contextlib.contextmanager
    def standing_at(self, host: str) -> Iterator[None]:
        """Put this thread, what it starts and what it connects, on a host for a `with` block."""
        home = Path(f"/proc/self/task/{threading.get_native_id()}/ns/net")
        with home.open("rb") as back, Path(f"/run/netns/{self.namespace(host)}").open("rb") as to:
            _enter(to.fileno())
            try:
                yield
            finally:
                _enter(back.fileno())

    def _build(self) -> None:
        if os.geteuid() != 0:
            raise PermissionError("Network namespaces are made by root: run these tests as root.")
        _remove_what_others_left()
        for host in ("switch", *NUMBERS):
            _ip("netns", "add", self.namespace(host))
            self._made.append(host)
            self._in(host, "link", "set", "lo", "up")
        for switch, net, hosts in (("front", FRONT, _ON_FRONT), ("back", BACK, _ON_BACK)):
            self._in("switch", "link", "add", switch, "type", "bridge")
            self._in("switch", "link", "set", switch, "up")
            for host in hosts:
                self._plug(host, switch, f"{net}.{NUMBERS[host]}/24")

    def _plug(self, host: str, switch: str, address: str) -> None:
        port = f"{switch[0]}-{host}"
        peer = ("peer", "name", switch, "netns", self.namespace(host))
        self._in("switch", "link", "add", port, "type", "veth", *peer)
        self._in("switch", "link", "set", port, "master", switch, "up")
        self._in(host, "address", "add", address, "dev", switch)
        self._in(host, "link", "set", switch, "up")

    def _remove(self) -> None:
        for host in reversed(self._made):
            subprocess.run(["ip", "netns", "delete", self.namespace(host)], check=False)
        self._made.clear()

    def _in(self, host: str, *arguments: str) -> None:
        _ip("-n", self.namespace(host), *arguments)


def front(host: str) -> str:
    """Return a host's address for those outside."""
    return f"{FRONT}.{NUMBERS[host]}"


def back(host: str) -> str:
    """Return a host's address for the service."""
    return f"{BACK}.{NUMBERS[host]}"


def _remove_what_others_left() -> None:
    """Remove the hosts of test runs that were killed: their name has a process that is gone."""
    for left in Path("/run/netns").glob("mfa-*-*-*"):
        if not is_running(int(left.name.split("-")[1])):
            _ip("netns", "delete", left.name)


def _become(user: int) -> list[str]:
    return ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"]


def _ip(*arguments: str) -> None:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"ip {' '.join(arguments)}: {done.stderr}")


def _enter(network: int) -> None:
    if _libc.setns(network, _NEW_NETWORK) != 0:
        raise OSError(ctypes.get_errno(), "setns")
