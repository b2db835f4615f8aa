"""A client of the directory at the token endpoint, at the API, and beside clients of ours."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select, update

from mfa_service.observability.logs import JsonLines
from mfa_service.persistence.models import AuditEvent
from mfa_service.persistence.models import Client as ClientRow
from mfa_service.services.directory_clients import KEPT_IF_UNKNOWN
from tests.support.clients import basic, oauth_error, token_request
from tests.support.directory import SECRET, Staff, ask, granted, staff
from tests.support.slapd import READER_SECRET, Slapd, slapd
from tests.support.world import ISSUER, World, close, make_world

KEPT = 30


def audited(world: World) -> list[tuple[str, str | None]]:
    with world.services.foundation.work.reading() as tx:
        rows = tx.execute(select(AuditEvent.event, AuditEvent.client_id).order_by(AuditEvent.id))
        return [(row.event, row.client_id) for row in rows]


def test_it_gets_a_token_with_the_scopes_of_its_groups(people: Staff) -> None:
    given = granted(people.ask())
    assert (given["scope"], given["token_type"], given["expires_in"]) == (
        "mfa:challenge",
        "Bearer",
        300,
    )
    token = given["access_token"]
    assert (people.reads(token), people.looks_up(token)) == (404, 403)
    assert audited(people.world) == [("client.token", "svc")]


def test_more_than_its_groups_give_is_refused(people: Staff) -> None:
    assert granted(people.ask(scope="mfa:challenge"))["scope"] == "mfa:challenge"
    oauth_error(people.ask(scope="mfa:challenge mfa:enroll"), 400, "invalid_scope")
    oauth_error(people.ask(scope="mfa:admin"), 400, "invalid_scope")


@pytest.mark.parametrize("secret", ["", "wrong", SECRET + " ", SECRET.upper()])
def test_a_wrong_secret_is_invalid_client_and_audited(people: Staff, secret: str) -> None:
    oauth_error(people.ask(secret=secret), 401, "invalid_client")
    expected = [("client.auth_fail", "svc")] if secret else []
    assert audited(people.world) == expected


@pytest.mark.parametrize("client_id", ["nobody", "SVC", "*", "svc)(uid=*", "reader", ""])
def test_whoever_is_no_client_is_invalid_client(people: Staff, client_id: str) -> None:
    oauth_error(people.ask(client_id), 401, "invalid_client")
    assert audited(people.world) == []


def test_moved_to_another_group_it_has_its_new_scopes_at_the_next_token(people: Staff) -> None:
    old = people.token()
    people.server.delete("cn=openers,ou=groups,dc=example,dc=test")
    people.server.group("enrollers", people.entry)
    assert granted(people.ask())["scope"] == "mfa:challenge mfa:enroll"
    people.server.delete("cn=enrollers,ou=groups,dc=example,dc=test")
    oauth_error(people.ask(), 401, "invalid_client")
    assert people.reads(old) == 401
    people.server.group("openers", people.entry)
    assert granted(people.ask())["scope"] == "mfa:challenge"


def test_a_live_token_loses_what_its_client_lost_within_seconds(people: Staff) -> None:
    people.server.delete("cn=openers,ou=groups,dc=example,dc=test")
    people.server.group("enrollers", people.entry)
    token = people.token()
    assert people.looks_up(token) == 200
    people.server.delete("cn=enrollers,ou=groups,dc=example,dc=test")
    people.server.group("openers", people.entry)
    people.world.clock.advance(KEPT)
    assert (people.looks_up(token), people.reads(token)) == (403, 404)


def test_what_a_token_was_not_granted_does_not_come_by_a_group(people: Staff) -> None:
    token = people.token()
    people.server.group("enrollers", people.entry)
    people.world.clock.advance(KEPT)
    assert people.looks_up(token) == 403


def test_a_disabled_client_gets_no_token_and_its_live_ones_die_within_seconds(
    people: Staff,
) -> None:
    token = people.token()
    people.server.change(people.entry, "host", ["disabled"])
    assert people.reads(token) == 404
    people.world.clock.advance(KEPT)
    assert people.reads(token) == 401
    oauth_error(people.ask(), 401, "invalid_client")
    people.server.change(people.entry, "host", [])
    assert granted(people.ask())["scope"] == "mfa:challenge"


def test_a_refused_token_request_ends_its_live_tokens_at_once(people: Staff) -> None:
    token = people.token()
    people.server.change(people.entry, "host", ["disabled"])
    oauth_error(people.ask(), 401, "invalid_client")
    assert people.reads(token) == 401


def test_an_assertion_is_no_proof_for_a_client_without_keys(people: Staff) -> None:
    form = {
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": "eyJhbGciOiJub25lIn0.eyJpc3MiOiJzdmMifQ.",
    }
    oauth_error(token_request(people.world, form), 401, "invalid_client")


def test_a_client_of_ours_wins_also_when_it_is_disabled(people: Staff) -> None:
    ours = people.world.client("as", ("mfa:challenge",))
    entry = people.server.account(ours.client_id, SECRET)
    people.server.group("enrollers", entry)
    oauth_error(people.ask(ours.client_id), 401, "invalid_client")
    assert granted(people.ask(ours.client_id, ours.secret))["scope"] == "mfa:challenge"
    people.world.services.clients.disable(ours.client_id)
    for secret in (SECRET, ours.secret):
        oauth_error(people.ask(ours.client_id, secret), 401, "invalid_client")


def test_nobody_becomes_this_service_itself_by_an_entry_of_its_name(people: Staff) -> None:
    people.server.group("enrollers", people.server.account("cli_self_default", SECRET))
    oauth_error(people.ask("cli_self_default"), 401, "invalid_client")
    assert people.world.services.own_client.of("default").redirect_uris


def test_a_token_for_an_api_is_for_the_resources_of_the_settings(
    server: Slapd, sqlite_url: str
) -> None:
    world = make_world(sqlite_url, **server.env, MFA_LDAP_RESOURCES="https://api.example/")
    people = staff(server, world)
    assert people.reads(granted(people.ask(resource="https://api.example/"))["access_token"]) == 401
    oauth_error(people.ask(resource="https://other.example/"), 400, "invalid_target")
    close(world)


@pytest.fixture
def anywhere(server: Slapd, any_url: str) -> Iterator[Staff]:
    """Lend the service on each kind of database: they hold references differently."""
    world = make_world(any_url, **server.env)
    people = staff(server, world)
    server.group("enrollers", people.entry)
    yield people
    close(world)


def test_it_enrolls_steps_up_and_hands_out_links_as_any_client(anywhere: Staff) -> None:
    """Rows of enrollments and links refer to a client, and this one has no row of ours."""
    world = anywhere.world
    api = world.client("svc-api")
    api.token = anywhere.token()
    totp = world.totp(api=api)
    challenge = api.challenge(prior=world.prior(), acr_values=["urn:stepup:acr:aal2"])
    answer = api.answer(challenge["id"], "totp", totp.next())
    assert answer.get_json()["status"] == "satisfied"
    assert api.post("/v1/account-links", {"sub": "alice"}).status_code == 201
    page = world.app.test_client().get(challenge["page"].removeprefix(ISSUER))
    assert page.status_code < 400


def test_the_row_that_others_refer_to_is_no_client(anywhere: Staff) -> None:
    anywhere.token()
    anywhere.token()
    services = anywhere.world.services
    assert services.clients.all() == []
    with services.foundation.work.reading() as tx:
        rows = tx.execute(select(ClientRow.id, ClientRow.scopes, ClientRow.secret_hash)).all()
    assert [tuple(row) for row in rows] == [("svc", "", None)]
    oauth_error(anywhere.ask(secret="wrong"), 401, "invalid_client")


def test_such_a_row_proves_nothing_when_the_directory_is_no_more(
    server: Slapd, sqlite_url: str
) -> None:
    world = make_world(sqlite_url, **server.env)
    people = staff(server, world)
    token = people.token()
    close(world)
    alone = make_world(sqlite_url)
    without = Staff(server, alone, people.entry)
    assert without.reads(token) == 401
    for secret in ("", SECRET, "None"):
        assert ask(alone, "svc", secret).status_code == 401
    close(alone)


def test_a_row_of_ours_with_scopes_counts_as_ours_at_once(people: Staff) -> None:
    people.token()
    with people.world.services.foundation.work.transaction() as tx:
        tx.execute(update(ClientRow).values(scopes="mfa:challenge"))
    oauth_error(people.ask(), 401, "invalid_client")


def test_no_secret_is_logged_or_stored(
    people: Staff, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        people.token()
        people.ask(secret="a wrong one")
        people.server.stop()
        people.ask()
    lines = "\n".join(JsonLines().format(record) for record in caplog.records)
    assert "the directory does not answer" in lines
    everything = lines + caplog.text + repr(people.world.services.settings)
    stored = b"".join(path.read_bytes() for path in tmp_path.glob("mfa.db*"))
    for secret in (SECRET, "a wrong one", READER_SECRET):
        assert secret not in everything
        assert json.dumps(secret)[1:-1] not in everything
        assert secret.encode() not in stored


def test_without_a_directory_ids_with_any_letters_are_only_unknown(world: World) -> None:
    for client_id in ("svc", "*", "svc)(uid=*"):
        refused = token_request(world, {}, basic(client_id, "secret"))
        oauth_error(refused, 401, "invalid_client")


def test_an_unknown_id_is_unknown_for_ten_seconds_to_who_holds_a_token(people: Staff) -> None:
    """Only token requests ask anew: see `test_answers_are_used_again_within_bounds`."""
    token = people.token()
    people.server.delete("cn=openers,ou=groups,dc=example,dc=test")
    people.world.clock.advance(KEPT)
    assert people.reads(token) == 401
    people.server.group("openers", people.entry)
    assert people.reads(token) == 401
    people.world.clock.advance(KEPT_IF_UNKNOWN)
    assert people.reads(token) == 404


def test_two_services_over_two_directories_know_their_own(
    people: Staff, sqlite_url: str, tmp_path: Path
) -> None:
    with slapd(tmp_path) as other:
        world = make_world(sqlite_url, **other.env)
        assert [ask(w, "svc", SECRET).status_code for w in (people.world, world)] == [200, 401]
        close(world)
