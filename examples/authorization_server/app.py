"""Put the authorization server together."""

import time
from dataclasses import dataclass

import httpx
from flask import Flask
from joserfc.jwk import KeySet

from examples.authorization_server.accounts import accounts_from
from examples.authorization_server.browser import SESSION_SECONDS, Browser
from examples.authorization_server.enrollment import Enroller
from examples.authorization_server.enrollment_pages import EnrollmentPages
from examples.authorization_server.hosted_page import RETURN_PATH, HostedPage
from examples.authorization_server.issued import Issuance
from examples.authorization_server.own_page import OwnPage
from examples.authorization_server.password_grant import PasswordGrant
from examples.authorization_server.protocol_pages import ProtocolPages
from examples.authorization_server.provider import Provider, signing_keys
from examples.authorization_server.result_tokens import ResultTokens
from examples.authorization_server.scripts import install_sharing
from examples.authorization_server.service_calls import ServiceCalls
from examples.authorization_server.settings import Settings, settings_from
from examples.authorization_server.signin_pages import SignInPages
from examples.authorization_server.stepup import StepUpService
from examples.common.expiring import Clock
from examples.common.pages import install_pages, origin_of
from examples.common.remote_keys import RemoteKeys
from examples.common.sessions import Sessions


@dataclass(frozen=True, slots=True)
class Outside:
    """What leaves this process: the HTTP client, the clock, the signing key."""

    http: httpx.Client
    now: Clock
    keys: KeySet


def create_app(settings: Settings, outside: Outside) -> Flask:
    """Return the server; call once per process."""
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = 64 * 1024
    registered = (uri for known in settings.clients for uri in known.redirect_uris)
    addresses = dict.fromkeys((*registered, settings.stepup.issuer))
    install_pages(app, form_targets=tuple(map(origin_of, addresses)))
    now = outside.now
    sessions = Sessions(
        "as_session", Browser, origin=settings.issuer, seconds=SESSION_SECONDS, now=now
    )
    sessions.install(app, without_csrf=frozenset({"token"}))
    calls = service_calls(settings, outside)
    hosted = settings.stepup.hosted
    return_uri = settings.issuer + RETURN_PATH if hosted else None
    stepup = StepUpService(calls, _results(settings, outside), return_uri)
    accounts = accounts_from(settings.users, now)
    provider = Provider(app, settings, Issuance(now), outside.keys)
    if "password" in provider.grant_types:
        provider.allow_passwords(PasswordGrant, accounts)
    install_sharing(app, settings.script_origins)
    name = settings.client.name
    ProtocolPages(sessions, provider, stepup, now).install(app)
    SignInPages(sessions, accounts, provider.name_of, now).install(app)
    page = HostedPage(sessions, stepup) if hosted else OwnPage(sessions, stepup, name)
    page.install(app)
    EnrollmentPages(sessions, Enroller(calls), stepup, now).install(app)
    return app


def service_calls(settings: Settings, outside: Outside) -> ServiceCalls:
    """Return the caller of the step-up service's API."""
    service = settings.stepup
    return ServiceCalls(
        outside.http,
        issuer=service.issuer,
        client_id=service.client_id,
        client_secret=service.client_secret,
        now=outside.now,
    )


def from_environment() -> Flask:
    """Return the server that the environment describes, for `gunicorn --threads 16`."""
    settings = settings_from()
    return create_app(settings, real_outside(settings))


def real_outside(settings: Settings) -> Outside:
    """Return the real clock, a pooled HTTP client and the configured key."""
    return Outside(
        http=httpx.Client(timeout=10, limits=httpx.Limits(max_connections=200)),
        now=lambda: int(time.time()),
        keys=signing_keys(settings.signing_key),
    )


def _results(settings: Settings, outside: Outside) -> ResultTokens:
    service = settings.stepup
    keys = RemoteKeys(outside.http, f"{service.issuer}/.well-known/jwks.json", outside.now)
    return ResultTokens(keys, issuer=service.issuer, client_id=service.client_id, now=outside.now)
