"""Reads the Microsoft Entra tenants for which we are an external authentication method."""

import re

from mfa_service.domain import origins
from mfa_service.domain.entra import CLOUDS, Cloud, Tenant
from mfa_service.domain.toml_table import Table, TomlInvalid, parsed, tables_of

_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")
_TENANT = frozenset({"tenant_id", "client_id", "application_id", "cloud"})
_CLOUD = frozenset({"name", "authority", "redirect_uri"})


def tenants_from_toml(text: str) -> tuple[Tenant, ...]:
    """Return the `[[tenant]]` tables; raise `TomlInvalid` with every fault."""
    data = parsed(text, "tenant", "cloud")
    listed, tables = tables_of(data, "cloud"), tables_of(data, "tenant")
    clouds = CLOUDS | {cloud.name: cloud for cloud in map(_cloud, listed)}
    found = [_tenant(table, clouds) for table in tables]
    faults = [fault for table in (*listed, *tables) for fault in table.faults]
    if len({(tenant.client_id, tenant.tenant_id) for tenant in found}) != len(found):
        faults.append("tenant: one is listed twice for a client")
    if not tables:
        faults.append("has no [[tenant]]")
    if faults:
        raise TomlInvalid(faults)
    return tuple(found)


def _cloud(table: Table) -> Cloud:
    table.know(_CLOUD)
    name, authority = table.text("name"), table.text("authority") or ""
    redirect_uri = table.text("redirect_uri") or ""
    table.check(name is not None, "name is needed")
    table.check(
        origins.fault_of(authority or "-", path_allowed=False) is None, "authority is no URL"
    )
    table.check(origins.is_address(redirect_uri), "redirect_uri is no https address")
    return Cloud(name or "", authority, redirect_uri)


def _tenant(table: Table, clouds: dict[str, Cloud]) -> Tenant:
    table.know(_TENANT)
    tenant_id, client_id = table.text("tenant_id") or "", table.text("client_id")
    application_id = table.text("application_id") or ""
    cloud = clouds.get(table.text("cloud") or "global")
    table.check(_GUID.match(tenant_id), "tenant_id is a GUID in lower case")
    table.check(client_id is not None, "client_id is needed")
    table.check(_GUID.match(application_id), "application_id is a GUID in lower case")
    table.check(cloud is not None, f"cloud is one of {', '.join(clouds)}")
    return Tenant(tenant_id, client_id or "", application_id, cloud or CLOUDS["global"])
