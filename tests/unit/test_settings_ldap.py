"""What the environment says about clients in a directory."""

import base64
from pathlib import Path

import pytest

from mfa_service.domain.client_directory import DirectoryServer, Nesting, Transport
from mfa_service.settings import Settings, SettingsInvalid
from mfa_service.settings_ldap import LdapSettings
from tests.support.tls import Authority

KEY = base64.b64encode(b"k" * 32).decode()
GOOD = {"MFA_MASTER_KEYS": f"k1:{KEY}", "MFA_DATABASE_URL": "sqlite:///kept/mfa.db"}
NEEDED = {
    "MFA_LDAP_URL": "ldaps://ldap.example.org",
    "MFA_LDAP_BASE": "ou=services,dc=example,dc=org",
    "MFA_LDAP_SCOPES": "openers=mfa:challenge",
}


def ldap(**environ: str) -> LdapSettings:
    settings = Settings.load(GOOD | NEEDED | environ).ldap
    assert settings is not None
    return settings


def faults(**environ: str) -> list[str]:
    with pytest.raises(SettingsInvalid) as refused:
        Settings.load(GOOD | NEEDED | environ)
    return [line.removeprefix("  - ") for line in str(refused.value).splitlines()[1:]]


def test_without_an_address_there_is_no_directory() -> None:
    assert Settings.load(GOOD | NEEDED | {"MFA_LDAP_URL": ""}).ldap is None
    assert Settings.load(GOOD).ldap is None


def test_what_is_not_said_has_defaults() -> None:
    settings = ldap()
    assert settings.server == DirectoryServer("ldap.example.org", 636, Transport.LDAPS)
    assert (settings.kept_seconds, settings.server.seconds, settings.server.connections) == (
        30,
        3,
        8,
    )
    mapping = settings.mapping
    assert (mapping.object_class, mapping.id_attribute, mapping.realm) == (
        "account",
        "uid",
        "default",
    )
    assert (mapping.group_base, mapping.group_class, mapping.nesting) == (
        mapping.base,
        "groupOfNames",
        Nesting.WALK,
    )
    assert (mapping.disabled, mapping.resources) == (None, ())


@pytest.mark.parametrize(
    ("url", "switch", "transport"),
    [
        ("ldaps://ldap.example.org", "", Transport.LDAPS),
        ("ldaps://localhost:1636", "off", Transport.LDAPS),
        ("ldap://ldap.example.org", "", Transport.STARTTLS),
        ("ldap://ldap.example.org", "on", Transport.STARTTLS),
        ("ldap://192.0.2.7/", "", Transport.STARTTLS),
        ("ldap://localhost", "", Transport.PLAIN),
        ("ldap://127.0.0.1:3890", "off", Transport.PLAIN),
        ("ldap://[::1]", "", Transport.PLAIN),
        ("ldap://localhost", "on", Transport.STARTTLS),
    ],
)
def test_in_the_clear_is_for_loopback_alone(url: str, switch: str, transport: Transport) -> None:
    assert ldap(MFA_LDAP_URL=url, MFA_LDAP_STARTTLS=switch).server.transport is transport


def test_ports_are_the_usual_ones_unless_said() -> None:
    urls = (
        "ldap://a.example",
        "ldaps://a.example",
        "ldap://a.example:1389",
        "ldap://[2001:db8::1]",
    )
    assert [ldap(MFA_LDAP_URL=url).server.port for url in urls] == [389, 636, 1389, 389]
    assert ldap(MFA_LDAP_URL=urls[3]).server.host == "2001:db8::1"


