"""The service of this process, on a port: programs call it there, and tests look inside."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask
from werkzeug.serving import make_server

from mfa_service.adapters.randomness import SystemRandomness
from mfa_service.app import create_app, services_of
from mfa_service.settings import Settings
from mfa_service.wiring import Ports

from .keys import quick_key
from .leash import free_port
from .remote import WallClock, environment
from .world import World, close


@contextmanager
def live_world(database_url: str, /, **environ: str) -> Iterator[World]:
    """Lend a world whose issuer is where it listens, with the clock of the machine."""
    port = free_port()
    issuer = f"http://localhost:{port}"
    settings = Settings.load(environment(database_url, issuer=issuer) | environ)
    clock = WallClock()
    app = create_app(settings, Ports(clock, SystemRandomness(), {}, new_key=quick_key))
    services_of(app).foundation.keys.ensure()
    world = World(app, clock, {}, issuer=issuer)
    with listening(app, port):
        yield world
    close(world)


@contextmanager
def listening(app: Flask, port: int, *, files: tuple[str, str] | None = None) -> Iterator[None]:
    """Serve an application on loopback; with `files`, a certificate and its key, over TLS."""
    server = make_server("localhost", port, app, threaded=True, ssl_context=files)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
