"""What the environment says about the gateway."""

import base64
from pathlib import Path

import pytest

from mfa_service.settings import Settings, SettingsInvalid
from mfa_service.settings_gateway import GatewaySettings, Mode

KEY = base64.b64encode(b"k" * 32).decode()
GOOD = {"MFA_MASTER_KEYS": f"k1:{KEY}", "MFA_DATABASE_URL": "sqlite:///kept/mfa.db"}
ROUTE = "[[route]]\naudience = 'api'\n"
ISSUER = """\
[[issuer]]
issuer = "https://login.example"
introspection_endpoint = "https://login.example/introspect"
client_id = "gateway"
"""


@pytest.fixture
def routes(tmp_path: Path) -> Path:
    path = tmp_path / "routes.toml"
    path.write_text(ROUTE)
    return path


def gateway(routes: Path, **environ: str) -> GatewaySettings:
    found = {"MFA_GATEWAY_ROUTES": str(routes), "MFA_GATEWAY_MODE": "nginx"} | environ
    settings = Settings.load(GOOD | found).gateway
    assert settings is not None
    return settings


def faults(**environ: str) -> list[str]:
    with pytest.raises(SettingsInvalid) as refused:
        Settings.load(GOOD | environ)
    return [line.removeprefix("  - ") for line in str(refused.value).splitlines()[1:]]


def test_without_routes_there_is_no_gateway() -> None:
    assert Settings.load(GOOD | {"MFA_GATEWAY_MODE": "envoy"}).gateway is None


@pytest.mark.parametrize("mode", ["nginx", "forwarded", "envoy"])
def test_the_mode_is_one_of_three(routes: Path, mode: str) -> None:
    assert gateway(routes, MFA_GATEWAY_MODE=mode).mode is Mode(mode)


def test_the_mode_is_never_guessed(routes: Path) -> None:
    """A source that the proxy does not fill is one that a client may fill."""
    assert faults(MFA_GATEWAY_ROUTES=str(routes)) == [
        "MFA_GATEWAY_MODE: is needed with MFA_GATEWAY_ROUTES"
    ]


@pytest.mark.parametrize("value", ["apache", "NGINX", "nginx,envoy"])
def test_another_mode_is_a_fault_with_and_without_routes(routes: Path, value: str) -> None:
    wanted = ["MFA_GATEWAY_MODE: must be nginx, forwarded, envoy"]
    assert faults(MFA_GATEWAY_MODE=value) == wanted
    assert faults(MFA_GATEWAY_MODE=value, MFA_GATEWAY_ROUTES=str(routes)) == wanted


def test_only_loopback_may_ask_unless_others_are_named(routes: Path) -> None:
    found = gateway(routes)
    for address in ("127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"):
        assert found.is_peer(address)
    for stranger in ("10.0.0.1", "::2", "::ffff:10.0.0.1", "", None, "localhost", "unix:"):
        assert not found.is_peer(stranger)


def test_peers_are_addresses_and_networks(routes: Path) -> None:
    found = gateway(routes, MFA_GATEWAY_PEERS="10.1.0.0/16, 192.0.2.7,2001:db8::/32")
    for address in ("10.1.2.3", "192.0.2.7", "2001:db8::9", "::ffff:10.1.2.3"):
        assert found.is_peer(address)
    for stranger in ("127.0.0.1", "10.2.0.1", "192.0.2.8", "::1"):
        assert not found.is_peer(stranger)


@pytest.mark.parametrize("value", ["*", "proxy", "10.1.2.3/16", "10.0.0.0/33", "127.0.0.1,", "::g"])
def test_other_peers_are_a_fault(value: str) -> None:
    assert faults(MFA_GATEWAY_PEERS=value) == [
        "MFA_GATEWAY_PEERS: is a comma list of addresses and networks (CIDR)"
    ]


def test_a_table_that_cannot_be_read_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "latin.toml").write_bytes(b"# gr\xfc\xdfe")
    for name in ("missing.toml", "latin.toml", "."):
        (fault,) = faults(MFA_GATEWAY_MODE="nginx", MFA_GATEWAY_ROUTES=str(tmp_path / name))
        assert fault.startswith("MFA_GATEWAY_ROUTES: cannot be read (")


def test_every_fault_of_the_table_is_told(routes: Path) -> None:
    routes.write_text("[[route]]\nscope = 'read'\n")
    found = faults(MFA_GATEWAY_MODE="nginx", MFA_GATEWAY_ROUTES=str(routes))
    assert found == [
        "MFA_GATEWAY_ROUTES: route 1: 'scope' is not known",
        "MFA_GATEWAY_ROUTES: route 1: audience is needed",
    ]


def test_a_secret_is_taken_from_the_variable_that_the_table_names(routes: Path) -> None:
    routes.write_text(ISSUER + 'client_secret_env = "INTROSPECTION"\n' + ROUTE)
    found = gateway(routes, INTROSPECTION="hunter2")
    assert found.secrets == {"https://login.example": "hunter2"}
    assert "hunter2" not in repr(found)
    assert faults(MFA_GATEWAY_MODE="nginx", MFA_GATEWAY_ROUTES=str(routes)) == [
        "INTROSPECTION: is named in MFA_GATEWAY_ROUTES and not set"
    ]


def test_a_secret_is_read_from_a_file_beside_the_table(routes: Path) -> None:
    routes.write_text(ISSUER + 'client_secret_file = "secret.txt"\n' + ROUTE)
    (fault,) = faults(MFA_GATEWAY_MODE="nginx", MFA_GATEWAY_ROUTES=str(routes))
    assert "secret.txt: cannot be read" in fault
    secret = routes.parent / "secret.txt"
    secret.write_text("\n")
    (fault,) = faults(MFA_GATEWAY_MODE="nginx", MFA_GATEWAY_ROUTES=str(routes))
    assert "secret.txt: is empty" in fault
    secret.write_text("hunter2\n")
    assert gateway(routes).secrets == {"https://login.example": "hunter2"}
