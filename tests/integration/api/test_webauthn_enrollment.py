"""Passkeys are enrolled: options, confirmation, what is listed, and what is refused (section 5)."""

import hashlib
from collections.abc import Callable
from typing import Any

import pytest

from mfa_service.persistence.models import AuditEvent, Authenticator, DeviceKey
from tests.integration.races.rows import column
from tests.support import passkeys
from tests.support.authenticator import SoftAuthenticator
from tests.support.cose import EDDSA, RS256, b64url
from tests.support.forging import slug
from tests.support.world import ISSUER, Api, World

PASSKEY = SoftAuthenticator


def options(api: Api, sub: str = "alice", **members: Any) -> dict[str, Any]:
    return dict(api.enroll(sub, type="webauthn", **members)["publicKey"])


def test_creation_options_name_the_service_and_ask_for_what_the_contract_says(
    world: World,
) -> None:
    enrollment = world.client().enroll(type="webauthn", label="Laptop")
    given = enrollment["publicKey"]
    assert (enrollment["state"], enrollment["label"]) == ("pending", "Laptop")
    assert given["rp"] == {"id": "localhost", "name": world.services.settings.service_name}
    assert given["user"]["name"] == given["user"]["displayName"] == "alice"
    assert [kind["alg"] for kind in given["pubKeyCredParams"]] == [-8, -7, -257]
    assert given["authenticatorSelection"]["userVerification"] == "preferred"
    assert (given["attestation"], given["excludeCredentials"]) == ("none", [])


def test_the_user_handle_tells_nobody_who_it_is_and_stays_the_same(world: World) -> None:
    api = world.client()
    first, second = (options(api)["user"]["id"] for _ in range(2))
    user = api.get("/v1/users?sub=alice").get_json()["users"][0]
    handle = hashlib.sha256(f"webauthn-user-handle|{user['id']}".encode()).digest()
    assert first == second == b64url(handle)
    assert options(api, "bob")["user"]["id"] != first


def test_each_enrollment_has_a_challenge_of_its_own(world: World) -> None:
    api = world.client()
    assert options(api)["challenge"] != options(api)["challenge"]


@pytest.mark.parametrize("alg", [EDDSA, RS256])
def test_a_confirmed_passkey_is_listed_with_what_is_known_of_it(world: World, alg: int) -> None:
    key = SoftAuthenticator(alg=alg, aaguid="ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4", be=True)
    api = world.client()
    enrollment = api.enroll(type="webauthn")
    done = api.confirm(enrollment, credential=passkeys.register(key, enrollment))
    made = done.get_json()["authenticator"]
    assert (done.status_code, done.get_json()["state"]) == (200, "active")
    assert (made["type"], made["label"], made["state"]) == ("webauthn", "Passkey", "active")
    assert made["aaguid"] == "ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4"
    assert made["backup_eligible"] is True
    assert not {"codes_left", "pin", "platform"} & set(made)
    assert api.get(f"/v1/authenticators/{made['id']}").get_json() == made
    assert api.get(f"/v1/enrollments/{enrollment['id']}").get_json()["authenticator"] == made


def test_options_are_shown_once(world: World) -> None:
    api = world.client()
    enrollment = api.enroll(type="webauthn")
    assert "publicKey" not in api.get(f"/v1/enrollments/{enrollment['id']}").get_json()


def test_the_highest_level_rises_with_a_passkey_that_verifies_its_user(world: World) -> None:
    passkeys.enrolled(world)
    user = world.client().get("/v1/users?sub=alice").get_json()["users"][0]
    assert user["acr_attainable"] == "phr"


