"""What must not be committed, and the layers that import-linter holds."""

import re
import subprocess
import sysconfig
from pathlib import Path

from tests.architecture.sources import ROOT, tracked_files

FOLDERS = "work|root|farm|tmp"
MACHINE_PATH = re.compile(rf"/(?:{FOLDERS})/[a-z]|/(?:home|Users)/[a-z]\w*/")
NAMES = "pypi|npmjs|pythonhosted|registry"
REGISTRY = re.compile(rf"\b(?:{NAMES})\.(?:org|com|io)\b")
BINARY = {".png", ".ico", ".woff2", ".jpg", ".gif", ".zip"}


def lines_with(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:120]}"
        for path in tracked_files()
        if path.suffix not in BINARY
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if pattern.search(line)
    ]


def test_no_path_of_a_machine_is_committed() -> None:
    assert lines_with(MACHINE_PATH) == []


def test_no_registry_address_is_committed() -> None:
    assert lines_with(REGISTRY) == []


def test_no_lock_file_that_records_addresses_is_committed() -> None:
    assert [path.name for path in tracked_files() if path.name == "uv.lock"] == []


def test_every_pin_has_a_hash() -> None:
    pins = re.compile(r"^[a-z0-9][^\s=]*==[^\\\n]*(\\?)\n( +--hash)?", re.MULTILINE)
    for path in sorted((ROOT / "requirements").glob("*.txt")):
        found = pins.findall(path.read_text())
        assert found
        assert all(hashed for _, hashed in found), path.name


def test_what_is_shipped_is_what_is_tested() -> None:
    pin = re.compile(r"^([a-z0-9][^\s=\[]*)==(\S+)", re.MULTILINE)
    named = {
        path.stem: dict(pin.findall(path.read_text()))
        for path in (ROOT / "requirements").glob("*.txt")
    }
    assert {"service", "service-push", "tools", "dev"} == set(named)
    assert named["service"].items() <= named["service-push"].items() <= named["dev"].items()
    assert "firebase-admin" in named["service-push"].keys() - named["service"].keys()


def test_the_layers_hold() -> None:
    lint_imports = Path(sysconfig.get_path("scripts")) / "lint-imports"
    result = subprocess.run(
        [lint_imports, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
