"""Which entry is a client, and what its groups permit."""

import socket

import pytest

from mfa_service.domain.ports import DirectoryFault
from mfa_service.domain.subject import Source
from tests.support.directory import directory_of
from tests.support.slapd import GROUPS, SERVICES, SUFFIX, Slapd

BOTH = ("mfa:challenge", "mfa:enroll")


def scopes(server: Slapd, uid: str = "svc", **env: str) -> tuple[str, ...] | None:
    """Return the scopes of a client as somebody new sees them; `None` if it is none."""
    listed = directory_of(server.env | env).find(uid)
    return listed.client.scopes if listed else None


def test_a_client_is_what_its_entry_and_its_groups_say(server: Slapd) -> None:
    entry = server.account("svc", "secret", description="Login of the shop")
    server.group("openers", entry)
    server.group("others", entry)
    settings = {"MFA_LDAP_REALM": "shop", "MFA_LDAP_RESOURCES": "https://api.example/, urn:b"}
    listed = directory_of(server.env | settings).find("svc")
    assert listed is not None
    client = listed.client
    assert (client.id, client.name, client.realm) == ("svc", "Login of the shop", "shop")
    assert (client.scopes, client.resources) == (
        ("mfa:challenge",),
        ("https://api.example/", "urn:b"),
    )
    assert (client.disabled, client.source) == (False, Source.DIRECTORY)
    assert (client.secret_hash, client.jwks, client.redirect_uris) == (None, None, ())
    assert "secret" not in repr(listed)


def test_an_account_in_no_group_that_gives_a_scope_is_no_client(server: Slapd) -> None:
    server.group("others", server.account("svc", "secret"))
    assert scopes(server) is None


def test_an_entry_of_another_class_is_no_client(server: Slapd) -> None:
    server.group("openers", server.account("svc", "secret"))
    assert scopes(server, MFA_LDAP_OBJECT_CLASS="inetOrgPerson") is None


def test_an_entry_outside_the_base_is_no_client(server: Slapd) -> None:
    server.group("openers", server.account("svc", "secret", below=SUFFIX))
    assert scopes(server) is None


@pytest.mark.parametrize("asked", ["SVC", "Svc", " svc", "svc ", "s\u200bvc"])
def test_an_id_is_compared_exactly_though_directories_forgive(server: Slapd, asked: str) -> None:
    server.group("openers", server.account("svc", "secret"))
    assert scopes(server) == ("mfa:challenge",)
    assert scopes(server, asked) is None


def test_two_entries_with_one_id_are_no_client(server: Slapd) -> None:
    server.add(f"ou=a,{SERVICES}", {"objectClass": "organizationalUnit", "ou": "a"})
    first = server.account("svc", "secret")
    second = server.account("svc", "other", below=f"ou=a,{SERVICES}")
    server.group("openers", first, second)
    assert scopes(server) is None
    server.delete(second)
    assert scopes(server) == ("mfa:challenge",)


def test_a_disabled_entry_does_not_leave_its_id_to_another_one(server: Slapd) -> None:
    server.add(f"ou=a,{SERVICES}", {"objectClass": "organizationalUnit", "ou": "a"})
    first = server.account("svc", "secret", host="disabled")
    second = server.account("svc", "other", below=f"ou=a,{SERVICES}")
    server.group("openers", first, second)
    assert scopes(server) is None


def test_an_entry_with_two_ids_is_no_client(server: Slapd) -> None:
    entry = server.account("svc", "secret")
    server.group("openers", entry)
    server.change(entry, "uid", ["svc", "alias"])
    assert (scopes(server), scopes(server, "alias")) == (None, None)


def test_a_disabled_entry_is_known_and_disabled(server: Slapd) -> None:
    entry = server.account("svc", "secret")
    server.group("openers", entry)
    directory = directory_of(server.env)
    states = []
    for host in (["shop"], ["disabled"], []):
        server.change(entry, "host", host)
        listed = directory.find("svc")
        states.append(listed.client.disabled if listed else None)
    assert states == [False, True, False]


def test_a_rule_that_the_server_cannot_evaluate_disables_everybody(server: Slapd) -> None:
    server.group("openers", server.account("svc", "secret"))
    directory = directory_of(server.env | {"MFA_LDAP_DISABLED": "noSuchAttribute=TRUE"})
    listed = directory.find("svc")
    assert listed is not None
    assert listed.client.disabled


INJECTIONS = [
    "*",
    "s*",
    "svc)(objectClass=*",
    "*)(uid=*))(|(uid=*",
    "svc)(|(host=*)",
    "\\73vc",
    "\\2a",
    "svc\x00",
    "(svc",
    "svc)",
    "&(uid=svc)",
    "svc,ou=services,dc=example,dc=test",
    "uid=svc",
    "svc+cn=admin",
    '"svc"',
    "svc\\",
    "",
    "x" * 256,
    "\ud800",
]


@pytest.mark.parametrize("asked", INJECTIONS)
def test_what_a_caller_sends_is_a_value_and_nothing_else(server: Slapd, asked: str) -> None:
    server.group("openers", server.account("svc", "secret"))
    assert scopes(server, asked) is None


