"""A secret is checked by the directory, and what must not be sent is not."""

from functools import partial

import pytest

from mfa_service.adapters.ldap_directory import LdapDirectory
from mfa_service.domain.ports import Listed
from tests.support.directory import directory_of
from tests.support.racing import race
from tests.support.slapd import Slapd


@pytest.fixture
def known(server: Slapd) -> tuple[LdapDirectory, Listed]:
    server.group("openers", server.account("svc", "right"))
    directory = directory_of(server.env)
    listed = directory.find("svc")
    assert listed is not None
    return directory, listed


def binds(server: Slapd) -> int:
    """Return how many binds the server saw as somebody other than who searches."""
    return sum(" BIND " in line and "cn=reader" not in line for line in server.log().splitlines())


def test_the_right_secret_and_no_other(known: tuple[LdapDirectory, Listed]) -> None:
    directory, listed = known
    said = [directory.proves(listed, secret) for secret in ("right", "wrong", "Right", "right")]
    assert said == [True, False, False, True]


@pytest.mark.parametrize("secret", ["", "\u00ad", "\ufeff\u00ad", "x" * 1025, "a\x00b", "\ue000"])
def test_a_secret_that_is_or_becomes_empty_is_never_sent(
    server: Slapd, known: tuple[LdapDirectory, Listed], secret: str
) -> None:
    """The server takes a bind without a password for success: RFC 4513 §5.1.2.

    What SASLprep maps to nothing (RFC 4013 §2.1) would be such a bind.
    """
    directory, listed = known
    before = binds(server)
    assert not directory.proves(listed, secret)
    assert binds(server) == before


def test_the_server_of_these_tests_does_accept_an_empty_password(server: Slapd) -> None:
    """So the test before would notice."""
    assert server.accepts_unauthenticated_binds()


def test_an_entry_without_a_secret_proves_nothing(server: Slapd) -> None:
    server.group("openers", server.account("svc"))
    directory = directory_of(server.env)
    listed = directory.find("svc")
    assert listed is not None
    assert not directory.proves(listed, "anything")


def test_an_entry_that_went_away_proves_nothing(
    server: Slapd, known: tuple[LdapDirectory, Listed]
) -> None:
    directory, listed = known
    server.delete(listed.entry)
    assert not directory.proves(listed, "right")


def test_a_changed_secret_counts_at_once(
    server: Slapd, known: tuple[LdapDirectory, Listed]
) -> None:
    directory, listed = known
    assert directory.proves(listed, "right")
    server.change(listed.entry, "userPassword", ["new"])
    assert [directory.proves(listed, secret) for secret in ("right", "new")] == [False, True]


def test_many_at_once_are_each_told_their_own(server: Slapd) -> None:
    """Connections are lent to one thread at a time: no answer goes to another's question."""
    entries = [server.account(f"svc-{n}", f"secret-{n}") for n in range(6)]
    server.group("openers", *entries)
    directory = directory_of(server.env | {"MFA_LDAP_POOL": "3"})

    def told(n: int) -> tuple[str, bool, bool]:
        listed = directory.find(f"svc-{n}")
        assert listed is not None
        right, wrong = (directory.proves(listed, f"secret-{m}") for m in (n, (n + 1) % 6))
        return listed.client.id, right, wrong

    answers = race([partial(told, n) for n in (*range(6), *range(6))])
    assert answers == [(f"svc-{n}", True, False) for n in (*range(6), *range(6))]


def test_connections_are_kept_for_the_next_question(
    server: Slapd, known: tuple[LdapDirectory, Listed]
) -> None:
    directory, listed = known
    directory.proves(listed, "right")
    before = server.log().count(" ACCEPT ")
    for _ in range(5):
        directory.find("svc")
        directory.proves(listed, "right")
    assert server.log().count(" ACCEPT ") == before
