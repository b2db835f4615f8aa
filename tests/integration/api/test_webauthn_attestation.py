"""What an operator's anchors and lists make of passkeys, as callers see it (contract section 4)."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import passkeys
from tests.support.attestation_formats import Tpm
from tests.support.authenticator import SoftAuthenticator
from tests.support.forging import slug
from tests.support.makers import Attestor, Maker
from tests.support.world import World, close, make_world

AAGUID = "08987058-cadc-4b81-b6e1-30de50dcbe96"
OTHER = "ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4"
AAL3 = "urn:stepup:acr:aal3"
MAKER = Maker()
Open = Callable[..., World]


@pytest.fixture(name="opened")
def _opened(sqlite_url: str, tmp_path: Path) -> Iterator[Open]:
    """Open a world whose operator trusts the maker."""
    (tmp_path / "roots.pem").write_bytes(MAKER.pem)
    worlds: list[World] = []

    def opened(**lists: str) -> World:
        environ = {f"MFA_WEBAUTHN_{name.upper()}": value for name, value in lists.items()}
        roots = str(tmp_path / "roots.pem")
        worlds.append(make_world(sqlite_url, MFA_WEBAUTHN_ROOTS=roots, **environ))
        return worlds[-1]

    yield opened
    for world in worlds:
        close(world)


def key(attestation: Attestor = MAKER, **made: Any) -> SoftAuthenticator:
    return SoftAuthenticator(aaguid=AAGUID, attestation=attestation, **made)


def reached(world: World, authenticator: SoftAuthenticator) -> tuple[str, list[str]]:
    """Return `acr` and `amr` of a challenge that wants the most."""
    made = passkeys.enrolled(world, key=authenticator)
    challenge = world.client().challenge(acr_values=[AAL3, "phrh", "phr"])
    answered = made.answer(challenge).get_json()
    return answered["acr"], answered["amr"]


def refused(world: World, authenticator: SoftAuthenticator) -> bool:
    enrollment = world.client().enroll(type="webauthn")
    credential = passkeys.register(authenticator, enrollment)
    response = world.client().confirm(enrollment, credential=credential)
    return slug(response) == (403, "proof-rejected")


def test_with_anchors_attestation_is_asked_for_and_without_it_is_not(
    world: World, opened: Open
) -> None:
    trusting = opened().client().enroll(type="webauthn")
    assert trusting["publicKey"]["attestation"] == "direct"
    assert world.client().enroll("bob", type="webauthn")["publicKey"]["attestation"] == "none"


def test_without_anchors_even_a_listed_model_is_what_anybody_could_say(
    sqlite_url: str,
) -> None:
    world = make_world(sqlite_url, MFA_WEBAUTHN_FIPS=AAGUID)
    assert reached(world, key()) == ("phr", ["mfa", "pop", "user"])
    close(world)


def test_a_trusted_attestation_of_hardware_reaches_phrh(opened: Open) -> None:
    assert reached(opened(), key(Tpm(MAKER))) == ("phrh", ["hwk", "mfa", "user"])


def test_a_model_on_the_fips_list_reaches_aal3(opened: Open) -> None:
    assert reached(opened(fips=AAGUID.upper()), key()) == (AAL3, ["hwk", "mfa", "user"])


def test_a_synced_passkey_never_does(opened: Open) -> None:
    assert reached(opened(fips=AAGUID), key(be=True)) == ("phr", ["mfa", "swk", "user"])


def test_another_models_attestation_is_worth_no_more_for_the_list(opened: Open) -> None:
    assert reached(opened(fips=OTHER), key()) == ("phr", ["mfa", "pop", "user"])


def test_a_denied_model_is_not_enrolled(opened: Open) -> None:
    world = opened(denied=f"{OTHER}, {AAGUID}")
    assert refused(world, key())
    assert refused(world, SoftAuthenticator(aaguid=AAGUID))
    passkeys.enrolled(world, key=SoftAuthenticator())


def test_with_a_list_whatever_is_not_attested_to_be_on_it_is_not_enrolled(opened: Open) -> None:
    world = opened(allowed=AAGUID)
    assert refused(world, SoftAuthenticator(aaguid=AAGUID))
    assert refused(world, key(Tpm(MAKER)))
    assert refused(world, key(Maker()))
    passkeys.enrolled(world, key=key())


@pytest.mark.parametrize("reason", [{}, {"reason": "She needs it"}], ids=["step-up", "admin"])
def test_a_model_that_is_denied_by_now_does_not_return(
    opened: Open, reason: dict[str, str]
) -> None:
    """Suspended before the ban, or by it: else its owner could simply resume it."""
    before = opened()
    made = passkeys.enrolled(before, key=key())
    path = f"/v1/authenticators/{made.id}"
    made.api.call("PATCH", path, {"state": "suspended", "reason": "lost"})
    after = opened(denied=AAGUID).client()
    resumed = after.call("PATCH", path, {"state": "active", **reason})
    assert slug(resumed) == (409, "authenticator-not-active")
    assert made.api.get(path).get_json()["state"] == "suspended"
    assert made.api.call("PATCH", path, {"state": "active", "reason": "found"}).status_code == 200
