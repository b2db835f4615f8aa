"""The gateway's table, as TOML says it: `[[route]]` in order, and the `[[issuer]]` it trusts.

The first route that fits a request decides; what fits none is refused.
"""

import re
from dataclasses import dataclass
from typing import Any, Self

from . import origins
from .route import Route, is_host, is_pattern
from .toml_table import Table, TomlInvalid, parsed, tables_of

_METHOD = re.compile(r"[A-Z][A-Z0-9_-]{0,31}\Z")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_ROUTE = frozenset(
    {"host", "path", "methods", "audience", "scopes", "acr_values", "max_age", "issuer"}
)
_ISSUER = frozenset(
    {
        "issuer",
        "metadata",
        "introspection_endpoint",
        "client_id",
        "client_secret_env",
        "client_secret_file",
    }
)


@dataclass(frozen=True, slots=True)
class Introspection:
    """Where opaque tokens are asked about (RFC 7662), and where our secret for that is kept."""

    endpoint: str
    client_id: str
    secret_variable: str | None
    secret_file: str | None


@dataclass(frozen=True, slots=True)
class TrustedIssuer:
    """Somebody else whose access tokens are taken; `metadata` if not at the usual place."""

    issuer: str
    metadata: str | None = None
    introspection: Introspection | None = None


@dataclass(frozen=True, slots=True)
class RouteTable:
    """Routes in their order, and every trusted issuer but ourselves."""

    routes: tuple[Route, ...]
    issuers: tuple[TrustedIssuer, ...]

    @classmethod
    def from_toml(cls, text: str, *, own_issuer: str) -> Self:
        """Return the table that `text` describes; raise `TomlInvalid` with every fault."""
        return cls(*_Reader(own_issuer).read(parsed(text, "route", "issuer")))

    def find(self, method: str, host: str, path: str) -> Route | None:
        """Return the first route that is about this request; `path` is a normalised one."""
        wanted = host.lower()
        return next((route for route in self.routes if route.fits(method, wanted, path)), None)


class _Reader:
    """Collects faults instead of stopping at the first."""

    def __init__(self, own_issuer: str) -> None:
        self._own = own_issuer
        self._faults: list[str] = []

    def read(self, data: dict[str, Any]) -> tuple[tuple[Route, ...], tuple[TrustedIssuer, ...]]:
        """Return routes and issuers; an issuer that only a route names has its usual metadata."""
        tables = tables_of(data, "route")
        listed = [self._issuer(table) for table in tables_of(data, "issuer")]
        issuers = {found.issuer: found for found in listed}
        if len(issuers) != len(listed):
            self._faults.append("issuer: one is listed twice")
        for table in tables:
            for name in table.words("issuer"):
                if name != self._own:
                    self._check_issuer(table, name)
                    issuers.setdefault(name, TrustedIssuer(name))
        routes = tuple(self._route(table, tuple(issuers.values())) for table in tables)
        self._faults += [fault for table in tables for fault in table.faults]
        self._check_order(routes)
        if not tables:
            self._faults.append("has no [[route]], so nothing would ever pass")
        if self._faults:
            raise TomlInvalid(list(dict.fromkeys(self._faults)))
        return routes, tuple(issuers.values())

    def _route(self, table: Table, issuers: tuple[TrustedIssuer, ...]) -> Route:
        table.know(_ROUTE)
        host, path = table.text("host"), table.text("path") or "/**"
        methods = table.words("methods")
        table.check(host is None or is_host(host.lower()), "host is a name, with or without port")
        table.check(is_pattern(path), "path begins with / and is written decoded, as a glob")
        table.check(all(map(_METHOD.match, methods)), "methods are names in capitals")
        audience = table.text("audience")
        table.check(audience is not None, "audience is needed")
        return Route(
            number=table.number,
            audience=audience or "",
            issuers=self._taken(table, issuers),
            host=host.lower() if host else None,
            path=path,
            methods=frozenset(methods) or None,
            scopes=table.quoted("scopes"),
            acr_values=table.quoted("acr_values"),
            max_age=table.seconds("max_age"),
        )

    def _taken(self, table: Table, issuers: tuple[TrustedIssuer, ...]) -> frozenset[str]:
        """Return whose tokens a route takes; two issuers can each have a user of one name."""
        named = frozenset(table.words("issuer"))
        table.check(
            bool(named) or len(issuers) < 2,  # noqa: PLR2004
            "issuer is needed, since the table trusts several",
        )
        return named or frozenset({self._own, *(found.issuer for found in issuers)})

    def _issuer(self, table: Table) -> TrustedIssuer:
        table.know(_ISSUER)
        issuer, metadata = table.text("issuer") or "", table.text("metadata")
        self._check_issuer(table, issuer)
        table.check(issuer != self._own, "issuer is this service, which needs no entry")
        table.check(
            metadata is None or origins.is_address(metadata), "metadata is no https address"
        )
        found = TrustedIssuer(issuer, metadata, _introspection(table))
        self._faults += table.faults
        return found

    def _check_issuer(self, table: Table, issuer: str) -> None:
        trimmed = issuer.removesuffix("/")  # an issuer's name may end with one
        table.check(origins.fault_of(trimmed or "-", path_allowed=True) is None, "issuer is no URL")

    def _check_order(self, routes: tuple[Route, ...]) -> None:
        for index, later in enumerate(routes):
            first = next((route for route in routes[:index] if route.hides(later)), None)
            if first is not None:
                text = f"route {later.number} is never reached: route {first.number} comes first"
                self._faults.append(text)


def _introspection(table: Table) -> Introspection | None:
    endpoint, client_id = table.text("introspection_endpoint"), table.text("client_id")
    variable, file = table.text("client_secret_env"), table.text("client_secret_file")
    if endpoint is None:
        unused = client_id is None and variable is None and file is None
        table.check(unused, "introspection_endpoint is needed for a client_id or secret")
        return None
    table.check(origins.is_address(endpoint), "introspection_endpoint is no https address")
    table.check(client_id is not None, "client_id is needed with introspection_endpoint")
    one = (variable is None) is not (file is None)
    table.check(one, "one of client_secret_env and client_secret_file is needed")
    table.check(variable is None or _VARIABLE.match(variable), "client_secret_env is no name")
    return Introspection(endpoint, client_id or "", variable, file)
