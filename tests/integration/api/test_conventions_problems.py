"""Every problem has its status and a page; no fault of ours tells more than that it is one."""

import logging
import re

import pytest
from sqlalchemy import text

from mfa_service.domain.errors import every_problem
from tests.support.problems import fresh_subject, problem
from tests.support.world import Api, World

SLUGS = {
    "invalid-request": 422,
    "malformed-json": 400,
    "unauthenticated": 401,
    "forbidden": 403,
    "not-found": 404,
    "method-not-allowed": 405,
    "proof-rejected": 403,
    "challenge-not-open": 409,
    "acr-unattainable": 409,
    "binding-requires-step-up": 403,
    "enrollment-not-open": 409,
    "authenticator-not-active": 409,
    "idempotency-key-reused": 422,
    "idempotency-in-progress": 409,
    "idempotency-expired": 409,
    "throttled": 429,
    "unavailable": 503,
    "payload-too-large": 413,
    "unsupported-media-type": 415,
    "internal": 500,
}


def test_the_slugs_and_their_statuses_are_those_of_the_contract() -> None:
    assert {kind.slug: kind.status for kind in every_problem()} == SLUGS


@pytest.mark.parametrize("slug", SLUGS)
def test_each_problem_has_a_page(shared_world: World, slug: str) -> None:
    response = shared_world.app.test_client().get(f"/problems/{slug}")
    assert response.status_code == 200
    assert response.mimetype == "text/html"
    assert slug in response.text
    assert str(SLUGS[slug]) in response.text


@pytest.mark.parametrize("slug", ["nothing", "internal/", "Internal", "%00", "<b>", "a%2Fb"])
def test_an_unknown_problem_has_no_page(shared_world: World, slug: str) -> None:
    problem(shared_world.app.test_client().get(f"/problems/{slug}"), 404, "not-found")


def test_the_type_of_a_problem_is_the_address_of_its_page(shared_world: World) -> None:
    client = shared_world.app.test_client()
    found = problem(client.get("/nowhere"), 404, "not-found")
    path = re.sub(r"^http://[^/]+", "", found["type"])
    assert client.get(path).status_code == 200


def test_fields_are_named_by_dotted_paths_with_texts(shared_world: World) -> None:
    body = {"sub": 1, "context": {"ip": 2, "x": 1}, "prior": {"amr": ["pwd", 3]}, "y": 1}
    response = shared_world.client().post("/v1/challenges", body)
    errors = problem(response, 422, "invalid-request")["errors"]
    assert set(errors) == {
        *("sub", "context.ip", "context.x", "prior.amr.1", "prior.auth_time", "y"),
    }
    assert all(isinstance(line, str) and line for lines in errors.values() for line in lines)


def bodies_of_rejected_proofs(world: World, api: Api, sub: str) -> list[dict[str, object]]:
    """Return what a wrong code, a faulty JWS, a wrong confirmation and a faulty claim get."""
    phone = world.phone(sub)
    opened = api.challenge(sub)
    asked = world.fetch(phone, opened["id"])
    enrollment = api.enroll(sub, type="totp", reason="test")
    responses = [
        api.answer(opened["id"], "totp", "000000"),
        world.send(phone, opened["id"], "no.JWS.atall"),
        world.send(phone, opened["id"], phone.answer(asked, code="wrong")),
        world.send(phone, opened["id"], phone.answer(asked, code="wrong", nonce="x" * 43)),
        api.confirm(enrollment, code="000000"),
        world.claim(phone, "0" * 26, aud="elsewhere"),
    ]
    return [problem(response, 403, "proof-rejected") for response in responses]


def test_proof_rejected_has_one_body_but_for_instance_and_attempts_left(
    shared_world: World,
) -> None:
    found = bodies_of_rejected_proofs(shared_world, shared_world.client(), fresh_subject())
    assert [body.pop("attempts_left", None) for body in found] == [4, 4, 3, 3, None, None]
    plain = [{name: body[name] for name in body if name != "instance"} for body in found]
    assert plain == [plain[0]] * len(plain)
    assert set(plain[0]) == {"type", "title", "status", "detail"}


def test_a_fault_of_the_store_is_503_and_one_of_ours_500_without_details(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    api = world.client()
    with world.services.foundation.work.engine.begin() as connection:
        connection.execute(text("ALTER TABLE challenge RENAME TO gone"))
    caplog.set_level(logging.CRITICAL)
    response = api.get("/v1/challenges/chl_x")
    assert response.status_code in {500, 503}
    slug = {500: "internal", 503: "unavailable"}[response.status_code]
    found = problem(response, response.status_code, slug)
    assert "challenge" not in found["title"] + found["detail"]
    assert "SELECT" not in response.text