def test_groups_give_scopes() -> None:
    text = " openers=mfa:challenge,enrollers = mfa:challenge  mfa:enroll ,"
    assert ldap(MFA_LDAP_SCOPES=text).mapping.scopes == {
        "openers": ("mfa:challenge",),
        "enrollers": ("mfa:challenge", "mfa:enroll"),
    }
    mapping = ldap(MFA_LDAP_SCOPES="", MFA_LDAP_SCOPE_ATTRIBUTE="description").mapping
    assert (mapping.scopes, mapping.scope_attribute) == ({}, "description")


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ("host=disabled", "(host=disabled)"),
        ("(&(a=b)(!(c=*)))", "(&(a=b)(!(c=*)))"),
        (
            "(userAccountControl:1.2.840.113556.1.4.803:=2)",
            "(userAccountControl:1.2.840.113556.1.4.803:=2)",
        ),
    ],
)
def test_who_is_disabled_is_a_filter(given: str, taken: str) -> None:
    assert ldap(MFA_LDAP_DISABLED=given).mapping.disabled == taken


def test_the_password_comes_by_variable_or_file_and_is_never_shown(tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.write_text("by file \n")
    who = {"MFA_LDAP_BIND_DN": "cn=reader,dc=example,dc=org"}
    by_file = ldap(**who, MFA_LDAP_BIND_PASSWORD_FILE=str(path))
    by_variable = ldap(**who, MFA_LDAP_BIND_PASSWORD="by variable")
    assert by_file.server.bind_password == "by file "
    assert by_variable.server.bind_password == "by variable"
    assert "by " not in repr(by_file) + repr(by_variable)


def test_an_authority_is_a_file_of_certificates(tmp_path: Path) -> None:
    path = Authority().write_ca(tmp_path / "ca.pem")
    assert ldap(MFA_LDAP_CA=path).server.ca == path


ADDRESS = "MFA_LDAP_URL: is ldaps://host[:port] or ldap://host[:port]"
PAIR = "MFA_LDAP_BIND_DN: needs a password, and a password needs it"
BAD = {
    "no scheme": ({"MFA_LDAP_URL": "ldap.example.org"}, [ADDRESS]),
    "http": ({"MFA_LDAP_URL": "https://ldap.example.org"}, [ADDRESS]),
    "ldapi": ({"MFA_LDAP_URL": "ldapi:///run/ldapi"}, [ADDRESS]),
    "no host": ({"MFA_LDAP_URL": "ldaps://"}, [ADDRESS]),
    "a base": ({"MFA_LDAP_URL": "ldaps://ldap.example.org/dc=example"}, [ADDRESS]),
    "a user": ({"MFA_LDAP_URL": "ldaps://cn=a:b@ldap.example.org"}, [ADDRESS]),
    "a port": ({"MFA_LDAP_URL": "ldaps://ldap.example.org:99999"}, [ADDRESS]),
    "in the clear": (
        {"MFA_LDAP_URL": "ldap://ldap.example.org", "MFA_LDAP_STARTTLS": "off"},
        ["MFA_LDAP_STARTTLS: may be off on loopback only"],
    ),
    "both": ({"MFA_LDAP_STARTTLS": "on"}, ["MFA_LDAP_STARTTLS: is for ldap://, not for ldaps://"]),
    "no switch": ({"MFA_LDAP_STARTTLS": "true"}, ["MFA_LDAP_STARTTLS: must be on or off"]),
    "no base": ({"MFA_LDAP_BASE": ""}, ["MFA_LDAP_BASE: is needed with MFA_LDAP_URL"]),
    "dn alone": ({"MFA_LDAP_BIND_DN": "cn=a,dc=b"}, [PAIR]),
    "password alone": ({"MFA_LDAP_BIND_PASSWORD": "secret"}, [PAIR]),
    "no file": (
        {"MFA_LDAP_BIND_DN": "cn=a,dc=b", "MFA_LDAP_BIND_PASSWORD_FILE": "/nowhere"},
        ["MFA_LDAP_BIND_PASSWORD_FILE: cannot be read (FileNotFoundError)"],
    ),
    "no authority": (
        {"MFA_LDAP_CA": "/nowhere"},
        ["MFA_LDAP_CA: is no file of PEM certificates (FileNotFoundError)"],
    ),
    "no scopes": (
        {"MFA_LDAP_SCOPES": ""},
        ["MFA_LDAP_SCOPES: is needed, or else MFA_LDAP_SCOPE_ATTRIBUTE"],
    ),
    "two kinds of scopes": (
        {"MFA_LDAP_SCOPE_ATTRIBUTE": "description"},
        ["MFA_LDAP_SCOPES: is needed, or else MFA_LDAP_SCOPE_ATTRIBUTE"],
    ),
    "an attribute": (
        {"MFA_LDAP_ID": "uid=*"},
        ["MFA_LDAP_ID: is a name of letters, digits and dashes"],
    ),
    "a filter": (
        {"MFA_LDAP_DISABLED": "(a=b)(c=d)"},
        ["MFA_LDAP_DISABLED: is a filter, for example (employeeType=disabled)"],
    ),
    "nesting": (
        {"MFA_LDAP_GROUP_NESTING": "deep"},
        ["MFA_LDAP_GROUP_NESTING: must be walk, chain, off"],
    ),
    "realm": (
        {"MFA_LDAP_REALM": "a b"},
        ["MFA_LDAP_REALM: must be 1 to 64 of letters, digits, dot, - and _"],
    ),
    "resources": (
        {"MFA_LDAP_RESOURCES": "https://a.example, b"},
        ["MFA_LDAP_RESOURCES: is a comma list of absolute URIs (RFC 8707)"],
    ),
    "time-out": ({"MFA_LDAP_TIMEOUT": "0"}, ["MFA_LDAP_TIMEOUT: must be a number from 1 to 30"]),
    "pool": ({"MFA_LDAP_POOL": "many"}, ["MFA_LDAP_POOL: must be a number from 1 to 64"]),
    "cache": ({"MFA_LDAP_CACHE": "301"}, ["MFA_LDAP_CACHE: must be a number from 0 to 300"]),
    "group twice": (
        {"MFA_LDAP_SCOPES": "a=b, a=c"},
        [
            "MFA_LDAP_SCOPES: is a comma list of group=scope scope, each once",
        ],
    ),
}


@pytest.mark.parametrize(("environ", "expected"), BAD.values(), ids=BAD.keys())
def test_what_is_wrong_is_said(environ: dict[str, str], expected: list[str]) -> None:
    assert faults(**environ) == expected


def test_all_faults_are_said_at_once_and_no_secret(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.write_text("\n")
    found = faults(
        MFA_LDAP_BASE="services",
        MFA_LDAP_BIND_DN="cn=a",
        MFA_LDAP_BIND_PASSWORD="a secret",
        MFA_LDAP_BIND_PASSWORD_FILE=str(empty),
        MFA_LDAP_SCOPES="=x",
        MFA_LDAP_POOL="0",
    )
    assert [fault.split(":")[0] for fault in found] == [
        "MFA_LDAP_BIND_PASSWORD_FILE",
        "MFA_LDAP_BIND_PASSWORD_FILE",
        "MFA_LDAP_POOL",
        "MFA_LDAP_BASE",
        "MFA_LDAP_SCOPES",
        "MFA_LDAP_SCOPES",
        "MFA_LDAP_GROUP_BASE",
    ]
    assert "a secret" not in "".join(found)


GUIDE = (Path(__file__).parents[2] / "docs" / "ldap.md").read_text(encoding="utf-8")
FILES = ("MFA_LDAP_CA", "MFA_LDAP_BIND_PASSWORD_FILE")


@pytest.mark.parametrize("product", ["OpenLDAP", "Active Directory"])
def test_the_examples_of_the_guide_have_no_fault(product: str) -> None:
    chapter = GUIDE.split(f"## {product}\n")[1].split("\n## ")[0]
    lines = [line.strip() for line in chapter.splitlines() if line.startswith("    MFA_LDAP_")]
    environ = dict(line.split("=", 1) for line in lines)
    kept = {name: value for name, value in environ.items() if name not in FILES}
    assert len(kept) >= 7
    read = ldap(**kept, MFA_LDAP_BIND_PASSWORD="secret")
    assert read.server.transport is Transport.LDAPS
    assert read.mapping.scopes
