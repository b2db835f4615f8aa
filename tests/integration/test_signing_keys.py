"""Our signing keys follow one another without anybody meeting one that they do not know."""

import base64
from typing import Any

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from mfa_service.adapters.signing_keys import new_key
from mfa_service.domain.errors import InvalidRequest, NotFound
from mfa_service.services.keys import PUBLISHED_BEFORE_USE, KeyRing
from tests.support.racing import race
from tests.support.world import World

DAY = 86_400
PRIVATE = {"d", "p", "q", "dp", "dq", "qi", "k"}


def ring(world: World) -> KeyRing:
    """Return a ring of another process over the same database, whose keys are really new."""
    f = world.services.foundation
    return KeyRing(f.work, f.secret_box, world.clock, f.issuer, new_key=new_key)


def published(world: World) -> dict[str, dict[str, Any]]:
    response = world.app.test_client().get("/.well-known/jwks.json")
    return {key["kid"]: key for key in response.get_json()["keys"]}


def test_the_jwks_has_a_key_of_each_algorithm_and_nothing_private(world: World) -> None:
    keys = published(world)
    assert sorted(key["alg"] for key in keys.values()) == ["ES256", "RS256"]
    assert not any(PRIVATE & set(key) for key in keys.values())


def test_the_rsa_key_comes_with_a_certificate_over_itself(world: World) -> None:
    (key,) = (key for key in published(world).values() if key["alg"] == "RS256")
    (text,) = key["x5c"]
    certificate = x509.load_der_x509_certificate(base64.b64decode(text))
    public = jwt.PyJWK(key).key
    assert isinstance(public, RSAPublicKey)
    assert public.key_size == 3072
    spki = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert certificate.public_key().public_bytes(*spki) == public.public_bytes(*spki)
    certificate.verify_directly_issued_by(certificate)


@pytest.mark.parametrize("alg", ["ES256", "RS256"])
def test_a_new_key_is_published_two_days_before_it_signs(world: World, alg: str) -> None:
    old = world.services.foundation.keys.signer_for(alg).kid
    made = ring(world).rotate(alg)
    world.clock.advance(61)
    assert {old, made.kid} <= set(published(world))
    world.clock.advance(PUBLISHED_BEFORE_USE - 62)
    assert world.services.foundation.keys.signer_for(alg).kid == old
    world.clock.advance(61)
    assert world.services.foundation.keys.signer_for(alg).kid == made.kid
    assert {old, made.kid} <= set(published(world))


def test_a_second_new_key_waits_for_the_first(world: World) -> None:
    ring(world).rotate("ES256")
    with pytest.raises(InvalidRequest):
        ring(world).rotate("ES256")


def test_of_two_rotations_at_once_one_wins(world: World) -> None:
    def rotate() -> bool:
        try:
            ring(world).rotate("ES256")
        except InvalidRequest:
            return False
        return True

    assert sorted(race([rotate] * 4)) == [False, False, False, True]


def test_only_a_key_that_neither_signs_nor_will_can_be_retired(world: World) -> None:
    keys = ring(world)
    old = keys.signer.kid
    made = keys.rotate("ES256")
    for kid in (old, made.kid):
        with pytest.raises(InvalidRequest):
            keys.retire(kid)
    with pytest.raises(NotFound):
        keys.retire("unknown")
    world.clock.advance(2 * DAY + 1)
    keys.retire(old)
    world.clock.advance(61)
    assert old not in published(world)
    assert made.kid in published(world)


def test_what_a_retired_key_signed_holds_no_more(world: World) -> None:
    api, keys = world.client(), ring(world)
    made = keys.rotate("ES256", wait=0)
    old = jwt.get_unverified_header(api.token)["kid"]
    assert old != made.kid
    world.clock.advance(30)
    assert api.get("/v1/users/alice").status_code in {200, 404}
    keys.retire(old)
    world.clock.advance(61)
    assert api.get("/v1/users/alice").status_code == 401
