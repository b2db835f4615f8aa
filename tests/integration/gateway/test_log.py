"""Each decision leaves one line with its reason, and nothing that is a secret or a person's."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from mfa_service.observability.logs import JsonLines
from tests.support.gateway import API, Gate, gate
from tests.support.login_issuer import METADATA, Answer, login_double
from tests.support.ports import FrozenClock


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """Return the decisions as they are written."""
    form = JsonLines()
    written = [json.loads(form.format(record)) for record in caplog.records]
    return [line for line in written if line["logger"] == "mfa_service.gateway"]


def last(caplog: pytest.LogCaptureFixture) -> dict[str, Any]:
    return lines(caplog)[-1]


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO)
    return caplog


def test_a_request_that_passes(nginx: Gate, log: pytest.LogCaptureFixture) -> None:
    token = nginx.token("orders:read")
    response = nginx.ask("/orders/1?secret=1", token, headers={"X-Request-Id": "r1"})
    line = last(log)
    assert {name: line[name] for name in line if name not in {"at", "level", "logger"}} == {
        "message": "gateway decided",
        "request_id": "r1",
        "event": "gateway",
        "method": "GET",
        "route": "2: GET api.example/orders/**",
        "status": 200,
        "client_id": response.headers["X-Auth-Client"],
        "issuer": "http://localhost:8000",
        "result": "allow",
        "reason": "sufficient",
    }
    assert "secret" not in log.text
    assert token not in log.text


def test_every_refusal_has_its_reason(nginx: Gate, log: pytest.LogCaptureFixture) -> None:
    token = nginx.token("orders:read")
    other = nginx.token(name="other", resource="https://other.example")
    asked: list[tuple[dict[str, Any], int, str]] = [
        ({"peer": "192.0.2.1"}, 403, "peer"),
        ({"host": "not a host"}, 403, "source"),
        ({"target": "/a//b"}, 403, "path: decoded"),
        ({"target": "/a%2fb"}, 403, "path: characters"),
        ({"target": "/nowhere"}, 403, "no_route"),
        ({}, 401, "no_token"),
        ({"token": "opaque"}, 401, "invalid_token: opaque"),
        ({"token": "a b"}, 401, "invalid_token: malformed"),
        ({"token": "e30.e30.e30"}, 401, "invalid_token: iss"),
        ({"token": other}, 401, "invalid_token: aud"),
        ({"token": token[:-4] + "AAAA"}, 401, "invalid_token: signature"),
        ({"token": token, "method": "POST"}, 403, "insufficient_scope"),
        ({"token": nginx.token(), "target": "/payments"}, 401, "acr"),
    ]
    for question, status, reason in asked:
        assert nginx.ask(**question).status_code == status
        line = last(log)
        assert (line["result"], line["status"], line["reason"]) == ("deny", status, reason)
    assert len(lines(log)) == len(asked)
    assert token not in log.text


def test_an_outage_is_a_reason(
    sqlite_url: str, tmp_path: Path, log: pytest.LogCaptureFixture
) -> None:
    with login_double(FrozenClock()) as double:
        double.answers[METADATA] = Answer(503, {})
        text = f"[[route]]\naudience = '{API}'\nissuer = '{double.issuer}'\n"
        with gate(sqlite_url, tmp_path, routes=text) as made:
            double.clock = made.world.clock
            assert made.ask(token=double.access_token(aud=API)).status_code == 503
    assert (last(log)["reason"], last(log)["status"]) == ("unavailable", 503)


def test_decisions_are_counted(nginx: Gate) -> None:
    nginx.ask(token=nginx.token())
    nginx.ask(token="nonsense")
    text = nginx.world.app.test_client().get("/metrics").text
    assert 'mfa_gateway_decisions_total{reason="sufficient",result="allow"}' in text
    assert 'mfa_gateway_decisions_total{reason="invalid_token",result="deny"}' in text


def test_nobody_writes_a_line_of_his_own(nginx: Gate, log: pytest.LogCaptureFixture) -> None:
    nginx.ask('/x", "result": "allow', method="GET")
    (line,) = lines(log)
    assert line["result"] == "deny"