@pytest.mark.parametrize("uid", ["a*b", "a(b)c", "a\\b", "a,b=c", "ä+ö", "#1 <x>;", 'say "hi"'])
def test_an_id_of_any_letters_is_found_and_proven(server: Slapd, uid: str) -> None:
    server.group("openers", server.account(uid, "secret"))
    directory = directory_of(server.env)
    listed = directory.find(uid)
    assert listed is not None
    assert (listed.client.id, directory.proves(listed, "secret")) == (uid, True)


def test_groups_in_groups_count(server: Slapd) -> None:
    entry = server.account("svc", "secret")
    inner = server.group("inner", entry)
    middle = server.group("middle", inner)
    server.group("enrollers", middle)
    assert scopes(server) == BOTH
    assert scopes(server, MFA_LDAP_GROUP_NESTING="off") is None


def test_a_circle_of_groups_ends(server: Slapd) -> None:
    entry = server.account("svc", "secret")
    first = server.group("openers", entry)
    second = server.group("second", first)
    third = server.group("enrollers", second)
    server.change(first, "member", [entry, third, first])
    assert scopes(server) == BOTH


def test_groups_beyond_ten_levels_do_not_count(server: Slapd) -> None:
    below = server.account("svc", "secret")
    server.group("openers", below)
    for level in range(2, 11):
        below = server.group(f"level-{level}", below)
        assert level == 2 or below.startswith("cn=level")
    tenth = server.group("enrollers", below)
    assert scopes(server) == BOTH
    server.delete(tenth)
    server.group("enrollers", server.group("level-11", below))
    assert scopes(server) == ("mfa:challenge",)


def test_in_more_groups_than_are_read_nothing_is_permitted(server: Slapd) -> None:
    """Which of them were read would be chance."""
    entry = server.account("svc", "secret")
    server.group("openers", entry)
    server.add_all(
        [
            (f"cn=g{n},{GROUPS}", {"objectClass": "groupOfNames", "cn": f"g{n}", "member": entry})
            for n in range(500)
        ]
    )
    assert scopes(server) is None


def test_scopes_can_be_an_attribute_of_the_groups(server: Slapd) -> None:
    entry = server.account("svc", "secret")
    server.group("a", entry, description=["mfa:challenge orders:read", 'not"a scope'])
    server.group("b", server.group("c", entry), description="mfa:enroll")
    settings = {"MFA_LDAP_SCOPES": "", "MFA_LDAP_SCOPE_ATTRIBUTE": "description"}
    assert scopes(server, **settings) == ("mfa:challenge", "mfa:enroll", "orders:read", "scope")


def test_active_directorys_rule_is_asked_and_what_a_server_does_not_know_permits_nothing(
    server: Slapd,
) -> None:
    server.group("openers", server.account("svc", "secret"))
    assert scopes(server, MFA_LDAP_GROUP_NESTING="chain") is None
    assert "objectClass=groupOfNames" in server.log()


def test_references_to_other_servers_are_left_alone(server: Slapd) -> None:
    server.group("openers", server.account("svc", "secret"))
    with socket.create_server(("127.0.0.1", 0)) as elsewhere:
        elsewhere.settimeout(0.2)
        address = f"ldap://127.0.0.1:{elsewhere.getsockname()[1]}/ou=services,dc=evil,dc=test"
        values = {"objectClass": ["referral", "extensibleObject"], "ou": "away", "ref": address}
        server.add(f"ou=away,{SERVICES}", values)
        assert scopes(server) == ("mfa:challenge",)
        assert [listed.client.id for listed in directory_of(server.env).all()] == ["svc"]
        with pytest.raises(DirectoryFault, match="result 10"):
            scopes(server, MFA_LDAP_BASE=f"ou=away,{SERVICES}")
        with pytest.raises(TimeoutError):
            elsewhere.accept()


def test_an_alias_is_not_followed(server: Slapd) -> None:
    server.group("openers", server.account("svc", "secret", below=SUFFIX))
    server.add(
        f"uid=svc,{SERVICES}",
        {
            "objectClass": ["alias", "extensibleObject"],
            "uid": "svc",
            "aliasedObjectName": f"uid=svc,{SUFFIX}",
        },
    )
    assert scopes(server) is None


def test_all_clients_are_listed_however_many(server: Slapd) -> None:
    entries = [
        (f"uid=c{n:03},{SERVICES}", {"objectClass": "account", "uid": f"c{n:03}"})
        for n in range(450)
    ]
    server.add_all(entries)
    server.change(entries[3][0], "host", ["disabled"])
    server.group("openers", *(dn for dn, _ in entries[:430]))
    found = directory_of(server.env).all()
    assert [listed.client.id for listed in found] == [f"c{n:03}" for n in range(430)]
    assert [listed.client.id for listed in found if listed.client.disabled] == ["c003"]


def test_a_base_that_is_not_there_is_a_fault_and_no_empty_directory(server: Slapd) -> None:
    with pytest.raises(DirectoryFault, match="result 32"):
        scopes(server, MFA_LDAP_BASE=f"ou=nowhere,{SUFFIX}")


def test_a_refused_search_account_is_a_fault(server: Slapd) -> None:
    server.group("openers", server.account("svc", "secret"))
    with pytest.raises(DirectoryFault, match="MFA_LDAP_BIND_DN is refused"):
        scopes(server, MFA_LDAP_BIND_PASSWORD="wrong")
