"""`mfa serve` with a collector: each worker sends its spans, the last ones when it stops."""

import subprocess
import sys
from pathlib import Path

import httpx

from tests.support.collector import collector
from tests.support.leash import minimal_environment
from tests.support.processes import start_service
from tests.support.remote import environment


def test_the_library_is_loaded_only_with_the_setting(sqlite_url: str, tmp_path: Path) -> None:
    code = "import sys, mfa_service.wsgi; print([n for n in sys.modules if 'opentelemetry' in n])"
    env = minimal_environment(tmp_path) | environment(sqlite_url)
    ran = subprocess.run(
        [sys.executable, "-c", code], env=env, cwd=tmp_path, capture_output=True, check=True
    )
    assert ran.stdout == b"[]\n"


def test_spans_arrive_from_every_worker_also_when_it_stops(sqlite_url: str, tmp_path: Path) -> None:
    with collector() as double:
        env = environment(sqlite_url) | {
            "MFA_TRACING": double.url,
            "OTEL_BSP_SCHEDULE_DELAY": "60000",  # so that only the stop sends them
            "OTEL_EXPORTER_OTLP_HEADERS": "x-key=secret",
            "OTEL_SERVICE_NAME": "mfa-of-a-bank",
        }
        with start_service(env, folder=tmp_path, workers=2) as server:
            for _ in range(5):
                assert httpx.get(f"{server.url}/readyz").status_code == 200
            assert double.spans == []
        assert len(double.named("/readyz")) == 5
        assert {span.service for span in double.spans} == {"mfa-of-a-bank"}
        assert {headers["x-key"] for headers in double.headers} == {"secret"}
        assert "secret" not in server.output()
