"""What the documents name exists: every test that the table of threats rests on."""

import ast
import re

import pytest

from tests.architecture.sources import ROOT

NAMED = re.compile(r"`([a-z0-9_/]+\.py)::([a-z0-9_]+)`")
THREATS = NAMED.findall((ROOT / "docs" / "threats.md").read_text(encoding="utf-8"))


def test_the_table_of_threats_names_tests() -> None:
    assert len(THREATS) > 30


@pytest.mark.parametrize(("path", "name"), sorted(set(THREATS)), ids=str)
def test_a_test_that_holds_a_threat_exists(path: str, name: str) -> None:
    tree = ast.parse((ROOT / "tests" / path).read_text(encoding="utf-8"))
    defined = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    assert name in defined
