"""How clients are found in an LDAP directory: where it is, and which entry means what."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Transport(StrEnum):
    """How what is said to the directory is protected (RFC 4513 §3); both kinds of TLS verify."""

    LDAPS = "ldaps"
    STARTTLS = "starttls"
    PLAIN = "plain"


class Nesting(StrEnum):
    """How groups within groups are followed.

    `walk` asks level by level and works everywhere; `chain` asks once, by Active Directory's
    LDAP_MATCHING_RULE_IN_CHAIN; `off` knows only the groups that name the entry itself.
    """

    WALK = "walk"
    CHAIN = "chain"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class DirectoryServer:
    """One server and how to speak with it; without `bind_dn` it is searched anonymously.

    `seconds` bounds connecting, and then all that one question needs; `connections` bounds how
    many are open and how many questions are asked at once.
    """

    host: str
    port: int
    transport: Transport
    ca: str | None = None
    bind_dn: str | None = None
    bind_password: str | None = field(default=None, repr=False)
    seconds: int = 3
    connections: int = 8


@dataclass(frozen=True, slots=True)
class DirectoryMapping:
    """Which entries are clients, and what their groups permit.

    `disabled` is a filter of RFC 4515 that entries out of use match. A group's scopes are in
    `scopes`, by its name, or else in its attribute `scope_attribute`.
    """

    base: str
    object_class: str = "account"
    id_attribute: str = "uid"
    name_attribute: str = "cn"
    disabled: str | None = None
    realm: str = "default"
    resources: tuple[str, ...] = ()
    group_base: str = ""
    group_class: str = "groupOfNames"
    member_attribute: str = "member"
    group_name: str = "cn"
    nesting: Nesting = Nesting.WALK
    scopes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    scope_attribute: str | None = None
