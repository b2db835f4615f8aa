"""`mfa webauthn`: metadata comes in, and what is enrolled is judged by it."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import passkeys
from tests.support.authenticator import SoftAuthenticator
from tests.support.command_line import command_line
from tests.support.database import rows
from tests.support.makers import Maker
from tests.support.metadata import Publisher, entry, statement, written
from tests.support.programs import Ran
from tests.support.remote import environment
from tests.support.world import World, close, make_world

AAGUID = "08987058-cadc-4b81-b6e1-30de50dcbe96"
OTHER = "ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4"
MAKER, PUBLISHER = Maker(), Publisher()


class Operator:
    """Runs commands on the database of a world."""

    def __init__(self, url: str, folder: Path) -> None:
        self.env, self.folder = environment(url), folder
        self.root = written(folder, "root.pem", PUBLISHER.root)

    def run(self, *arguments: str, **settings: str) -> Ran:
        return command_line(self.env | settings, "webauthn", *arguments)

    def imports(self, blob: bytes, *options: str, root: bytes | None = None) -> Ran:
        file = written(self.folder, "blob.jwt", blob)
        given = self.root if root is None else written(self.folder, "other.pem", root)
        return self.run("import-metadata", file, "--root", given, *options)

    def listed(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.run("list", "--json").out)
        return found


@pytest.fixture
def operator(any_url: str, tmp_path: Path) -> Operator:
    return Operator(any_url, tmp_path)


@pytest.fixture
def enrolled(operator: Operator) -> Iterator[World]:
    """Return a world in which alice has a passkey of a model that nobody knows yet."""
    env = operator.env
    world = make_world(env["MFA_DATABASE_URL"], MFA_MASTER_KEYS=env["MFA_MASTER_KEYS"])
    passkeys.enrolled(world, key=SoftAuthenticator(aaguid=AAGUID, attestation=MAKER))
    yield world
    close(world)


def standing(world: World) -> object:
    (row,) = rows(world, "SELECT attributes FROM authenticator WHERE type = 'webauthn'")
    return json.loads(str(row["attributes"]))["standing"]


def blob(no: int = 7, *statuses: str, **more: Any) -> bytes:
    return PUBLISHER.blob(no, [entry(MAKER, AAGUID, *statuses)], **more)


def test_a_signed_blob_is_imported_and_listed(operator: Operator) -> None:
    ran = operator.imports(blob(7), "--json")
    assert ran.status == 0, ran
    assert ran.object == {
        "models": 1,
        "forgotten": 0,
        "no": 7,
        "overdue": False,
        "reassessed": {"seen": 0, "changed": 0, "suspended": 0},
    }
    (found,) = operator.listed()
    assert (found["aaguid"], found["no"], found["broken"]) == (AAGUID, 7, False)
    assert found["key_protection"] == ["hardware"]
    assert "BLOB 7" in operator.run("list").out


BAD: dict[str, tuple[Callable[[], bytes], str]] = {
    "a root that did not issue it": (lambda: Publisher().blob(7, []), "does not lead to the root"),
    "no JWT": (lambda: b"{}", "no signed BLOB"),
    "nothing": (lambda: b"", "no signed BLOB"),
    "broken encoding": (lambda: b"a.b.c", "no signed BLOB"),
    "another signature": (lambda: blob()[:-8] + b"AAAAAAAA", "signature does not hold"),
    "another algorithm": (
        lambda: PUBLISHER.blob(7, [entry(MAKER, AAGUID)], alg="RS512"),
        "not RS256 or ES256",
    ),
    "no algorithm": (
        lambda: PUBLISHER.blob(7, [entry(MAKER, AAGUID)], alg="none"),
        "not RS256 or ES256",
    ),
    "no serial number": (
        lambda: PUBLISHER.blob("7", [entry(MAKER, AAGUID)]),
        "no serial number",
    ),
    "no model of FIDO2": (lambda: PUBLISHER.blob(7, [{"aaid": "x"}]), "names no FIDO2"),
    "a certificate that has expired": (
        lambda: Publisher(until=2024, root_key=PUBLISHER.root_key).blob(7, []),
        "has expired",
    ),
    "another publisher": (
        lambda: Publisher(name="evil.example", root_key=PUBLISHER.root_key).blob(7, []),
        "is not that of mds.fidoalliance.org",
    ),
}


@pytest.mark.parametrize(("made", "words"), BAD.values(), ids=BAD)
def test_a_file_that_does_not_hold_changes_nothing_and_says_why(
    sqlite_url: str, tmp_path: Path, made: Callable[[], bytes], words: str
) -> None:
    operator = Operator(sqlite_url, tmp_path)
    ran = operator.imports(made())
    assert (ran.status, ran.out) == (1, "")
    assert words in ran.err
    assert len(ran.err.splitlines()) == 1
    assert operator.listed() == []


def test_without_a_root_of_ones_own_those_of_the_system_count(
    sqlite_url: str, tmp_path: Path
) -> None:
    operator = Operator(sqlite_url, tmp_path)
    ran = operator.run("import-metadata", written(tmp_path, "blob", blob()))
    assert (ran.status, "does not lead to the root" in ran.err) == (1, True)


def test_an_older_blob_brings_back_nothing(operator: Operator) -> None:
    """What was revoked since would be believed again."""
    operator.imports(blob(8, "REVOKED"))
    for older in (blob(7), PUBLISHER.blob(7, [entry(MAKER, OTHER)])):
        ran = operator.imports(older)
        assert (ran.status, "A newer BLOB was imported before" in ran.err) == (1, True)
    (found,) = operator.listed()
    assert (found["no"], found["broken"]) == (8, True)


def test_nor_does_it_when_the_operator_vouched_for_all_of_the_newer_one(
    operator: Operator,
) -> None:
    operator.imports(blob(8, "REVOKED"))
    mine = written(operator.folder, "mine.json", statement(MAKER, AAGUID))
    assert operator.run("import-metadata", mine, "--unsigned").status == 0
    ran = operator.imports(blob(7))
    assert (ran.status, "A newer BLOB was imported before" in ran.err) == (1, True)


def test_a_newer_blob_forgets_what_it_leaves_out_but_not_what_the_operator_vouched_for(
    operator: Operator,
) -> None:
    mine = written(operator.folder, "mine.json", statement(MAKER, OTHER))
    assert operator.run("import-metadata", mine, "--unsigned").status == 0
    operator.imports(blob(7))
    third = "00000000-0000-0000-0000-000000000003"
    ran = operator.imports(PUBLISHER.blob(8, [entry(MAKER, third)]), "--json")
    assert ran.object["forgotten"] == 1
    assert [(one["aaguid"], one["no"]) for one in operator.listed()] == [(third, 8), (OTHER, None)]


def test_an_overdue_blob_is_told(operator: Operator) -> None:
    ran = operator.imports(blob(7, nextUpdate="2024-01-01"))
    assert (ran.status, "The publisher promised a newer BLOB" in ran.err) == (0, True)


def test_an_import_raises_and_lowers_what_is_enrolled(operator: Operator, enrolled: World) -> None:
    assert standing(enrolled) == "unattested"
    assert operator.imports(blob(7), "--json").object["reassessed"]["changed"] == 1
    assert standing(enrolled) == "hardware"
    assert operator.imports(blob(8, "REVOKED"), "--json").object["reassessed"]["changed"] == 1
    assert standing(enrolled) == "unattested"
    assert operator.run("reassess", "--json").object == {"seen": 1, "changed": 0, "suspended": 0}
    told = rows(enrolled, "SELECT result FROM audit_event WHERE event = 'authenticator.reassess'")
    assert [row["result"] for row in told] == ["hardware", "unattested"]


def test_a_denied_model_is_suspended_by_the_administrator_once(
    operator: Operator, enrolled: World
) -> None:
    first = operator.run("reassess", "--json", MFA_WEBAUTHN_DENIED=AAGUID).object
    again = operator.run("reassess", "--json", MFA_WEBAUTHN_DENIED=AAGUID).object
    assert (first["suspended"], again["suspended"]) == (1, 0)
    (found,) = rows(enrolled, "SELECT state, suspended_by FROM authenticator")
    assert (found["state"], found["suspended_by"]) == ("suspended", "admin")
    (told,) = rows(enrolled, "SELECT result FROM audit_event WHERE event = 'authenticator.suspend'")
    assert told["result"] == "model"


def test_a_running_service_believes_an_import_within_a_minute(
    operator: Operator, enrolled: World
) -> None:
    operator.imports(blob(7))
    enrolled.clock.advance(60)
    step_up = enrolled.client().challenge(purpose="manage", acr_values=["phrh"])
    assert step_up["status"] == "pending"  # phrh is within reach now
    key = SoftAuthenticator(aaguid=AAGUID, attestation=MAKER)
    made = passkeys.enrolled(enrolled, "bob", key=key)
    challenge = enrolled.client().challenge("bob", acr_values=["phrh"])
    assert made.answer(challenge).get_json()["acr"] == "phrh"


def test_root_that_is_none_is_said(sqlite_url: str, tmp_path: Path) -> None:
    ran = Operator(sqlite_url, tmp_path).imports(blob(), root=b"x")
    assert (ran.status, "--root is no PEM file" in ran.err) == (1, True)
