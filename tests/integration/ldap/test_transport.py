"""TLS with the directory: what is sent where, and to whom nothing is sent."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mfa_service.domain.ports import DirectoryFault
from tests.support.directory import directory_of
from tests.support.slapd import Slapd, slapd
from tests.support.tls import Authority

WAYS = ["ldaps", "starttls"]


def env_of(server: Slapd, way: str, ca: str | None, host: str = "localhost") -> dict[str, str]:
    """Return settings that reach the server in one of the two ways."""
    port = server.tls_port if way == "ldaps" else server.port
    scheme = "ldaps" if way == "ldaps" else "ldap"
    found = {"MFA_LDAP_URL": f"{scheme}://{host}:{port}"}
    if way == "starttls":
        found["MFA_LDAP_STARTTLS"] = "on"
    return server.env | found | ({"MFA_LDAP_CA": ca} if ca else {})


def binds(server: Slapd) -> list[str]:
    return re.findall(r'BIND dn="([^"]+)" method=128', server.log())


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_a_server_of_the_configured_authority_is_believed(
    tmp_path: Path, way: str, host: str
) -> None:
    authority = Authority()
    with slapd(tmp_path, authority) as server:
        server.group("openers", server.account("svc", "right"))
        directory = directory_of(env_of(server, way, authority.write_ca(tmp_path / "ca.pem"), host))
        listed = directory.find("svc")
        assert listed is not None
        assert [directory.proves(listed, secret) for secret in ("right", "wrong")] == [True, False]
        assert server.log().count("TLS established") == 2


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("case", ["another authority", "the system's authorities"])
def test_a_server_that_nobody_vouches_for_hears_no_secret(
    tmp_path: Path, way: str, case: str
) -> None:
    another = Authority().write_ca(tmp_path / "another.pem")
    refused(tmp_path, Authority(), way, another if case == "another authority" else None)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("names", [("ldap.example",), ("127.0.0.1",), ("*.localhost",)])
def test_a_server_of_another_name_hears_no_secret(
    tmp_path: Path, way: str, names: tuple[str, ...]
) -> None:
    authority = Authority(names)
    refused(tmp_path, authority, way, authority.write_ca(tmp_path / "ca.pem"))


@pytest.mark.parametrize("way", WAYS)
def test_a_certificate_that_is_over_is_not_believed(tmp_path: Path, way: str) -> None:
    authority = Authority(until=datetime(2021, 1, 1, tzinfo=UTC))
    refused(tmp_path, authority, way, authority.write_ca(tmp_path / "ca.pem"))


def refused(tmp_path: Path, authority: Authority, way: str, ca: str | None) -> None:
    """Fail unless the certificate is refused before anything that matters is said."""
    with slapd(tmp_path, authority) as server:
        before = binds(server)
        with pytest.raises(DirectoryFault, match="SSLCertVerificationError"):
            directory_of(env_of(server, way, ca)).find("svc")
        assert binds(server) == before


def test_a_server_without_tls_hears_no_secret_when_tls_is_wanted(tmp_path: Path) -> None:
    with slapd(tmp_path) as server:
        before = binds(server)
        with pytest.raises(DirectoryFault, match="StartTLS is refused"):
            directory_of(env_of(server, "starttls", None)).find("svc")
        assert binds(server) == before


@pytest.mark.parametrize("way", WAYS)
def test_a_connection_that_broke_is_replaced_by_a_protected_one(tmp_path: Path, way: str) -> None:
    """Never by one in the clear, as ldap3 does by itself."""
    authority = Authority()
    with slapd(tmp_path, authority) as server:
        server.group("openers", server.account("svc", "right"))
        directory = directory_of(env_of(server, way, authority.write_ca(tmp_path / "ca.pem")))
        listed = directory.find("svc")
        assert listed is not None
        assert directory.proves(listed, "right")
        server.stop()
        server.start()
        before = server.log().count("TLS established")
        assert directory.find("svc") == listed
        assert directory.proves(listed, "right")
        assert server.log().count("TLS established") == before + 2
