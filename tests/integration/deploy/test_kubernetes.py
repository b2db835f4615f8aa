"""The kustomize base and its example: rendered, valid by Kubernetes' schemas, and fitting."""

import re
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from mfa_service.app import create_app
from mfa_service.settings import Settings
from tests.support.deploying import DEPLOY, assert_command, assert_no_secret, assert_variables
from tests.support.processes import installed
from tests.support.world import MASTER_KEYS

VERSIONS = ("1.30", "1.34", "1.37")
SECRETS = "/run/secrets/mfa"
VALUES = {
    "database_url": "postgresql+psycopg://mfa:x@postgres.example/mfa",
    "redis_url": "rediss://:x@redis.example",
    "master_keys": MASTER_KEYS,
    "metrics_token": "x",
}
Resource = dict[str, Any]


def rendered() -> list[Resource]:
    folder = DEPLOY / "kubernetes" / "example"
    ended = subprocess.run(
        [installed("kubectl"), "kustomize", folder], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr == ""
    return list(yaml.safe_load_all(ended.stdout))


RESOURCES = rendered()
PODS = {
    resource["metadata"]["name"]: resource["spec"]["template"]
    for resource in RESOURCES
    if resource["kind"] in {"Deployment", "Job"}
}


def of_kind(kind: str) -> list[Resource]:
    found = [resource for resource in RESOURCES if resource["kind"] == kind]
    assert found
    return found


def container_of(name: str) -> Resource:
    (container,) = PODS[name]["spec"]["containers"]
    return dict(container)


def selected_by(selector: Resource) -> set[str]:
    """Return the pods that a selector finds."""
    wanted = selector.get("matchLabels", selector).items()
    return {name for name, pod in PODS.items() if wanted <= pod["metadata"]["labels"].items()}


@pytest.mark.parametrize("version", VERSIONS)
def test_every_resource_is_valid(version: str) -> None:
    for resource in RESOURCES:
        kubernetes_validate.validate(resource, version, strict=True)


@pytest.mark.parametrize("name", PODS)
def test_every_pod_is_as_restricted_as_kubernetes_knows(name: str) -> None:
    """What the pod security standard `restricted` asks, and a root that is read-only."""
    spec, container = PODS[name]["spec"], container_of(name)
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] == 10001
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert (spec["automountServiceAccountToken"], spec["enableServiceLinks"]) == (False, False)
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(spec)
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert all(set(volume) == {"name", "secret"} for volume in spec["volumes"])
    assert {"cpu", "memory"} <= set(container["resources"]["requests"])
    assert "memory" in container["resources"]["limits"]
    assert container["image"] == "registry.example.org/stepup-mfa-service:0.1.0"


def test_selectors_find_the_pods_that_they_are_about() -> None:
    for deployment in of_kind("Deployment"):
        name = deployment["metadata"]["name"]
        assert selected_by(deployment["spec"]["selector"]) == {name}
        assert deployment["spec"]["replicas"] == 2
    for budget in of_kind("PodDisruptionBudget"):
        assert selected_by(budget["spec"]["selector"]) == {budget["metadata"]["name"]}
    (service,) = of_kind("Service")
    assert selected_by(service["spec"]["selector"]) == {"mfa"}
    policies = {
        p["metadata"]["name"]: selected_by(p["spec"]["podSelector"])
        for p in of_kind("NetworkPolicy")
    }
    assert policies == {"mfa": set(PODS), "mfa-public": {"mfa"}}
    for name in ("mfa", "mfa-worker"):
        (spread,) = PODS[name]["spec"]["topologySpreadConstraints"]
        assert selected_by(spread["labelSelector"]) == {name}


def test_nothing_reaches_the_metadata_of_a_cloud_or_the_private_network_on_443() -> None:
    (policy, _) = sorted(of_kind("NetworkPolicy"), key=lambda p: str(p["metadata"]["name"]))
    open_to_all = [rule for rule in policy["spec"]["egress"] if "0.0.0.0/0" in str(rule)]
    (rule,) = open_to_all
    (block,) = rule["to"]
    assert {"10.0.0.0/8", "169.254.0.0/16"} <= set(block["ipBlock"]["except"])
    assert rule["ports"] == [{"port": 443, "protocol": "TCP"}]


def test_ports_and_probes_are_those_of_the_service(sqlite_url: str) -> None:
    settings = Settings.load({"MFA_DATABASE_URL": sqlite_url, "MFA_MASTER_KEYS": MASTER_KEYS})
    known = {str(rule) for rule in create_app(settings).url_map.iter_rules()}
    for name in ("mfa", "mfa-worker"):
        container = container_of(name)
        (port,) = container["ports"]
        assert (
            str(port["containerPort"]) == container["args"][container["args"].index("--port") + 1]
        )
        for kind in ("startupProbe", "livenessProbe"):
            assert container[kind]["httpGet"] == {"path": "/healthz", "port": port["name"]}
    assert container_of("mfa")["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert {"/healthz", "/readyz"} <= known
    (service,) = of_kind("Service")
    assert service["spec"]["ports"][0]["targetPort"] == container_of("mfa")["ports"][0]["name"]


def test_commands_exist() -> None:
    for name in PODS:
        assert_command(container_of(name)["args"])


def test_settings_are_right_and_name_only_what_the_secret_holds(tmp_path: Path) -> None:
    (config,) = of_kind("ConfigMap")
    environ: dict[str, str] = config["data"]
    assert_no_secret(environ)
    assert_variables(environ)
    for name in PODS:
        container = container_of(name)
        assert container["envFrom"] == [{"configMapRef": {"name": config["metadata"]["name"]}}]
        (mount,) = container["volumeMounts"]
        assert (mount["mountPath"], mount["readOnly"]) == (SECRETS, True)
    for name, value in VALUES.items():
        (tmp_path / name).write_text(value)
    local = {name: value.replace(SECRETS, str(tmp_path)) for name, value in environ.items()}
    assert Settings.load(local).warnings == ()
    named = {Path(value).name for value in environ.values() if value.startswith(SECRETS)}
    assert named == set(VALUES)


def test_the_documented_secret_has_what_the_pods_read() -> None:
    page = (DEPLOY.parent / "docs" / "deploying.md").read_text("utf-8")
    (command,) = re.findall(r"create secret generic mfa((?:.*\\\n)*.*)", page)
    assert set(re.findall(r"--from-file=\S*/(\w+)", command)) == set(VALUES)


def test_no_secret_is_in_the_manifests() -> None:
    assert not [resource for resource in RESOURCES if resource["kind"] == "Secret"]