def test_what_the_subject_has_is_excluded_suspended_ones_too(world: World) -> None:
    api, first = world.client(), passkeys.enrolled(world)
    second = passkeys.enrolled(world, challenge_id=passkeys.step_up(first))
    api.call("PATCH", f"/v1/authenticators/{second.id}", {"state": "suspended"})
    excluded = options(api, challenge_id=passkeys.step_up(first))["excludeCredentials"]
    ids = {b64url(made) for key in (first.key, second.key) for made in key.kept}
    assert {known["id"] for known in excluded} == ids
    assert all(known["type"] == "public-key" for known in excluded)
    assert options(api, "bob")["excludeCredentials"] == []


@pytest.mark.parametrize("owner", ["alice", "bob"])
def test_a_credential_that_somebody_has_is_refused(any_world: World, owner: str) -> None:
    """Who registers another's credential id would be asked in that one's place."""
    taken = passkeys.enrolled(any_world, "alice")
    api, (credential_id,) = any_world.client(), taken.key.kept
    enrollment = api.enroll(owner, type="webauthn", reason="test")
    copied = passkeys.register(SoftAuthenticator(), enrollment, credential_id=credential_id)
    assert slug(api.confirm(enrollment, credential=copied)) == (403, "proof-rejected")
    honest = passkeys.register(SoftAuthenticator(), enrollment)
    assert api.confirm(enrollment, credential=honest).status_code == 200


def test_a_removed_credential_is_not_enrolled_again(world: World) -> None:
    api, gone = world.client(), passkeys.enrolled(world)
    (credential_id,) = gone.key.kept
    api.call("DELETE", f"/v1/authenticators/{gone.id}?challenge_id={passkeys.step_up(gone)}")
    enrollment = api.enroll(type="webauthn")
    again = passkeys.register(SoftAuthenticator(), enrollment, credential_id=credential_id)
    assert slug(api.confirm(enrollment, credential=again)) == (403, "proof-rejected")


def test_a_confirmation_that_the_binding_rule_refuses_leaves_the_credential_free(
    world: World,
) -> None:
    """Both were opened when the subject was new: the second to come needs a step-up."""
    api = world.client()
    first, late = (api.enroll(type="webauthn") for _ in range(2))
    credential = passkeys.register(SoftAuthenticator(), late)
    api.confirm(first, credential=passkeys.register(SoftAuthenticator(), first))
    refused = api.confirm(late, credential=credential)
    assert slug(refused) == (403, "binding-requires-step-up")
    assert len(column(world, DeviceKey.thumbprint)) == 1


LIES: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "another origin": lambda shown: PASSKEY().create(shown, origin="https://evil.example"),
    "a longer origin": lambda shown: PASSKEY().create(shown, origin=f"{ISSUER}.evil.example"),
    "in a frame": lambda shown: PASSKEY().create(shown, origin=ISSUER, cross_origin=True),
    "another party": lambda shown: PASSKEY().create(shown, origin=ISSUER, rp_id="example.com"),
    "nobody was there": lambda shown: PASSKEY().create(shown, origin=ISSUER, up=False),
    "another challenge": lambda shown: PASSKEY().create(
        shown | {"challenge": b64url(bytes(32))}, origin=ISSUER
    ),
    "an assertion": lambda _: {"id": "AA", "rawId": "AA", "type": "public-key", "response": {}},
    "nothing": lambda _: {},
}


@pytest.mark.parametrize("lie", LIES)
def test_a_faulty_credential_is_refused(shared_world: World, lie: str) -> None:
    api = shared_world.client()
    enrollment = api.enroll("mallory", type="webauthn")
    refused = api.confirm(enrollment, credential=LIES[lie](enrollment["publicKey"]))
    assert slug(refused) == (403, "proof-rejected")
    assert api.get("/v1/authenticators?sub=mallory").get_json() == {"authenticators": []}


@pytest.mark.parametrize("body", [{"credential": "x"}, {"credential": None}, {"credential": []}])
def test_a_credential_that_is_no_object_costs_no_try(world: World, body: dict[str, Any]) -> None:
    api = world.client()
    enrollment = api.enroll(type="webauthn")
    for _ in range(6):
        assert slug(api.confirm(enrollment, **body)) == (422, "invalid-request")
    good = passkeys.register(SoftAuthenticator(), enrollment)
    assert api.confirm(enrollment, credential=good).status_code == 200


