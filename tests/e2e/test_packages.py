"""The wheel and the sdist: all that the service needs is in them, and nothing of a developer."""

import re
import subprocess
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from mfa_service.http.routes import OPERATIONS
from tests.architecture.sources import ROOT, tracked_files
from tests.support.leash import free_port, minimal_environment
from tests.support.packaged import Packages, installed_apart
from tests.support.processes import ServerProcess

LOADED = re.compile(r'(?:href|src)="(/static/[^"]+)"')
SHIPPED = {"mfa_service", "mobile_stub"}


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Packages:
    return Packages.made_in(tmp_path_factory.mktemp("packages"))


@pytest.fixture(scope="module")
def program(packages: Packages, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the `mfa` of an environment that has the wheel."""
    return installed_apart(packages.wheel, tmp_path_factory.mktemp("apart"))


@dataclass(frozen=True)
class Instance:
    """The installed service, running in a folder that was empty."""

    folder: Path
    http: httpx.Client


@pytest.fixture(scope="module")
def instance(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    folder, port = tmp_path_factory.mktemp("empty"), free_port()
    env = {"MFA_ISSUER": f"http://localhost:{port}"}
    command = [str(program), "serve", "--port", str(port), "--workers", "2"]
    ended = mfa(program, folder, "db", "upgrade")
    assert ended.returncode == 0, ended.stderr
    with (
        ServerProcess(command, port=port, env=env, folder=folder) as server,
        httpx.Client(base_url=server.await_answer("/readyz").url, trust_env=False) as http,
    ):
        yield Instance(folder, http)


def mfa(program: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(program), *arguments],
        cwd=folder,
        env=minimal_environment(folder),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def committed(*folders: str) -> set[str]:
    """Return the files of these folders as they are, or could be, committed."""
    names = {path.relative_to(ROOT).as_posix() for path in tracked_files()}
    return {name for name in names if name.partition("/")[0] in folders}


def test_the_wheel_has_every_file_of_the_service_and_no_other(packages: Packages) -> None:
    with zipfile.ZipFile(packages.wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    migrations = {f"mfa_service/{name}" for name in committed("migrations")}
    assert names == committed(*SHIPPED) | migrations
    suffixes = {Path(name).suffix for name in names}
    assert {".html", ".css", ".js", ".svg", ".po", ".toml", ".mako"} <= suffixes


def test_the_sdist_has_what_a_wheel_is_built_from_and_no_more(packages: Packages) -> None:
    with tarfile.open(packages.sdist) as archive:
        names = {member.name.partition("/")[2] for member in archive.getmembers()}
    beside = {"CHANGELOG.md", "LICENSE", "README.md", "pyproject.toml", "PKG-INFO", ".gitignore"}
    assert names == committed(*SHIPPED, "migrations") | beside


def test_what_is_installed_is_the_wheel_and_not_this_checkout(program: Path) -> None:
    python = program.parent / "python"
    code = "import mfa_service, mobile_stub; print(mfa_service.__file__, mobile_stub.__file__)"
    found = subprocess.check_output([python, "-c", code], text=True, cwd="/").split()
    assert [Path(name).is_relative_to(program.parents[1]) for name in found] == [True, True]


def test_the_installed_program_says_its_version(program: Path, tmp_path: Path) -> None:
    ended = mfa(program, tmp_path, "--version")
    assert (ended.returncode, ended.stdout) == (0, "mfa, version 0.1.0\n")
    assert list(tmp_path.iterdir()) == []


def test_it_runs_from_an_empty_folder(instance: Instance) -> None:
    for path in ("/healthz", "/readyz"):
        assert instance.http.get(path).json() == {"status": "ok"}
    metadata = instance.http.get("/.well-known/openid-configuration").json()
    assert metadata["issuer"] == str(instance.http.base_url).rstrip("/")
    assert len(instance.http.get("/.well-known/jwks.json").json()["keys"]) >= 1
    document = instance.http.get("/openapi.yaml").text
    assert all(f"operationId: {operation.name}\n" in document for operation in OPERATIONS)
    made = {path.name for path in (instance.folder / "instance").iterdir()}
    assert {"mfa.db", "master.key"} <= made


@pytest.mark.parametrize(
    ("language", "words"), [("en", "How you sign in"), ("de", "Wie Sie sich anmelden")]
)
def test_its_pages_have_their_words_and_all_that_they_load(
    instance: Instance, language: str, words: str
) -> None:
    page = instance.http.get("/account", headers={"Accept-Language": language})
    assert words in page.text
    loaded = set(LOADED.findall(page.text))
    assert {path.rpartition(".")[2] for path in loaded} >= {"css", "svg"}
    for path in loaded:
        assert instance.http.get(path).status_code == 200
