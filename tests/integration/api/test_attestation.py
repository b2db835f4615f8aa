"""Only an attested hardware key is `hwk`; any doubt makes it `swk` (contract 6, S 6.2 E5)."""

import base64
import hashlib
import secrets
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

from tests.support.attestation import (
    IMPORTED,
    SIGN,
    SOFTWARE,
    STRONG_BOX,
    VERIFY,
    Authority,
    Described,
    Manufacturer,
    claim,
)
from tests.support.phone import Phone, PinKey
from tests.support.ports import FrozenClock
from tests.support.world import ISSUER, World, close, make_world

Make = Callable[[Manufacturer, Phone, str], Any]
MAKER = Manufacturer.at(FrozenClock().now())
HARDWARE, PLAIN = ["hwk", "mca", "user"], ["mca", "swk", "user"]


@pytest.fixture(name="world", scope="module")
def _world(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("attestation")
    shutil.copy(sqlite_template, folder / "mfa.db")
    (folder / "roots.pem").write_bytes(MAKER.pem())
    roots = str(folder / "roots.pem")
    made = make_world(f"sqlite:///{folder / 'mfa.db'}", MFA_ANDROID_ROOTS=roots)
    yield made
    close(made)


def enrolled(world: World, make: Make, pin: PinKey | None = None) -> Phone:
    """Return the phone of a new subject, confirmed after a claim with this attestation."""
    enrollment = world.client().enroll(secrets.token_hex(8), type="phone")
    phone, code = Phone(ISSUER, world.clock.now, pin), enrollment["manual_code"].replace("-", "")
    claimed = world.claim(phone, code, attestation=make(MAKER, phone, code))
    assert claimed.status_code == 201, claimed.text
    done = world.client().confirm(enrollment, check_code=claimed.get_json()["check_code"])
    assert done.status_code == 200, done.text
    return phone


def subject(world: World, phone: Phone) -> str:
    return str(world.device(phone, "GET", "/v1/device").get_json()["sub"])


def amr(world: World, phone: Phone, pin: PinKey | None = None) -> list[str]:
    challenge = world.client().challenge(subject(world, phone))
    assert world.approve(phone, challenge, pin=pin).status_code == 200
    return list(world.client().read(challenge["id"])["amr"])


def attested(**changed: Any) -> Make:
    """Return an attestation of the phone's own key over its own code, but for what is changed."""
    return lambda maker, phone, code: maker.attest(phone.key.public_key(), code, **changed)


def digest(code: str) -> bytes:
    return hashlib.sha256(code.encode()).digest()


def below(authority: Callable[[Manufacturer], Authority], *, with_root: bool = True) -> Make:
    """Return a good leaf below another authority."""

    def make(maker: Manufacturer, phone: Phone, code: str) -> Any:
        issuer = authority(maker)
        leaf = issuer.leaf(phone.key.public_key(), Described(digest(code)).der())
        chain = [leaf, issuer.certificate]
        return claim([*chain, maker.root_certificate] if with_root else chain)

    return make


def leaf(**options: Any) -> Make:
    """Return a chain whose leaf has another extension or lifetime."""

    def make(maker: Manufacturer, phone: Phone, code: str) -> Any:
        extension = options.get("extension", Described(digest(code)).der())
        days = options.get("days", 365)
        made = maker.intermediate.leaf(phone.key.public_key(), extension, days=days)
        return claim([made, maker.intermediate.certificate, maker.root_certificate])

    return make


def altered(change: Callable[[dict[str, Any]], Any]) -> Make:
    """Return a good attestation whose claim was altered."""
    return lambda maker, phone, code: change(maker.attest(phone.key.public_key(), code))


def other_key() -> Any:
    return generate_private_key(SECP256R1()).public_key()


def patched(text: str, old: bytes, new: bytes) -> str:
    """Return a certificate whose DER was edited, so that its parts cannot be read."""
    der = base64.b64decode(text)
    assert old in der
    return base64.b64encode(der.replace(old, new, 1)).decode()


def flipped(text: str) -> str:
    der = bytearray(base64.b64decode(text))
    der[-1] ^= 1
    return base64.b64encode(der).decode()


VERSION_3, VERSION_6 = b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x05"
P256, P192 = bytes.fromhex("06082a8648ce3d030107"), bytes.fromhex("06082a8648ce3d030102")
TWICE = patched(
    MAKER.root.below("Intermediate").doubtful(), b"\x06\x03\x55\x1d\x63", b"\x06\x03\x55\x1d\x13"
)
TEE = {"purpose": [SIGN, VERIFY], "origin": 0}
GOOD: dict[str, Make] = {
    "trusted environment": attested(),
    "strong box": attested(attestation_level=STRONG_BOX, keymaster_level=STRONG_BOX),
    "signing only": attested(hardware={**TEE, "purpose": [SIGN]}),
    "a chain without the root": below(lambda maker: maker.intermediate, with_root=False),
    "a leaf straight below the root": lambda maker, phone, code: claim(
        [maker.root.leaf(phone.key.public_key(), Described(digest(code)).der())]
    ),
}
BAD: dict[str, Make] = {
    "another challenge": lambda maker, phone, _: maker.attest(phone.key.public_key(), "other"),
    "the code itself as challenge": lambda maker, phone, code: maker.attest(
        phone.key.public_key(), code, challenge=code.encode()
    ),
    "an empty challenge": attested(challenge=b""),
    "attested by software": attested(attestation_level=SOFTWARE),
    "a key in software": attested(keymaster_level=SOFTWARE),
    "another key": lambda maker, _, code: maker.attest(other_key(), code),
    "for all applications": attested(hardware={**TEE, "allApplications": ""}),
    "for all applications by software": attested(software={"allApplications": ""}),
    "an imported key": attested(hardware={**TEE, "origin": IMPORTED}),
    "no origin": attested(hardware={"purpose": [SIGN]}),
    "an origin that only software vouches for": attested(
        hardware={"purpose": [SIGN]}, software={"origin": 0}
    ),
    "no purpose": attested(hardware={"origin": 0}),
    "a purpose other than signing": attested(hardware={**TEE, "purpose": [VERIFY]}),
    "signing that only software vouches for": attested(
        hardware={"origin": 0}, software={"purpose": [SIGN]}
    ),
    "an expired leaf": leaf(days=-1),
    "no extension": leaf(extension=None),
    "an extension that is garbage": leaf(extension=b"\x30\x03garbage"),
    "an empty extension": leaf(extension=b""),
    "an unknown root": below(lambda maker: Authority("Root", maker.root.at), with_root=False),
    "an unknown root beside ours": below(lambda maker: Authority("Root", maker.root.at)),
    "an intermediate that is no CA": below(lambda maker: maker.root.below("Int", ca=False)),
    "an intermediate without constraints": below(lambda maker: maker.root.below("Int", ca=None)),
    "the chain in the wrong order": altered(lambda a: {**a, "x5c": a["x5c"][::-1]}),
    "the root alone": altered(lambda a: {**a, "x5c": a["x5c"][-1:]}),
    "a chain with a gap": altered(lambda a: {**a, "x5c": [a["x5c"][0], a["x5c"][2]]}),
    "a long chain": altered(lambda a: {**a, "x5c": a["x5c"] * 20}),
    "no chain": altered(lambda a: {"format": a["format"]}),
    "an empty chain": altered(lambda a: {**a, "x5c": []}),
    "a chain as a text": altered(lambda a: {**a, "x5c": a["x5c"][0]}),
    "a chain of numbers": altered(lambda a: {**a, "x5c": [1, 2, 3]}),
    "no base64": altered(lambda a: {**a, "x5c": ["!", *a["x5c"][1:]]}),
    "no certificate": altered(lambda a: {**a, "x5c": ["AAAA", *a["x5c"][1:]]}),
    "another format": altered(lambda a: {**a, "format": "apple-appattest"}),
    "no format": altered(lambda a: {"x5c": a["x5c"]}),
    "a flipped bit in the leaf": altered(
        lambda a: {**a, "x5c": [flipped(a["x5c"][0]), *a["x5c"][1:]]}
    ),
    "an unknown version of X.509": altered(
        lambda a: {**a, "x5c": [patched(text, VERSION_3, VERSION_6) for text in a["x5c"]]}
    ),
    "a key on an unknown curve": altered(
        lambda a: {**a, "x5c": [patched(a["x5c"][0], P256, P192), *a["x5c"][1:]]}
    ),
    "an issuer on an unknown curve": altered(
        lambda a: {**a, "x5c": [a["x5c"][0], patched(a["x5c"][1], P256, P192), a["x5c"][2]]}
    ),
    "an issuer with an extension twice": altered(
        lambda a: {**a, "x5c": [a["x5c"][0], TWICE, a["x5c"][2]]}
    ),
    "no object": lambda *_: "android-key",
    "nothing": lambda *_: None,
}


@pytest.mark.parametrize("make", GOOD.values(), ids=GOOD)
def test_an_attested_key_is_in_hardware(world: World, make: Make) -> None:
    assert amr(world, enrolled(world, make)) == HARDWARE


@pytest.mark.parametrize("make", BAD.values(), ids=BAD)
def test_anything_less_is_a_key_in_software(world: World, make: Make) -> None:
    assert amr(world, enrolled(world, make)) == PLAIN


def test_hardware_and_pin_together(world: World) -> None:
    pin = PinKey()
    phone = enrolled(world, attested(), pin)
    assert amr(world, phone, pin) == ["hwk", "mca", "mfa", "pin", "user"]


def test_a_claim_cannot_say_hardware_itself(world: World) -> None:
    phone = world.phone(push={"provider": "none"})
    assert amr(world, phone) == PLAIN


def test_without_configured_roots_nothing_is_in_hardware(sqlite_url: str) -> None:
    plain = make_world(sqlite_url)
    try:
        assert amr(plain, enrolled(plain, attested())) == PLAIN
    finally:
        close(plain)


def test_a_rotation_loses_the_hardware_standing(world: World) -> None:
    phone = enrolled(world, attested())
    successor = Phone(ISSUER, world.clock.now, device_id=phone.device_id)
    body = phone.rotation(successor.key)
    assert world.device(phone, "POST", "/v1/device/keys", body).status_code == 200
    assert amr(world, successor) == PLAIN


def test_an_old_attestation_does_not_serve_the_new_key(world: World) -> None:
    phone = enrolled(world, attested())
    successor = Phone(ISSUER, world.clock.now, device_id=phone.device_id)
    old = MAKER.attest(phone.key.public_key(), "any")
    body = phone.rotation(successor.key, attestation=old)
    assert world.device(phone, "POST", "/v1/device/keys", body).status_code == 200
    assert amr(world, successor) == PLAIN


def test_a_challenge_that_is_pending_is_answered_with_what_the_key_is_now(world: World) -> None:
    phone = enrolled(world, attested())
    challenge = world.client().challenge(subject(world, phone))
    successor = Phone(ISSUER, world.clock.now, device_id=phone.device_id)
    world.device(phone, "POST", "/v1/device/keys", phone.rotation(successor.key))
    assert world.approve(successor, challenge).status_code == 200
    assert world.client().read(challenge["id"])["amr"] == PLAIN
