"""Files that one reads in a sitting, functions that fit on a screen, and one way to import."""

import ast
from collections.abc import Iterator

from tests.architecture.sources import Source, sources

FILE_LINES = 300
FUNCTION_LINES = 40

# Path, or path::function, to the reason why it is longer. Empty, and meant to stay so.
LONGER: dict[str, str] = {}

SHIPPED = sources("mfa_service", "mobile_stub", "examples")
ALL = [*SHIPPED, *sources("tests", "benchmarks", "migrations")]


def functions(source: Source) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    assert node.end_lineno is not None
    return node.end_lineno - node.lineno + 1


def test_a_file_is_read_in_a_sitting() -> None:
    lines = {source.name: source.text.count("\n") for source in SHIPPED}
    long = {name: count for name, count in lines.items() if count > FILE_LINES}
    assert long.keys() == {name for name in LONGER if "::" not in name}, long


def test_a_function_fits_on_a_screen() -> None:
    lines = {f"{s.name}::{node.name}": length(node) for s in SHIPPED for node in functions(s)}
    long = {name: count for name, count in lines.items() if count > FUNCTION_LINES}
    assert long.keys() == {name for name in LONGER if "::" in name}, long


def test_the_first_line_says_what_a_file_is_responsible_for() -> None:
    silent = [
        source.name
        for source in ALL
        if not (ast.get_docstring(source.tree) and source.text.startswith(('"""', 'r"""', "#!")))
    ]
    assert silent == []


def test_all_imports_stand_at_the_top() -> None:
    inside = [
        f"{source.name}:{node.lineno}"
        for source in SHIPPED
        for function in functions(source)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert inside == []