def test_a_code_confirms_no_passkey(world: World) -> None:
    api = world.client()
    enrollment = api.enroll(type="webauthn")
    assert slug(api.confirm(enrollment, code="123456")) == (403, "proof-rejected")
    assert slug(api.confirm(enrollment, check_code="123456")) == (403, "proof-rejected")


def test_one_creation_challenge_serves_five_tries_and_no_sixth(world: World) -> None:
    api = world.client()
    patient, clumsy = (api.enroll(type="webauthn") for _ in range(2))
    for _ in range(4):
        assert slug(api.confirm(patient, credential={})) == (403, "proof-rejected")
    good = passkeys.register(SoftAuthenticator(), patient)
    assert api.confirm(patient, credential=good).status_code == 200
    late = passkeys.register(SoftAuthenticator(), clumsy)
    for _ in range(5):
        api.confirm(clumsy, credential={})
    assert slug(api.confirm(clumsy, credential=late)) == (409, "enrollment-not-open")
    assert api.get(f"/v1/enrollments/{clumsy['id']}").get_json()["state"] == "expired"


def test_an_expired_enrollment_takes_no_passkey(world: World) -> None:
    enrollment = world.client().enroll(type="webauthn")
    credential = passkeys.register(SoftAuthenticator(), enrollment)
    world.clock.advance(600)
    refused = world.client().confirm(enrollment, credential=credential)
    assert slug(refused) == (409, "enrollment-not-open")


def test_a_page_of_the_client_may_enroll_and_that_of_another_may_not(world: World) -> None:
    shop = world.client("shop", origins=("https://shop.example",))
    world.client("bank", origins=("https://bank.example",))
    enrollment = shop.enroll(type="webauthn")
    foreign = passkeys.register(SoftAuthenticator(), enrollment, origin="https://bank.example")
    own = passkeys.register(SoftAuthenticator(), enrollment, origin="https://shop.example")
    assert slug(shop.confirm(enrollment, credential=foreign)) == (403, "proof-rejected")
    assert shop.confirm(enrollment, credential=own).status_code == 200


def test_who_is_erased_and_comes_back_is_another_user_for_authenticators(world: World) -> None:
    before = passkeys.enrolled(world)
    api = world.client()
    user = api.get("/v1/users?sub=alice").get_json()["users"][0]
    (kept,) = before.key.kept.values()
    assert api.call("DELETE", f"/v1/users/{user['id']}?reason=asked").status_code == 204
    assert column(world, Authenticator.id) == []
    after = passkeys.enrolled(world)
    (made,) = after.key.kept.values()
    assert made.user_handle != kept.user_handle
    challenge = api.challenge(methods=["webauthn"])
    (old_id,) = before.key.kept
    stale = before.key.get(passkeys.options(api, challenge), origin=ISSUER, credential_id=old_id)
    assert slug(passkeys.send(api, challenge, stale)) == (403, "proof-rejected")
    assert after.answer(challenge).status_code == 200


def test_an_enrolled_passkey_is_in_the_audit(world: World) -> None:
    passkeys.enrolled(world)
    events = column(world, AuditEvent.event)
    assert events.count("enroll.start") == events.count("enroll.confirm") == 1


def test_a_replayed_confirmation_is_not_judged_again(world: World) -> None:
    api = world.client()
    enrollment = api.enroll(type="webauthn")
    body = {"credential": passkeys.register(SoftAuthenticator(), enrollment)}
    path, headers = f"/v1/enrollments/{enrollment['id']}/confirm", {"Idempotency-Key": "once"}
    first, again = (api.post(path, body, headers=headers) for _ in range(2))
    assert (first.status_code, again.get_json()) == (200, first.get_json())
    assert slug(api.post(path, body)) == (409, "enrollment-not-open")
