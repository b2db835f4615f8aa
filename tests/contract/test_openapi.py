"""openapi.yaml is valid, up to date, and true of every answer of the service."""

from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from mfa_service.http import openapi
from mfa_service.web.routes import PAGES
from tests.contract.api_flows import FLOWS
from tests.support.openapi import DOCUMENT, ApiDocument
from tests.support.world import World

PLAIN_ROUTES = {"/metrics", "/openapi.yaml", "/problems/<slug>", "/static/<version>/<name>"}
FOR_PEOPLE = {page.path for page in PAGES}


@pytest.fixture
def document(world: World) -> ApiDocument:
    found = ApiDocument.committed()
    found.watch(world.app)
    return found


def test_the_committed_document_is_valid_openapi_3_1() -> None:
    tree = ApiDocument.committed().tree
    assert tree["openapi"].startswith("3.1")
    assert [error.message for error in OpenAPIV31SpecValidator(tree).iter_errors()] == []


def test_the_committed_document_is_up_to_date() -> None:
    assert DOCUMENT.read_text("utf-8") == openapi.text()


def test_the_service_serves_the_committed_document(world: World) -> None:
    response = world.app.test_client().get("/openapi.yaml")
    assert response.text == DOCUMENT.read_text("utf-8")
    assert response.mimetype == "application/yaml"


def test_every_operation_has_its_own_name() -> None:
    names = [operation.name for operation in ApiDocument.committed().operations]
    assert len(names) == len(set(names)) > 20


def test_every_route_of_the_api_is_described(world: World) -> None:
    described = {(o.method, o.pattern.pattern) for o in ApiDocument.committed().operations}
    routes = {
        (method, rule.rule)
        for rule in world.app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.rule not in PLAIN_ROUTES | FOR_PEOPLE
    }
    undescribed = {
        (method, path) for method, path in routes if (method, _as_pattern(path)) not in described
    }
    assert undescribed == set()


def _as_pattern(rule: str) -> str:
    parts = ["[^/]+" if part.startswith("<") else part for part in rule.split("/")]
    return "/".join(parts)


@pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: flow.__name__)
def test_every_answer_of_a_flow_fits_the_document(
    flow: Any, world: World, document: ApiDocument
) -> None:
    expected: set[tuple[str, int]] = flow(world)
    assert document.faults == []
    assert expected <= document.seen


def test_the_flows_see_every_operation_answer_as_it_should(
    world: World, document: ApiDocument
) -> None:
    for flow in FLOWS:
        world.clock.advance(86_400)
        flow(world)
    succeeded = {name for name, status in document.seen if status < 300}
    lacking = {operation.name for operation in document.operations} - succeeded
    assert lacking <= {"webauthnOptions"}
