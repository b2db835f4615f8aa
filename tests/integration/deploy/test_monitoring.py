"""Alerts and the dashboard: read by Prometheus' own tool, and about metrics that there are."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.parser import text_string_to_metric_families

from mfa_service.domain.challenge import PushState, Status
from mfa_service.observability import metrics
from tests.architecture.sources import ROOT
from tests.support.deploying import DEPLOY
from tests.support.world import World

PROMETHEUS, DASHBOARD = DEPLOY / "prometheus", DEPLOY / "grafana" / "step-up.json"
OF_PROMETHEUS = {"up", "ALERTS"}
OF_ANY_SCRAPE = {"job", "instance"}
SELECTOR = re.compile(r"\b(mfa_\w+|up)\b(?:\{([^}]*)\})?")
LABEL = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"')
GROUPED = re.compile(r"\bby \(([^)]*)\)")
COLUMNS = 24


def promtool(*arguments: str, folder: Path = PROMETHEUS) -> None:
    command = [str(ROOT / ".venv" / "promtool"), *arguments]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def rules() -> list[dict[str, str]]:
    (group,) = yaml.safe_load((PROMETHEUS / "alerts.yaml").read_text("utf-8"))["groups"]
    return list(group["rules"])


def dashboard() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(DASHBOARD.read_text("utf-8"))
    return found


def shown() -> Iterator[str]:
    """Yield the dashboard's expressions, with what Grafana fills in."""
    for panel in dashboard()["panels"]:
        for target in panel.get("targets", []):
            yield target["expr"].replace("$__rate_interval", "5m").replace("$job", "mfa.*")


EXPRESSIONS = [*(rule["expr"] for rule in rules()), *shown()]


@pytest.fixture
def scraped(world: World) -> dict[str, str]:
    """Return the names in `/metrics`, with their types, after a proof was rejected."""
    totp, api = world.totp(), world.client()
    challenge = api.challenge()
    assert api.answer(challenge["id"], "totp", totp.wrong()).status_code == 403
    text = world.app.test_client().get("/metrics").text
    found: dict[str, str] = {}
    for family in text_string_to_metric_families(text):
        ends = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"]}
        found |= {f"{family.name}{end}": family.name for end in ends.get(family.type, [])}
    return found


def labels_of(name: str) -> set[str]:
    """Return the labels of a metric of ours, by its name in an expression."""
    base = re.sub(r"_(total|bucket|sum|count)$", "", name)
    (metric,) = (
        metric
        for metric in vars(metrics).values()
        if isinstance(metric, MetricWrapperBase) and metric._name == base
    )
    return {*metric._labelnames, *OF_ANY_SCRAPE, *(["le"] if name.endswith("_bucket") else [])}


def test_prometheus_takes_the_rules_and_each_fires_when_it_should() -> None:
    promtool("check", "rules", "alerts.yaml")
    promtool("test", "rules", "alerts_test.yaml")


def test_every_alert_is_tested_to_fire_and_to_be_silent() -> None:
    tests = yaml.safe_load((PROMETHEUS / "alerts_test.yaml").read_text("utf-8"))["tests"]
    fired: set[str] = set()
    silent: set[str] = set()
    for case in (case for test in tests for case in test["alert_rule_test"]):
        (fired if case.get("exp_alerts") else silent).add(case["alertname"])
    assert fired == silent == {rule["alert"] for rule in rules()}


def test_prometheus_takes_the_example_of_its_configuration(tmp_path: Path) -> None:
    for name in ("alerts.yaml", "prometheus.yaml"):
        (tmp_path / name).write_bytes((PROMETHEUS / name).read_bytes())
    (tmp_path / "metrics_token").write_text("x")
    promtool("check", "config", "prometheus.yaml", folder=tmp_path)


def test_prometheus_understands_every_expression_of_the_dashboard(tmp_path: Path) -> None:
    recorded = [{"record": f"shown:{n}", "expr": text} for n, text in enumerate(shown())]
    assert len(recorded) > 10
    group = {"groups": [{"name": "shown", "rules": recorded}]}
    (tmp_path / "shown.yaml").write_text(yaml.safe_dump(group))
    promtool("check", "rules", "shown.yaml", folder=tmp_path)


def test_every_metric_and_label_is_in_a_scrape(scraped: dict[str, str]) -> None:
    for expression in EXPRESSIONS:
        used = SELECTOR.findall(expression)
        assert used
        labels = OF_ANY_SCRAPE.union(*(labels_of(n) for n, _ in used if n not in OF_PROMETHEUS))
        for name, selector in used:
            assert name in OF_PROMETHEUS or name in scraped
            known = OF_ANY_SCRAPE if name in OF_PROMETHEUS else labels_of(name)
            assert {label for label, _, _ in LABEL.findall(selector)} <= known, expression
        for group in GROUPED.findall(expression):
            assert {label.strip() for label in group.split(",")} <= labels, expression


def test_every_metric_is_looked_at(scraped: dict[str, str]) -> None:
    used = {name for text in EXPRESSIONS for name, _ in SELECTOR.findall(text)} - OF_PROMETHEUS
    ours = {family for name, family in scraped.items() if name.startswith("mfa_")}
    assert {scraped[name] for name in used} == ours


def test_every_metric_is_explained(scraped: dict[str, str]) -> None:
    page = (ROOT / "docs" / "operating.md").read_text("utf-8")
    told = set(re.findall(r"^\| `(mfa_\w+)` \|", page, re.MULTILINE))
    ends = re.compile(r"_(bucket|sum|count)$")
    assert told == {ends.sub("", name) for name in scraped if name.startswith("mfa_")}


def test_every_value_that_is_looked_for_occurs(world: World) -> None:
    operations = {rule.endpoint for rule in world.app.url_map.iter_rules()}
    results = {"rejected", "accepted", "ok", "failed", *PushState, "satisfied"}
    known = {
        "status": {*map(str, Status), "5.."},
        "operation": operations,
        "result": results,
        "reason": {"unavailable"},
        "job": {"mfa.*"},
    }
    for text in EXPRESSIONS:
        for _, selector in SELECTOR.findall(text):
            for label, _, value in LABEL.findall(selector):
                assert set(value.split("|")) <= known[label], (label, value)


def test_operations_that_wait_are_those_of_the_document_and_the_pages() -> None:
    document = yaml.safe_load((ROOT / "openapi.yaml").read_text("utf-8"))
    waiting = {"challengePageState", "accountEnrollmentState"}
    for operations in document["paths"].values():
        for operation in operations.values():
            named = {parameter.get("name") for parameter in operation.get("parameters", [])}
            waiting |= {operation["operationId"]} if "wait" in named else set()
    told = re.findall(r'operation[=!]~"([^"]*)"', "".join(EXPRESSIONS))
    assert len(told) >= 4
    assert {frozenset(names.split("|")) for names in told} == {frozenset(waiting)}


def test_the_dashboard_shows_no_panel_over_another() -> None:
    taken: set[tuple[int, int]] = set()
    panels = dashboard()["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    for panel in panels:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= COLUMNS
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        taken |= cells


def test_the_dashboard_belongs_to_no_server_in_particular() -> None:
    sources = {
        json.dumps(panel["datasource"]) for panel in dashboard()["panels"] if "datasource" in panel
    }
    assert sources == {'{"type": "prometheus", "uid": "${datasource}"}'}
    assert {entry["name"] for entry in dashboard()["templating"]["list"]} == {"datasource", "job"}
