"""The image: linted, built, and run with a read-only root, no privilege and one volume."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT
from tests.support.images import Container, Image
from tests.support.patience import until
from tests.support.processes import installed

MISSING = "needs buildah and root: tools/system-packages installs it on Debian"
builds = pytest.mark.skipif(os.geteuid() != 0 or shutil.which("buildah") is None, reason=MISSING)
# A proxy that does not exist: who asked by it would get no answer.
ENV = {"MFA_ISSUER": "http://localhost:8000", "http_proxy": "http://127.0.0.1:9"}
FETCH = (
    "import http.client as h; c = h.HTTPConnection('127.0.0.1', 8000, timeout=20);"
    "c.request('GET', '{path}'); a = c.getresponse(); print(a.status, a.read().decode())"
)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    return Image.built(tmp_path_factory.mktemp("image"), revision="0123abc")


@pytest.fixture(scope="module")
def container(image: Image, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Container]:
    """Return the service as the image starts it, with two workers."""
    command = [*image.config["Cmd"], "--workers", "2"]
    running = image.start(tmp_path_factory.mktemp("container"), command=command, env=ENV)
    try:
        until(running.is_healthy)
        yield running
    finally:
        running.process.kill()


def fetched(container: Container, path: str) -> tuple[int, str]:
    status, _, body = container.run("python", "-c", FETCH.format(path=path)).stdout.partition(" ")
    return int(status), body


def test_the_dockerfile_has_no_fault_that_hadolint_knows() -> None:
    command = [installed("hadolint"), "--failure-threshold", "style", "Dockerfile"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


@builds
def test_the_image_says_how_it_is_run(image: Image) -> None:
    config = image.config
    assert (config["User"], config["StopSignal"]) == ("10001:10001", "SIGTERM")
    assert config["Entrypoint"] == ["mfa"]
    assert config["Cmd"][0] == "serve"
    assert list(config["ExposedPorts"]) == ["8000/tcp"]
    assert config["Labels"]["org.opencontainers.image.revision"] == "0123abc"


@builds
def test_the_image_has_neither_what_built_it_nor_what_is_not_for_it(image: Image) -> None:
    assert [path.name for path in (image.root / "opt").iterdir()] == ["mfa"]
    assert not list((image.root / "opt" / "mfa" / "bin").glob("pip*"))
    assert not list((image.root / "srv").rglob("*.*"))
    (site,) = (image.root / "opt").glob("mfa/lib/python3.*/site-packages")
    assert {"mfa_service", "mobile_stub", "psycopg", "redis"} <= {p.name for p in site.iterdir()}
    assert not list(site.glob("pytest*"))


@builds
def test_it_serves_with_a_root_that_it_cannot_write_to(container: Container) -> None:
    assert container.run("id", "-u").stdout == "10001\n"
    for folder in ("/", "/opt/mfa", "/srv/mfa", "/etc", "/tmp"):
        assert container.run("touch", f"{folder}/written").returncode == 1
    assert fetched(container, "/readyz") == (200, '{"status": "ok"}\n')
    status, page = fetched(container, "/account")
    assert (status, "How you sign in" in page) == (200, True)


@builds
def test_its_workers_metrics_are_summed_without_a_folder_of_their_own(container: Container) -> None:
    for _ in range(5):
        fetched(container, "/.well-known/openid-configuration")
    _, text = fetched(container, "/metrics")
    line = 'mfa_requests_total{operation="/.well-known/openid-configuration",status="200"} 5.0'
    assert line in text


@builds
def test_other_commands_are_given_as_arguments(container: Container) -> None:
    assert container.run("mfa", "db", "upgrade").returncode == 0
    added = container.run("mfa", "client", "add", "as", "--scope", "mfa:challenge", "--json")
    assert json.loads(added.stdout)["client_id"]


@builds
def test_a_worker_is_healthy_by_the_same_check(image: Image, tmp_path: Path) -> None:
    command = ["worker", "--host", "0.0.0.0", "--port", "8000"]
    running = image.start(tmp_path, command=command, env=ENV)
    until(running.is_healthy)
    assert running.stop() == 0


@builds
def test_the_stop_signal_ends_it_properly(image: Image, tmp_path: Path) -> None:
    running = image.start(tmp_path, env=ENV)
    assert not running.is_healthy()
    until(running.is_healthy)
    assert running.stop() == 0
    ended = image.start(tmp_path, command=["--version"], env={}).process
    assert ended.await_end() == 0
    assert ended.output().endswith("mfa, version 0.1.0\n")
