"""What a registration brings: keys and attestation objects that are refused."""

from collections.abc import Callable
from typing import Any

import cbor2
import pytest

from mfa_service.domain.attestation import AttestationPolicy
from mfa_service.domain.errors import ProofRejected
from tests.support.authenticator import SoftAuthenticator
from tests.support.ceremonies import Ceremonies

KEYS: dict[str, Callable[[dict[int, Any]], dict[int, Any]]] = {
    "a point that is not on the curve": lambda key: key | {-3: bytes(32)},
    "no algorithm": lambda key: {name: key[name] for name in key if name != 3},
    "an algorithm that we did not offer": lambda key: key | {3: -35},
    "another algorithm than its kind": lambda key: key | {3: -257},
    "another curve": lambda key: key | {-1: 2},
    "no coordinates": lambda key: {name: key[name] for name in key if name > 0},
    "a short coordinate": lambda key: key | {-2: key[-2][1:]},
    "no key": lambda _: {},
}


@pytest.mark.parametrize("cose", KEYS.values(), ids=KEYS)
def test_a_key_that_could_never_sign_is_not_enrolled(
    cose: Callable[[dict[int, Any]], dict[int, Any]],
) -> None:
    with pytest.raises(ProofRejected):
        Ceremonies().register(cose=cose)


OBJECTS: dict[str, Callable[[bytes], bytes]] = {
    "bytes after it": lambda item: item + b"\0",
    "no map": lambda _: cbor2.dumps([]),
    "no CBOR": lambda _: b"\xff\xff",
    "nothing": lambda _: b"",
    "a format that nobody knows": lambda item: cbor2.dumps(cbor2.loads(item) | {"fmt": "x"}),
    "the format of a service that has ended": lambda item: cbor2.dumps(
        cbor2.loads(item) | {"fmt": "android-safetynet"}
    ),
    "compound": lambda item: cbor2.dumps(cbor2.loads(item) | {"fmt": "compound"}),
    "a format in other letters": lambda item: cbor2.dumps(cbor2.loads(item) | {"fmt": "None"}),
    "none, with a statement": lambda item: cbor2.dumps(cbor2.loads(item) | {"attStmt": {"a": 1}}),
    "a key twice": lambda item: b"\xa4\x63fmt\x64none" + item[1:],
}


@pytest.mark.parametrize("change", OBJECTS.values(), ids=OBJECTS)
def test_an_attestation_object_that_is_none_is_refused(change: Callable[[bytes], bytes]) -> None:
    with pytest.raises(ProofRejected):
        Ceremonies().register(attestation_object=change)


def test_a_policy_with_a_list_admits_no_mere_claim() -> None:
    """An AAGUID that nobody vouches for is a claim: with a list it opens nothing."""
    aaguid = "08987058-cadc-4b81-b6e1-30de50dcbe96"
    party = Ceremonies(SoftAuthenticator(aaguid=aaguid))
    party.policy = AttestationPolicy(allowed=frozenset({aaguid}))
    with pytest.raises(ProofRejected):
        party.register()
