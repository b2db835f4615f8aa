"""A `World` whose service runs in other processes: the same calls, over HTTP."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import httpx
from flask import Flask
from werkzeug.datastructures import Headers
from werkzeug.test import TestResponse
from werkzeug.wrappers import Request

from mfa_service.app import create_app, services_of
from mfa_service.settings import Settings
from mfa_service.wiring import Ports

from .ports import FrozenClock
from .processes import ServerProcess, start_service
from .world import ISSUER, MASTER_KEYS, World, close

_SECONDS = 45


class WallClock(FrozenClock):
    """The clock of the machine, which the server reads too; nobody moves it."""

    def now(self) -> int:
        return int(time.time())

    def advance(self, seconds: int) -> None:
        raise AssertionError("a running server's clock cannot be moved")


class RemoteApp:
    """Stands where a test expects the application, and sends each request over HTTP."""

    def __init__(self, url: str, extensions: Mapping[str, Any]) -> None:
        self.extensions = extensions
        self._url = url

    def test_client(self) -> "RemoteApp":
        return self

    def post(self, path: str, **options: Any) -> TestResponse:
        return self.open(path, method="POST", **options)

    def open(
        self,
        path: str,
        *,
        method: str = "GET",
        data: bytes | str | None = None,
        headers: Mapping[str, str] | None = None,
        content_type: str | None = None,
    ) -> TestResponse:
        sent = dict(headers or {}) | ({"Content-Type": content_type} if content_type else {})
        with self._client() as http:
            answer = http.request(method, path, content=data, headers=sent)
        return TestResponse(
            iter([answer.content]),
            f"{answer.status_code} {answer.reason_phrase}",
            Headers(answer.headers.multi_items()),
            Request({"REQUEST_METHOD": method, "PATH_INFO": path}),
        )

    def _client(self) -> httpx.Client:
        """Return one for one call: a pool that threads share may close what another one reads."""
        return httpx.Client(base_url=self._url, timeout=_SECONDS, trust_env=False, verify=False)


def environment(database_url: str, *, issuer: str = ISSUER) -> dict[str, str]:
    """Return the settings under which a server and `remote_world` understand each other."""
    return {
        "MFA_DATABASE_URL": database_url,
        "MFA_MASTER_KEYS": MASTER_KEYS,
        "MFA_ISSUER": issuer,
    }


@contextmanager
def remote_world(
    url: str, database_url: str, *, issuer: str = ISSUER, **environ: str
) -> Iterator[World]:
    """Lend a world that talks to the server at `url`; clients are added beside it, in SQL."""
    clock = WallClock()
    settings = Settings.load(environment(database_url, issuer=issuer) | environ)
    local = create_app(settings, Ports.real())
    app = RemoteApp(url, local.extensions)
    world = World(cast("Flask", app), clock, {}, issuer=issuer)
    services_of(local).foundation.keys.ensure()
    try:
        yield world
    finally:
        close(world)


@contextmanager
def served(database_url: str, folder: Path, *, workers: int = 2) -> Iterator[ServerProcess]:
    """Lend `mfa serve` with several workers over a migrated database."""
    env = environment(database_url)
    with start_service(env, folder=folder, workers=workers) as server:
        yield server
