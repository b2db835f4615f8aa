"""The gateway's decision: which route, which token, and whether the one suffices for the other."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from mfa_service import jose
from mfa_service.domain import request_path
from mfa_service.domain.access_token import AccessToken, TokenRefused
from mfa_service.domain.errors import (
    Forbidden,
    InsufficientScope,
    MfaError,
    Unauthenticated,
    Unavailable,
)
from mfa_service.domain.ports import TokenSource
from mfa_service.domain.route import Route
from mfa_service.domain.route_table import RouteTable
from mfa_service.observability import metrics

from .foundation import Foundation
from .tokens import TokenService, invalid_token

logger = logging.getLogger("mfa_service.gateway")


@dataclass(frozen=True, slots=True)
class Asked:
    """A request to an API as the proxy tells it; `target` may still hold a query."""

    method: str
    host: str
    target: str


class OwnTokens:
    """`TokenSource` over what this service issued, verified here and not over HTTP."""

    introspects = False

    def __init__(self, foundation: Foundation, tokens: TokenService) -> None:
        self._issuer = foundation.issuer
        self._levels = foundation.levels
        self._tokens = tokens

    def signed(self, token: str) -> AccessToken:
        """Return a live token of an enabled client, with the scopes that the client still has.

        Its level has the name that routes know it by, whatever the client's dialect calls it.
        """
        try:
            claims, client = self._tokens.read(token)
        except jose.JoseError as exc:
            raise TokenRefused(str(exc)) from exc
        scopes = [scope for scope in str(claims["scope"]).split() if scope in client.scopes]
        found = AccessToken.of(self._issuer, claims | {"scope": " ".join(scopes)})
        if not found.acr:
            return found
        (acr,) = client.dialect.understood((found.acr,), self._levels)
        return replace(found, acr=acr)

    def opaque(self, token: str) -> AccessToken:
        """Refuse: ours are all signed."""
        raise TokenRefused("opaque")


class _Refused(Exception):
    """What the caller is told, and the word for the log."""

    def __init__(self, reason: str, error: MfaError) -> None:
        super().__init__(reason)
        self.reason = reason
        self.error = error


@dataclass(slots=True)
class _Line:
    """What the log will say; filled as it becomes known."""

    method: str = ""
    route: Route | None = None
    token: AccessToken | None = None


class GatewayService:
    """Permits requests to the APIs behind a proxy, by the table of routes; fails closed."""

    def __init__(
        self, foundation: Foundation, table: RouteTable, sources: Mapping[str, TokenSource]
    ) -> None:
        """Take the sources of tokens by issuer, ourselves among them."""
        self._f = foundation
        self._table = table
        self._sources = sources

    def permit(self, asked: Asked, bearer: str | None) -> AccessToken:
        """Return the token that lets this request through.

        `bearer` is `None` if there is none, and empty if it has not the form of one.
        Raises `Forbidden` without a route or a scope, `Unauthenticated` for a token that does not
        hold here or a too weak or too old authentication (RFC 9470 §3), `Unavailable` when that
        cannot be known. Each decision is logged with its reason.
        """
        line = _Line(asked.method)
        with self._logged(line):
            line.route = route = self._route(asked)
            if bearer is None:
                raise _Refused("no_token", Unauthenticated())
            line.token = token = self._token(route, bearer)
            self._check(route, token)
        return token

    def refuse(self, reason: str) -> Forbidden:
        """Return the refusal of a question that is not to be answered, and log its reason."""
        self._log(_Line(), "deny", reason, Forbidden.status)
        return Forbidden()

    def _route(self, asked: Asked) -> Route:
        try:
            path = request_path.normalised(asked.target)
        except request_path.AmbiguousPath as exc:
            raise _Refused(f"path: {exc}", Forbidden("The path is ambiguous.")) from exc
        route = self._table.find(asked.method, asked.host, path)
        if route is None:
            raise _Refused("no_route", Forbidden("No route leads there."))
        return route

    def _token(self, route: Route, bearer: str) -> AccessToken:
        """Return the verified token, if it is of one of the route's issuers and for its API."""
        try:
            token = self._read(route, bearer)
            if route.audience not in token.audience:
                raise TokenRefused("aud")
        except TokenRefused as exc:
            raise _Refused(f"invalid_token: {exc}", invalid_token()) from exc
        return token

    def _read(self, route: Route, bearer: str) -> AccessToken:
        """Let the issuer's source read it; `iss` chooses among the route's issuers only."""
        if not bearer:
            raise TokenRefused("malformed")
        claimed = jose.claimed_issuer(bearer)
        if claimed is not None:
            if claimed not in route.issuers:
                raise TokenRefused("iss")
            return self._sources[claimed].signed(bearer)
        asking = [self._sources[name] for name in sorted(route.issuers)]
        source = next((source for source in asking if source.introspects), None)
        if source is None:
            raise TokenRefused("opaque")
        return source.opaque(bearer)

    def _check(self, route: Route, token: AccessToken) -> None:
        if not set(route.scopes) <= set(token.scopes):
            raise _Refused("insufficient_scope", InsufficientScope(*route.scopes))
        if route.acr_values and not self._reaches(token.acr, route.acr_values):
            raise _Refused("acr", _step_up(route))
        if route.max_age is not None and not self._is_fresh(token.auth_time, route.max_age):
            raise _Refused("auth_time", _step_up(route))

    def _reaches(self, acr: str, acr_values: Sequence[str]) -> bool:
        """Compare names; where both are in our table, a higher level satisfies a lower one."""
        rank = self._f.levels.rank(acr)
        wanted = (self._f.levels.rank(name) for name in acr_values)
        higher = rank is not None and any(low is not None and low <= rank for low in wanted)
        return bool(acr) and (acr in acr_values or higher)

    def _is_fresh(self, auth_time: int | None, max_age: int) -> bool:
        """Tell whether it was at most `max_age` seconds ago; nothing is when that is 0."""
        if auth_time is None or max_age == 0:
            return False
        at = self._f.clock.now()
        return at - max_age <= auth_time <= at + jose.SKEW

    @contextmanager
    def _logged(self, line: _Line) -> Iterator[None]:
        try:
            yield
        except _Refused as exc:
            self._log(line, "deny", exc.reason, exc.error.status)
            raise exc.error from exc
        except Unavailable:
            self._log(line, "deny", "unavailable", Unavailable.status)
            raise
        self._log(line, "allow", "sufficient", 200)

    def _log(self, line: _Line, result: str, reason: str, status: int) -> None:
        """Write one line; neither the token, nor the person, nor the path is in it."""
        metrics.GATEWAY.labels(result, reason.partition(":")[0]).inc()
        extra = {"event": "gateway", "result": result, "reason": reason, "status": status}
        if line.method:
            extra["method"] = line.method
        if line.route is not None:
            extra["route"] = str(line.route)
        if line.token is not None:
            extra |= {"client_id": line.token.client_id, "issuer": line.token.issuer}
        logger.info("gateway decided", extra=extra)


def _step_up(route: Route) -> Unauthenticated:
    """Return the challenge that tells the client what to ask its authorization server for."""
    parts = [
        'Bearer error="insufficient_user_authentication"',
        'error_description="A stronger or more recent authentication is needed."',
    ]
    if route.acr_values:
        parts.append(f'acr_values="{" ".join(route.acr_values)}"')
    if route.max_age is not None:
        parts.append(f'max_age="{route.max_age}"')
    text = "The authentication is too weak or too long ago."
    return Unauthenticated(text, challenge=", ".join(parts))
