"""Where a phone may be notified: a URL that the phone chooses is no way into our network."""

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.support.forging import slug
from tests.support.phone import Phone, b64
from tests.support.world import ISSUER, World

POINT = (
    generate_private_key(SECP256R1())
    .public_key()
    .public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
)
KEYS = {"p256dh": b64(POINT), "auth": b64(bytes(range(16)))}
ENDPOINT = "https://push.example.org/send/abc"


def webpush(endpoint: Any = ENDPOINT, **keys: Any) -> dict[str, Any]:
    return {"provider": "webpush", "endpoint": endpoint, "keys": {**KEYS, **keys}}


GOOD: dict[str, dict[str, Any]] = {
    "none": {"provider": "none"},
    "fcm": {"provider": "fcm", "token": "a-token:of_FCM"},
    "webpush": webpush(),
    "webpush on port 443": webpush("https://push.example.org:443/send/abc"),
    "webpush with a query": webpush("https://push.example.org/send?id=1"),
    "webpush at a public address": webpush("https://8.8.8.8/send"),
    "webpush at a public IPv6 address": webpush("https://[2606:4700::1111]/send"),
}

ENDPOINTS = {
    "http": "http://push.example.org/send",
    "another scheme": "ftp://push.example.org/send",
    "no scheme": "push.example.org/send",
    "a file": "file:///etc/passwd",
    "no host": "https:///send",
    "a user": "https://user@push.example.org/send",
    "a user and password": "https://user:password@push.example.org/send",
    "an empty user": "https://@push.example.org/send",
    "another port": "https://push.example.org:8443/send",
    "port 22": "https://push.example.org:22/send",
    "port 0": "https://push.example.org:0/send",
    "no number as port": "https://push.example.org:https/send",
    "loopback": "https://127.0.0.1/send",
    "all of loopback": "https://127.1.2.3/send",
    "short loopback": "https://127.1/send",
    "decimal loopback": "https://2130706433/send",
    "octal loopback": "https://0177.0.0.1/send",
    "hexadecimal loopback": "https://0x7f.0.0.1/send",
    "hexadecimal loopback in one": "https://0x7f000001/send",
    "loopback with a dot": "https://127.0.0.1./send",
    "localhost": "https://localhost/send",
    "localhost with a dot": "https://localhost./send",
    "a name under localhost": "https://push.localhost/send",
    "localhost in upper case": "https://LOCALHOST/send",
    "10/8": "https://10.0.0.1/send",
    "172.16/12": "https://172.16.0.1/send",
    "192.168/16": "https://192.168.1.1/send",
    "link local, cloud metadata": "https://169.254.169.254/latest/meta-data",
    "shared address space": "https://100.64.0.1/send",
    "unspecified": "https://0.0.0.0/send",
    "broadcast": "https://255.255.255.255/send",
    "documentation": "https://192.0.2.1/send",
    "multicast": "https://224.0.0.1/send",
    "IPv6 loopback": "https://[::1]/send",
    "IPv6 unspecified": "https://[::]/send",
    "IPv6 link local": "https://[fe80::1]/send",
    "IPv6 unique local": "https://[fd00::1]/send",
    "IPv6 multicast": "https://[ff02::1]/send",
    "IPv4-mapped loopback": "https://[::ffff:127.0.0.1]/send",
    "IPv4-mapped metadata": "https://[::ffff:169.254.169.254]/send",
    "NAT64 of loopback": "https://[64:ff9b::7f00:1]/send",
    "6to4 of loopback": "https://[2002:7f00:1::]/send",
    "a name without a dot": "https://intranet/send",
    "a .local name": "https://printer.local/send",
    "a .internal name": "https://metadata.google.internal/send",
    "a backslash before the host's end": "https://127.0.0.1\\.push.example.org/send",
    "a space in the host": "https://push example.org/send",
    "a backslash before a user": "https://127.0.0.1\\@push.example.org/send",
    "a space in the path": "https://push.example.org/a b",
    "a quote in the path": 'https://push.example.org/"b"',
    "not ASCII": "https://\u2460\u2461\u2466.\u24ea.\u24ea.\u2460/send",
    "too long": "https://push.example.org/" + "x" * 2048,
    "a number": 7,
    "empty": "",
}
KEY_FAULTS: dict[str, dict[str, Any]] = {
    "a short point": {"p256dh": b64(POINT[:-1])},
    "a long point": {"p256dh": b64(POINT + b"\0")},
    "a compressed point": {"p256dh": b64(b"\x02" + POINT[1:33])},
    "a point that is no number": {"p256dh": 7},
    "a point that is no base64url": {"p256dh": "!" * 87},
    "a short auth": {"auth": b64(bytes(15))},
    "a long auth": {"auth": b64(bytes(17))},
    "an empty auth": {"auth": ""},
}
BAD: dict[str, dict[str, Any]] = {
    **{f"endpoint: {name}": webpush(endpoint) for name, endpoint in ENDPOINTS.items()},
    **{f"keys: {name}": webpush(**keys) for name, keys in KEY_FAULTS.items()},
    "no provider": {"token": "x"},
    "an unknown provider": {"provider": "apns", "token": "x"},
    "fcm without token": {"provider": "fcm"},
    "fcm with an empty token": {"provider": "fcm", "token": ""},
    "fcm with a long token": {"provider": "fcm", "token": "x" * 4097},
    "webpush without endpoint": {"provider": "webpush", "keys": KEYS},
    "webpush without keys": {"provider": "webpush", "endpoint": ENDPOINT},
    "webpush with keys as a text": {"provider": "webpush", "endpoint": ENDPOINT, "keys": "x"},
    "webpush with one key": {"provider": "webpush", "endpoint": ENDPOINT, "keys": {"auth": "x"}},
}

