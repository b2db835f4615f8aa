"""Put the shop together."""

import time

import httpx
from flask import Flask

from examples.common.expiring import Clock
from examples.common.pages import install_pages, origin_of
from examples.common.sessions import Sessions
from examples.relying_party.api import ShopApi
from examples.relying_party.oidc_client import OidcClient
from examples.relying_party.pages import ShopPages
from examples.relying_party.settings import Settings, settings_from
from examples.relying_party.visitor import SESSION_SECONDS, Visitor


def create_app(settings: Settings, http: httpx.Client, now: Clock) -> Flask:
    """Return the shop; call once per process."""
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = 64 * 1024
    install_pages(app, form_targets=(origin_of(settings.issuer),))
    sessions = Sessions(
        "shop_session", Visitor, origin=settings.address, seconds=SESSION_SECONDS, now=now
    )
    sessions.install(app, without_csrf=frozenset())
    client = OidcClient(http, settings, now)
    ShopPages(sessions, client, now).install(app)
    ShopApi(client, now).install(app)
    return app


def from_environment() -> Flask:
    """Return the shop that the environment describes, for `gunicorn --threads 16`."""
    return create_app(settings_from(), httpx.Client(timeout=10), lambda: int(time.time()))
