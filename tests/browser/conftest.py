"""One Chromium, windows that are watched, and running services, one per file."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from zlib import crc32

import pytest
from playwright.sync_api import Browser

from tests.support.chromium import Windows, chromium
from tests.support.customers import Customer
from tests.support.leash import free_port
from tests.support.processes import start_service
from tests.support.remote import environment, remote_world
from tests.support.residents import Town, town
from tests.support.world import World


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Return Chromium. It ends with this folder: its event loop is in the way of others."""
    with chromium() as started:
        yield started


@pytest.fixture
def windows(browser: Browser) -> Iterator[Windows]:
    """Return what opens windows; what their pages did wrong fails the test."""
    opened = Windows(browser)
    yield opened
    assert opened.close() == []


@pytest.fixture(scope="module")
def service(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Return the world of a running service of this file, whose issuer is where it listens."""
    folder, port = tmp_path_factory.mktemp("service"), free_port()
    shutil.copy(sqlite_template, folder / "mfa.db")
    url, issuer = f"sqlite:///{folder / 'mfa.db'}", f"http://localhost:{port}"
    env = environment(url, issuer=issuer)
    with (
        start_service(env, folder=folder, port=port) as server,
        remote_world(server.url, url, issuer=issuer) as world,
    ):
        yield world


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """Return service, authorization server, shop and single-page application, all running."""
    with town(tmp_path_factory.mktemp("stage")) as made:
        yield made


@pytest.fixture
def sub(request: pytest.FixtureRequest) -> str:
    """Return a subject that no other test of the file uses."""
    return f"anna.{crc32(request.node.name.encode()) % 10_000:04}"


@pytest.fixture
def anna(service: World, windows: Windows) -> Customer:
    """Return a customer of a shop of her own."""
    return Customer(service, windows)