UNKNOWN_MEMBERS: dict[str, dict[str, Any]] = {
    "none with a token": {"provider": "none", "token": "x"},
    "fcm with an endpoint": {"provider": "fcm", "token": "x", "endpoint": ENDPOINT},
    "webpush with an expirationTime": {**webpush(), "expirationTime": None},
    "webpush with another key": webpush(p384dh="x"),
}


@pytest.fixture(name="world", scope="module")
def _world(shared_world: World) -> World:
    return shared_world


@pytest.fixture(scope="module")
def phone(world: World) -> Phone:
    return world.phone("bob")


def provider(world: World, phone: Phone) -> Any:
    return world.device(phone, "GET", "/v1/device").get_json()["push"]


@pytest.mark.parametrize("push", GOOD.values(), ids=GOOD)
def test_a_good_address_is_taken_later(world: World, phone: Phone, push: dict[str, Any]) -> None:
    response = world.device(phone, "PUT", "/v1/device/push", push)
    assert (response.status_code, response.data) == (204, b"")
    assert provider(world, phone) == {"provider": push["provider"]}


@pytest.mark.parametrize("push", GOOD.values(), ids=GOOD)
def test_a_good_address_is_taken_in_a_claim(world: World, push: dict[str, Any]) -> None:
    phone = world.phone(f"sub {push}", push=push)
    assert provider(world, phone) == {"provider": push["provider"]}


@pytest.mark.parametrize("push", BAD.values(), ids=BAD)
def test_a_bad_address_is_422_later(world: World, phone: Phone, push: dict[str, Any]) -> None:
    before = provider(world, phone)
    response = world.device(phone, "PUT", "/v1/device/push", push)
    assert slug(response) == (422, "invalid-request")
    assert provider(world, phone) == before


@pytest.mark.parametrize("push", BAD.values(), ids=BAD)
def test_a_bad_address_is_403_in_a_claim(world: World, push: dict[str, Any]) -> None:
    code = world.client().enroll(type="phone")["manual_code"].replace("-", "")
    phone = Phone(ISSUER, world.clock.now)
    assert slug(world.claim(phone, code, push=push)) == (403, "proof-rejected")


@pytest.mark.parametrize("push", UNKNOWN_MEMBERS.values(), ids=UNKNOWN_MEMBERS)
def test_unknown_members_are_422_later(world: World, phone: Phone, push: dict[str, Any]) -> None:
    response = world.device(phone, "PUT", "/v1/device/push", push)
    assert slug(response) == (422, "invalid-request")


@pytest.mark.parametrize("push", UNKNOWN_MEMBERS.values(), ids=UNKNOWN_MEMBERS)
def test_unknown_members_are_ignored_in_a_claim(world: World, push: dict[str, Any]) -> None:
    phone = world.phone(f"unknown {push}", push=push)
    assert provider(world, phone) == {"provider": push["provider"]}


@pytest.mark.parametrize("push", ["none", ["none"], 7], ids=["a text", "a list", "a number"])
def test_an_address_that_is_no_object_is_403_in_a_claim(world: World, push: Any) -> None:
    code = world.client().enroll(type="phone")["manual_code"].replace("-", "")
    phone = Phone(ISSUER, world.clock.now)
    assert slug(world.claim(phone, code, push=push)) == (403, "proof-rejected")


def test_a_notification_goes_to_the_new_address_only(world: World, phone: Phone) -> None:
    for token in ("old", "new"):
        world.device(phone, "PUT", "/v1/device/push", {"provider": "fcm", "token": token})
    world.client().challenge("bob")
    world.services.outbox.deliver()
    assert [message.address for message in world.senders["fcm"].sent] == [{"token": "new"}]
