"""Where a ping may go: out into the Internet, over TLS, to the address that was judged (S T18)."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from mfa_service.adapters.guarded_http import is_public, resolved
from mfa_service.adapters.notifications import HttpNotifier
from mfa_service.domain.ports import NotNotified
from tests.support.notified import endpoint
from tests.support.tls import Authority

PRIVATE = [
    "127.0.0.1",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "192.0.2.1",
    "198.18.0.1",
    "::",
    "::1",
    "fe80::1",
    "fe80::1%eth0",
    "fc00::1",
    "fec0::1",
    "ff02::1",
    "2001:db8::1",
    "2001::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "2002:7f00:1::",
    "2002:a00:1::1",
    "localhost",
    "",
    "2130706433",
]
PUBLIC = ["8.8.8.8", "2001:4860:4860::8888", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::"]
BODY = {"auth_req_id": "x"}


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_that_is_not_out_in_the_internet_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_an_address_out_in_the_internet_is_public(address: str) -> None:
    assert is_public(address)


def refused(url: str, *addresses: str, allowed: frozenset[str] = frozenset()) -> str:
    notifier = HttpNotifier(allowed, lambda _host, _port: list(addresses), seconds=1)
    with pytest.raises(NotNotified) as caught:
        notifier.notify(url, "token", BODY)
    return str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "http://client.example/cb",
        "http://127.0.0.1:9/cb",
        "ftp://client.example/cb",
        "file:///etc/passwd",
    ],
)
def test_only_https_is_called(url: str) -> None:
    assert refused(url, "8.8.8.8") in {"scheme", "address"}


@pytest.mark.parametrize(
    "url", ["https://user@client.example/cb", "https:///cb", "https://client.example:99999/cb"]
)
def test_an_address_has_a_host_and_no_user(url: str) -> None:
    assert refused(url, "8.8.8.8") == "address"


def test_a_name_with_one_private_address_is_not_called() -> None:
    assert refused("https://client.example/cb", "8.8.8.8", "10.0.0.1") == "private"


def test_a_name_that_leads_nowhere_is_not_called() -> None:
    assert refused("https://client.example/cb") == "unresolved"


def test_a_name_that_is_not_known_is_not_called() -> None:
    notifier = HttpNotifier(frozenset(), resolved)
    with pytest.raises(NotNotified, match="unresolved"):
        notifier.notify("https://nobody.invalid/cb", "token", BODY)


def test_who_stalls_the_look_up_of_a_name_does_not_hold_us() -> None:
    let_go = threading.Event()

    def stalled(_host: str, _port: int) -> list[str]:
        assert let_go.wait(20)
        return ["8.8.8.8"]

    notifier = HttpNotifier(frozenset(), stalled, seconds=0.2)
    with pytest.raises(NotNotified, match="unresolved"):
        notifier.notify("https://client.example/cb", "token", BODY)
    let_go.set()


def test_another_port_of_a_permitted_host_is_not_permitted() -> None:
    allowed = frozenset({"127.0.0.1:9"})
    assert refused("https://127.0.0.1:10/cb", "127.0.0.1", allowed=allowed) == "private"
    assert refused("http://127.0.0.1:10/cb", "127.0.0.1", allowed=allowed) == "scheme"


def test_a_name_is_resolved_once_so_that_it_cannot_change_in_between() -> None:
    """DNS rebinding: the first answer is judged, and the first answer is called."""
    with endpoint() as client:
        port = int(client.host.rpartition(":")[2])
        answers = [["127.0.0.1"], ["10.0.0.1"]]
        host = f"client.example:{port}"
        notifier = HttpNotifier(frozenset({host}), lambda _host, _port: answers.pop(0))
        notifier.notify(f"http://{host}/cb", "token", BODY)
        assert answers == [["10.0.0.1"]]
        assert [each["host"] for each in client.received] == [host]


def test_an_address_that_does_not_answer_is_followed_by_the_next() -> None:
    with endpoint() as client:
        port = int(client.host.rpartition(":")[2])
        host = f"client.example:{port}"
        addresses = ["127.0.0.2", "127.0.0.1"]
        notifier = HttpNotifier(frozenset({host}), lambda _host, _port: addresses)
        notifier.notify(f"http://{host}/cb", "token", BODY)
        assert len(client.received) == 1


def test_a_client_that_drips_its_answer_does_not_hold_us() -> None:
    with endpoint() as client:
        client.drips = True
        notifier = HttpNotifier(frozenset({client.host}), seconds=0.3)
        with pytest.raises(NotNotified, match="ReadTimeout"):
            notifier.notify(client.url, "token", BODY)


class _Taken(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # its name
        """Say nothing."""


@contextmanager
def https(folder: Path, authority: Authority) -> Iterator[int]:
    authority.write_server(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem", folder / "server.key")
    server = HTTPServer(("127.0.0.1", 0), _Taken)
    server.socket = context.wrap_socket(
        server.socket, server_side=True, do_handshake_on_connect=False
    )
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.parametrize(("name", "taken"), [("client.example", True), ("other.example", False)])
def test_the_certificate_has_to_be_that_of_the_name_and_not_of_the_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, *, taken: bool
) -> None:
    authority = Authority(names=("client.example",))
    with https(tmp_path, authority) as port:
        monkeypatch.setenv("SSL_CERT_FILE", authority.write_ca(tmp_path / "ca.pem"))
        host = f"{name}:{port}"
        notifier = HttpNotifier(frozenset({host}), lambda _host, _port: ["127.0.0.1"])
        if taken:
            notifier.notify(f"https://{host}/cb", "token", BODY)
        else:
            with pytest.raises(NotNotified, match="ConnectError"):
                notifier.notify(f"https://{host}/cb", "token", BODY)
