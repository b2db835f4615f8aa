"""Adapters of what an operator may leave out: each is imported only when a setting names it."""

import functools
import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from sqlalchemy import make_url

from mfa_service.adapters.clock import SystemClock
from mfa_service.adapters.wakeup_carried import CarriedWakeUp, Transport
from mfa_service.adapters.wakeup_memory import MemoryWakeUp
from mfa_service.domain.ports import (
    Clock,
    LoginProvider,
    Notifier,
    Randomness,
    TokenSource,
)
from mfa_service.observability.spans import Tracer
from mfa_service.services.directory_clients import DirectoryClients
from mfa_service.services.entra import KnownTenant
from mfa_service.services.foundation import Foundation
from mfa_service.services.gateway import GatewayService, OwnTokens
from mfa_service.services.hints import HintIssuer, IssuerKeys
from mfa_service.services.push import TOPIC
from mfa_service.services.sign_in import LoginIssuer
from mfa_service.services.tokens import TokenService
from mfa_service.settings import Background, Settings
from mfa_service.settings import LoginIssuer as LoginSettings
from mfa_service.settings_gateway import GatewaySettings


def gateway(
    settings: Settings, foundation: Foundation, tokens: TokenService
) -> GatewayService | None:
    """Return the gateway if there are routes; its adapter is imported for other issuers only."""
    named = settings.gateway
    if named is None:
        return None
    sources: dict[str, TokenSource] = {settings.issuer: OwnTokens(foundation, tokens)}
    if named.table.issuers:
        sources |= _token_sources(named, foundation.clock)
    return GatewayService(foundation, named.table, sources)


def _token_sources(named: GatewaySettings, clock: Clock) -> dict[str, TokenSource]:
    """Return the other issuers whose access tokens the gateway takes."""
    documents = importlib.import_module("mfa_service.adapters.remote_documents")
    adapter = importlib.import_module("mfa_service.adapters.resource_tokens")
    fetcher = documents.Fetcher()
    return {
        trusted.issuer: adapter.RemoteTokens(
            trusted, named.secrets.get(trusted.issuer), fetcher, clock
        )
        for trusted in named.table.issuers
    }


def hint_issuers(settings: Settings, clock: Clock) -> list[HintIssuer]:
    """Return MFA_HINT_ISSUERS; only when it is set what fetches keys is imported."""
    if not settings.hints:
        return []
    issuer = _remote_issuers(clock)
    return [
        HintIssuer(
            issuer=trusted.issuer,
            audience=trusted.audience,
            realm=trusted.realm,
            prior=trusted.prior,
            source=issuer(trusted.issuer, trusted.metadata),
        )
        for trusted in settings.hints
    ]


def entra_tenants(settings: Settings, clock: Clock) -> list[KnownTenant]:
    """Return MFA_ENTRA; the tenants of a cloud share what is known of its keys."""
    if not settings.entra:
        return []
    issuer = _remote_issuers(clock)
    sources = {
        cloud: issuer(cloud.issuer, cloud.metadata)
        for cloud in {tenant.cloud for tenant in settings.entra}
    }
    return [KnownTenant(tenant, sources[tenant.cloud]) for tenant in settings.entra]


def wake_up(settings: Settings, threads: int, randomness: Randomness) -> CarriedWakeUp:
    """Return wake-ups that reach other processes by Redis, PostgreSQL, or beside the database.

    A notification is sent by the process that wrote it, unless workers do that.
    """
    name = randomness.bytes(8).hex()
    kept = frozenset({TOPIC} if settings.background is Background.HERE else ())
    transport = _transport(settings, name)
    return CarriedWakeUp(MemoryWakeUp(threads), transport, name=name, kept=kept)


def redis_transport(url: str) -> Any:  # noqa: ANN401  # its module is imported only here
    """Return the transport of a Redis server."""
    return importlib.import_module("mfa_service.adapters.wakeup_redis").RedisTransport(url)


def _transport(settings: Settings, name: str) -> Transport:
    if settings.redis_url is not None:
        return cast("Transport", redis_transport(settings.redis_url))
    if settings.database_url.startswith("postgresql"):
        adapter = importlib.import_module("mfa_service.adapters.wakeup_postgres")
        return cast("Transport", adapter.PostgresTransport(settings.database_url))
    path = make_url(settings.database_url).database
    adapter = importlib.import_module("mfa_service.adapters.wakeup_local")
    return cast("Transport", adapter.LocalTransport(Path(f"{path}-wake"), name))


def tracer(settings: Settings) -> Tracer | None:
    """Return what MFA_TRACING wants, for this process; its library loads only then."""
    if settings.tracing is None:
        return None
    adapter = importlib.import_module("mfa_service.adapters.tracing_otel")
    return cast("Tracer", adapter.OtelTracer(settings.tracing, SystemClock().nanoseconds))


def _remote_issuers(clock: Clock) -> Callable[[str, str | None], IssuerKeys]:
    """Return what makes an issuer by its name and where its metadata are."""
    documents = importlib.import_module("mfa_service.adapters.remote_documents")
    adapter = importlib.import_module("mfa_service.adapters.remote_issuer")
    fetcher = documents.Fetcher()
    return lambda name, at: cast(
        "IssuerKeys", adapter.RemoteIssuer(name, fetcher, clock, discovery=at)
    )


def notifier(settings: Settings) -> Callable[[], Notifier]:
    """Return what makes the notifier when a client is first notified."""

    @functools.cache
    def made() -> Notifier:
        adapter = importlib.import_module("mfa_service.adapters.notifications")
        return cast("Notifier", adapter.HttpNotifier(settings.notification_hosts))

    return made


def directory(settings: Settings, clock: Clock) -> DirectoryClients | None:
    """Return MFA_LDAP_URL; only when it is set its adapter, and ldap3, are imported."""
    named = settings.ldap
    if named is None:
        return None
    adapter = importlib.import_module("mfa_service.adapters.ldap_directory")
    directory = adapter.LdapDirectory(named.server, named.mapping)
    return DirectoryClients(directory, clock, kept_seconds=named.kept_seconds)


def login(settings: Settings, clock: Clock, provider: LoginProvider | None) -> LoginIssuer | None:
    """Return MFA_LOGIN_ISSUER, by `provider` if one is given."""
    named = settings.login
    if named is None:
        return None
    found = provider or _login_provider(named, settings.issuer, clock)
    return LoginIssuer(found, named.issuer, named.realm)


def _login_provider(named: LoginSettings, audience: str, clock: Clock) -> LoginProvider:
    adapter = importlib.import_module("mfa_service.adapters.login_issuer")
    registration = adapter.Registration(
        issuer=named.issuer,
        client_id=named.client_id,
        client_secret=named.client_secret,
        audience=audience,
    )
    provider: LoginProvider = adapter.LoginIssuerProvider(registration, clock)
    return provider
