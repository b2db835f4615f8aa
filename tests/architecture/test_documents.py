"""What the documents name exists: tests, commands, variables, files and headings."""

import ast
import re
import shlex
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT, tracked_files
from tests.support.deploying import assert_command

NAMED = re.compile(r"`([a-z0-9_/]+\.py)::([a-z0-9_]+)`")
THREATS = NAMED.findall((ROOT / "docs" / "threats.md").read_text(encoding="utf-8"))
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"\]\(([^)\s#:]*)(?:#([^)\s]+))?\)")
COMMAND = re.compile(r"^ {4}(mfa [a-z][^#\n]*)", re.MULTILINE)
VARIABLE = re.compile(r"\bMFA_[A-Z]+(?:_[A-Z]+)*\b")
CODE = {".py", ".mjs", ".toml", ".yaml"}
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def test_the_table_of_threats_names_tests() -> None:
    assert len(THREATS) > 30


@pytest.mark.parametrize(("path", "name"), sorted(set(THREATS)), ids=str)
def test_a_test_that_holds_a_threat_exists(path: str, name: str) -> None:
    tree = ast.parse((ROOT / "tests" / path).read_text(encoding="utf-8"))
    defined = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    assert name in defined


def anchors(page: Path) -> set[str]:
    """Return the names of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", text_of(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in headings}


@pytest.mark.parametrize("name", NAMES)
def test_every_link_leads_somewhere(name: str) -> None:
    page = ROOT / name
    for path, anchor in LINK.findall(text_of(page)):
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{name}: {path}"
        if anchor and target.suffix == ".md":
            assert anchor in anchors(target), f"{name}: {path}#{anchor}"


@pytest.mark.parametrize("name", NAMES)
def test_every_command_and_option_exists(name: str) -> None:
    for line in COMMAND.findall(text_of(ROOT / name)):
        words = shlex.split(re.sub(r"\[|\]|…", " ", line.partition("`")[0]))[1:]
        assert_command(words)


@pytest.mark.parametrize("name", NAMES)
def test_every_variable_is_read_somewhere(name: str) -> None:
    code = "".join(text_of(path) for path in tracked_files() if path.suffix in CODE)
    unknown = {found for found in VARIABLE.findall(text_of(ROOT / name)) if found not in code}
    assert unknown == set(), name


ERROR = re.compile(
    r'(?:OAuthError|_refused)\(\s*"([a-z_]+)"|^_[A-Z]+ = \("([a-z_]+)", "[A-Z]', re.MULTILINE
)
TESTED = ("ciba", "oidc", "entra", "api", "ldap")


def test_every_error_of_the_oauth_endpoints_is_produced_by_a_test_and_explained() -> None:
    code = [p for name in ("http", "services") for p in (ROOT / "mfa_service" / name).glob("*.py")]
    errors = {a or b for path in code for a, b in ERROR.findall(text_of(path))}
    assert len(errors) > 20
    tests = [path for name in TESTED for path in (ROOT / "tests/integration" / name).glob("*.py")]
    tested = "".join(map(text_of, tests))
    pages = "".join(map(text_of, PAGES))
    assert {error for error in errors if f'"{error}"' not in tested} == set()
    assert {error for error in errors if f"`{error}`" not in pages} == set()
