"""The files of the project, as text and as syntax trees."""

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).parents[2]
_MADE_HERE = {"__pycache__", "instance", "build", "dist", "node_modules"}


@dataclass(frozen=True)
class Source:
    """One Python file; `name` is its path from the project's root."""

    path: Path

    @property
    def name(self) -> str:
        """Return the path from the root, with slashes."""
        return self.path.relative_to(ROOT).as_posix()

    @cached_property
    def text(self) -> str:
        """Return the content."""
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def tree(self) -> ast.Module:
        """Return the syntax tree."""
        return ast.parse(self.text, filename=self.name)


def sources(*packages: str) -> list[Source]:
    """Return the Python files below these folders of the project, empty ones left out."""
    found = (path for package in packages for path in sorted((ROOT / package).rglob("*.py")))
    return [Source(path) for path in found if path.stat().st_size > 0]


def tracked_files() -> list[Path]:
    """Return what is or could be committed; outside a clone, all but what work leaves behind."""
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z", "-co", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode == 0:
        paths = [ROOT / name for name in listed.stdout.split("\0") if name]
    else:
        paths = [path for path in ROOT.rglob("*") if not _is_made_here(path)]
    return [path for path in paths if path.is_file()]


def dotted_names(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield line and full name of all that is imported or reached through an imported module."""
    aliases: dict[str, str] = {}
    for line, local, full in _imports(tree):
        aliases[local] = full
        yield line, full
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            root, _, rest = ast.unparse(node).partition(".")
            if root in aliases:
                yield node.lineno, f"{aliases[root]}.{rest}"


def _imports(tree: ast.AST) -> Iterator[tuple[int, str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            prefix = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
            for alias in node.names:
                yield node.lineno, alias.asname or alias.name, prefix + alias.name
                if not prefix and not alias.asname:
                    root = alias.name.partition(".")[0]
                    yield node.lineno, root, root


def _is_made_here(path: Path) -> bool:
    folders = path.relative_to(ROOT).parts[:-1]
    return any(part in _MADE_HERE or (part[0] == "." and part != ".ci") for part in folders)
