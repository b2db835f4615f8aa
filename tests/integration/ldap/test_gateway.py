"""The gateway follows the directory: what a service account may call is what its groups say."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.directory import Staff, granted, staff
from tests.support.gateway import API, INVALID, Gate, denied, gate
from tests.support.slapd import Slapd

SCOPES = "readers=orders:read, writers=orders:read orders:write, openers=mfa:challenge"


@pytest.fixture
def guarded(server: Slapd, sqlite_url: str, tmp_path: Path) -> Iterator[tuple[Gate, Staff]]:
    settings = {"MFA_LDAP_SCOPES": SCOPES, "MFA_LDAP_RESOURCES": API, "MFA_LDAP_CACHE": "20"}
    with gate(sqlite_url, tmp_path, **server.env | settings) as made:
        people = staff(server, made.world)
        server.group("readers", people.entry)
        server.group("writers", people.entry)
        yield made, people


def test_a_service_account_calls_an_api_as_long_as_its_groups_permit(
    guarded: tuple[Gate, Staff],
) -> None:
    proxy, people = guarded
    token = granted(people.ask(resource=API))["access_token"]
    passed = proxy.ask(token=token, method="POST")
    assert (passed.status_code, passed.headers["X-Auth-Client"]) == (200, "svc")
    people.server.delete("cn=writers,ou=groups,dc=example,dc=test")
    people.world.clock.advance(20)
    assert proxy.ask(token=token).status_code == 200
    needed = 'Bearer error="insufficient_scope", scope="orders:read orders:write"'
    denied(proxy.ask(token=token, method="POST"), 403, needed)
    people.server.change(people.entry, "host", ["disabled"])
    people.world.clock.advance(20)
    denied(proxy.ask(token=token), 401, INVALID)


def test_without_its_directory_the_gateway_lets_nobody_of_it_through(
    guarded: tuple[Gate, Staff],
) -> None:
    proxy, people = guarded
    token = granted(people.ask(resource=API))["access_token"]
    assert proxy.ask(token=token).status_code == 200
    people.server.stop()
    denied(proxy.ask(token=token), 503)
    assert proxy.ask(token=proxy.token("orders:read")).status_code == 200
