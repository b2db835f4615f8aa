"""Paths of operations are found as Werkzeug finds them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule

from mfa_service.http.operations import Operation
from mfa_service.http.paths import Identifier, Paths
from mfa_service.http.routes import OPERATIONS


def _rule(operation: Operation) -> Rule:
    return Rule(operation.path, endpoint=operation.name, methods=[operation.method])


RULES = {operation.name: _rule(operation) for operation in OPERATIONS}
MAP = Map(list(RULES.values()), converters={"id": Identifier}, merge_slashes=False).bind("")
PATHS = Paths()
for _operation in OPERATIONS:
    PATHS.add(_operation, RULES[_operation.name])
SEGMENTS = sorted({part for o in OPERATIONS for part in o.path.split("/") if "<" not in part})
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE"]

IDENTIFIERS = st.from_regex(Identifier.regex, fullmatch=True)
segments = st.one_of(
    st.sampled_from(SEGMENTS),
    st.sampled_from(["", ".", "..", "<id:user_id>", "x" * 64, "x" * 65, "a b", "ä", "a\n"]),
    IDENTIFIERS,
)


def _theirs(method: str, path: str) -> tuple[str, dict[str, str]] | None:
    try:
        name, values = MAP.match(path, method)
    except HTTPException:
        return None
    return name, dict(values)


def _ours(method: str, path: str) -> tuple[str, dict[str, str]] | None:
    found = PATHS.find(method, path)
    return found and (found[0].operation.name, found[1])


@given(st.sampled_from(METHODS), st.lists(segments, max_size=5))
def test_any_path_below_v1_names_what_werkzeug_says(method: str, below: list[str]) -> None:
    path = "/".join(["", "v1", *below])
    assert _ours(method, path) == _theirs(method, path)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda o: o.name)
@given(identifiers=st.lists(IDENTIFIERS, min_size=2, max_size=2))
def test_each_operation_is_found_at_its_path(operation: Operation, identifiers: list[str]) -> None:
    given_ = iter(identifiers)
    parts = [next(given_) if "<" in part else part for part in operation.path.split("/")]
    found = _ours(operation.method, "/".join(parts))
    assert found is not None
    assert found == _theirs(operation.method, "/".join(parts))
    assert found[0] == operation.name


def test_a_fixed_segment_beside_an_identifier_is_refused() -> None:
    paths = Paths()
    by_id = next(o for o in OPERATIONS if o.path == "/v1/users/<id:user_id>")
    beside = next(o for o in OPERATIONS if o.path == "/v1/users")
    paths.add(by_id, RULES[by_id.name])
    clashing = Operation("GET", "/v1/users/all", "all", "", beside.view)
    with pytest.raises(ValueError, match="beside"):
        paths.add(clashing, _rule(clashing))
