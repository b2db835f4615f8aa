"""`mfa client apply`: what it shows, what it does, and what it leaves alone."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.clients import basic, token_request
from tests.support.command_line import command_line
from tests.support.database import rows
from tests.support.leash import minimal_environment
from tests.support.processes import installed
from tests.support.programs import Ran
from tests.support.remote import environment
from tests.support.world import World

EXAMPLE = Path(__file__).parents[2] / "examples" / "clients.toml"
KEYS = json.dumps(
    {
        "keys": [
            {
                "kty": "OKP",
                "crv": "Ed25519",
                "kid": "k",
                "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
            }
        ]
    }
)
SHOP = """
[[client]]
name = "shop"
scopes = ["mfa:challenge", "mfa:enroll"]
redirect_uris = ["https://shop.example/back"]
"""
BANK = '[[client]]\nname = "bank"\nrealm = "partners"\nscopes = "mfa:challenge"\n'
Apply = Callable[..., Ran]


@pytest.fixture
def env(sqlite_url: str) -> dict[str, str]:
    return environment(sqlite_url)


@pytest.fixture
def apply(env: dict[str, str], tmp_path: Path) -> Apply:
    """Return what writes a file and applies it."""

    def call(text: str, *options: str) -> Ran:
        (tmp_path / "keys.json").write_text(KEYS)
        file = tmp_path / "clients.toml"
        file.write_text(text)
        return command_line(env, "client", "apply", str(file), *options)

    return call


def listed(env: dict[str, str]) -> dict[str, dict[str, Any]]:
    found = json.loads(command_line(env, "client", "list", "--json").out)
    return {row["name"]: row for row in found}


def shown(env: dict[str, str], name: str) -> dict[str, Any]:
    client_id = listed(env)[name]["client_id"]
    return command_line(env, "client", "show", client_id, "--json").object


def works(world: World, client_id: str, secret: str) -> bool:
    answer = token_request(world, {}, basic(client_id, secret))
    assert answer.status_code in {200, 401}
    return answer.status_code == 200


def test_a_new_client_is_shown_made_and_its_secret_works_once_shown(
    apply: Apply, world: World
) -> None:
    ran = apply(SHOP, "--yes")
    assert ran.status == 0, ran
    plan, made = ran.out.split("= 0 unchanged\n")
    assert plan.splitlines() == [
        "+ default/shop",
        "    scopes: mfa:challenge mfa:enroll",
        "    redirect_uris: https://shop.example/back",
    ]
    printed = dict(line.split(": ", 1) for line in made.splitlines())
    assert works(world, printed["client_id"], printed["client_secret"])
    assert printed["client_secret"] not in ran.err
    assert "client_secret" not in apply(SHOP, "--yes").out


def test_a_second_time_changes_nothing_and_asks_nobody(apply: Apply, world: World) -> None:
    apply(SHOP + BANK, "--yes")
    before = rows(world, "SELECT * FROM client"), rows(world, "SELECT * FROM audit_event")
    assert apply(SHOP + BANK) == Ran(0, "= 2 unchanged\n", "")
    assert (rows(world, "SELECT * FROM client"), rows(world, "SELECT * FROM audit_event")) == before


def test_a_dry_run_tells_by_its_status_whether_something_would_change(
    apply: Apply, env: dict[str, str]
) -> None:
    assert apply(SHOP, "--dry-run", "--yes").status == 2
    assert listed(env) == {}
    apply(SHOP, "--yes")
    assert apply(SHOP, "--dry-run").status == 0
    object_ = apply(SHOP.replace("back", "b"), "--dry-run", "--json").object
    assert (object_["applied"], object_["clients"], len(object_["changes"])) == (False, [], 1)


def test_a_change_is_shown_as_old_and_new_and_made(apply: Apply, env: dict[str, str]) -> None:
    apply(SHOP, "--yes")
    client_id = listed(env)["shop"]["client_id"]
    changed = SHOP.replace(', "mfa:enroll"', "") + '[client.metadata]\ndialect = "okta"\n'
    ran = apply(changed, "--yes")
    assert ran.out.splitlines() == [
        f"~ default/shop  {client_id}",
        "    scopes: mfa:challenge mfa:enroll -> mfa:challenge",
        "    metadata.dialect: contract -> okta",
        "= 0 unchanged",
    ]
    found = shown(env, "shop")
    assert (found["client_id"], found["scope"]) == (client_id, "mfa:challenge")
    assert (found["metadata"]["dialect"], found["redirect_uris"]) == (
        "okta",
        ["https://shop.example/back"],
    )


def test_a_member_that_left_the_file_is_the_default_again(
    apply: Apply, env: dict[str, str]
) -> None:
    apply(SHOP + "[client.metadata]\nrequire_pushed_authorization_requests = true\n", "--yes")
    apply('[[client]]\nname = "shop"\nscopes = ["mfa:challenge"]\n', "--yes")
    found = shown(env, "shop")
    assert found["redirect_uris"] == []
    assert found["metadata"]["require_pushed_authorization_requests"] is False


def test_the_same_name_in_another_realm_is_another_client(
    apply: Apply, env: dict[str, str]
) -> None:
    apply(SHOP, "--yes")
    ran = apply(SHOP + SHOP + 'realm = "partners"\n', "--yes", "--json")
    assert [change["action"] for change in ran.object["changes"]] == ["create"]
    assert ran.object["clients"][0]["realm"] == "partners"
    assert len(json.loads(command_line(env, "client", "list", "--json").out)) == 2


def test_clients_that_are_not_in_the_file_are_left_alone_and_named(
    apply: Apply, env: dict[str, str]
) -> None:
    apply(SHOP + BANK, "--yes")
    bank = listed(env)["bank"]["client_id"]
    ran = apply(SHOP, "--yes")
    assert ran.out == f"= 1 unchanged\n  not in the file, left alone: partners/bank ({bank})\n"
    assert not listed(env)["bank"]["disabled"]


def test_prune_disables_them_and_the_service_itself_stays(
    apply: Apply, env: dict[str, str], world: World
) -> None:
    world.services.own_client.of("default")
    apply(SHOP + BANK, "--yes")
    bank = listed(env)["bank"]["client_id"]
    ran = apply(SHOP, "--prune", "--yes")
    assert ran.out.startswith(f"- partners/bank  {bank}\n    disabled: false -> true\n= 1 ")
    disabled = {name for name, row in listed(env).items() if row["disabled"]}
    assert disabled == {"bank"}
    assert apply(SHOP, "--prune").status == 0


def test_disabled_is_as_the_file_says_and_else_as_it_was(apply: Apply, env: dict[str, str]) -> None:
    apply(SHOP, "--yes")
    client_id = listed(env)["shop"]["client_id"]
    command_line(env, "client", "disable", client_id)
    ran = apply(SHOP)
    assert (ran.status, listed(env)["shop"]["disabled"]) == (0, True)
    assert f"stay so, since the file does not say: default/shop ({client_id})" in ran.out
    apply(SHOP + "disabled = false\n", "--yes")
    assert not listed(env)["shop"]["disabled"]
    apply(SHOP + "disabled = true\n", "--yes")
    assert listed(env)["shop"]["disabled"]


def test_a_client_that_changes_to_keys_loses_its_secret_and_gets_a_new_one_back(
    apply: Apply, env: dict[str, str], world: World
) -> None:
    first = apply(SHOP, "--yes", "--json").object["clients"][0]
    with_keys = apply(SHOP + 'jwks_file = "keys.json"\n', "--yes")
    thumbprint = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
    assert f"    jwks: a secret -> keys {thumbprint}\n" in with_keys.out
    assert "client_secret" not in with_keys.out
    assert not works(world, first["client_id"], first["client_secret"])
    assert shown(env, "shop")["authentication"] == "private_key_jwt"
    assert apply(SHOP + f"jwks = {inline(KEYS)}\n").out == "= 1 unchanged\n"
    back = apply(SHOP, "--yes", "--json").object["clients"][0]
    assert back["client_secret"] != first["client_secret"]
    assert works(world, back["client_id"], back["client_secret"])
    assert not works(world, first["client_id"], first["client_secret"])


def inline(text: str) -> str:
    """Return a JSON object of texts as an inline table."""
    return text.replace('": ', '" = ')


def test_where_nobody_can_be_asked_nothing_is_done_without_yes(
    apply: Apply, env: dict[str, str]
) -> None:
    ran = apply(SHOP)
    assert (ran.status, listed(env)) == (1, {})
    assert ran.err == "Error: Nobody can be asked here: give --yes, or --dry-run.\n"
    assert ran.out.startswith("+ default/shop\n")


@pytest.mark.parametrize(("typed", "done"), [("", False), ("y", True)])
def test_at_a_terminal_somebody_has_to_agree(
    env: dict[str, str], tmp_path: Path, typed: str, done: bool
) -> None:
    (tmp_path / "clients.toml").write_text(SHOP)
    ours, theirs = os.openpty()
    program = subprocess.Popen(
        [installed("mfa"), "client", "apply", "clients.toml", "--json"],
        cwd=tmp_path,
        env=minimal_environment(tmp_path) | env,
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.write(ours, f"{typed}\n".encode())
    out, err = program.communicate(timeout=60)
    os.close(ours)
    os.close(theirs)
    assert "+ default/shop\n" in err
    assert (program.returncode == 0, "shop" in listed(env)) == (done, done)
    assert (bool(out), "Nothing was changed." in err) == (done, not done)
    assert not out or Ran(0, out, err).object["applied"]


def test_what_was_done_is_audited(apply: Apply, env: dict[str, str], world: World) -> None:
    apply(SHOP + BANK, "--yes")
    apply(SHOP.replace("back", "b"), "--prune", "--yes")
    events = rows(world, "SELECT event, client_id, reason FROM audit_event ORDER BY id")
    named = {row["client_id"]: name for name, row in listed(env).items()}
    assert [(row["event"], named[row["client_id"]], row["reason"]) for row in events] == [
        ("admin.client_add", "shop", None),
        ("admin.client_add", "bank", None),
        ("admin.client_change", "shop", "redirect_uris"),
        ("admin.client_disable", "bank", None),
    ]


def test_a_name_that_several_have_is_refused_until_one_of_them_is_enabled(
    apply: Apply, env: dict[str, str]
) -> None:
    ids = [
        command_line(env, "client", "add", "shop", "--scope", "a", "--json").object["client_id"]
        for _ in range(2)
    ]
    ran = apply(BANK + SHOP, "--yes")
    assert (ran.status, ran.out) == (1, "")
    assert "client 2: name is that of 2 clients of the realm" in ran.err
    assert all(client_id in ran.err for client_id in ids)
    assert "bank" not in listed(env)
    command_line(env, "client", "disable", ids[0])
    assert f"~ default/shop  {ids[1]}\n" in apply(SHOP, "--yes").out


def test_the_example_is_applied_as_it_is(env: dict[str, str]) -> None:
    ran = command_line(env, "client", "apply", str(EXAMPLE), "--yes", "--json")
    assert (ran.status, len(ran.object["clients"])) == (0, 4)
    assert command_line(env, "client", "apply", str(EXAMPLE)).status == 0
    assert listed(env)["bank"]["authentication"] == "private_key_jwt"
    assert listed(env)["old-portal"]["disabled"]


BAD = {
    "no table": ("", ["has no [[client]]"]),
    "no TOML": ("[[client]", ["is no TOML"]),
    "one table": ('[client]\nname = "a"', ["client is written [[client]]"]),
    "another table": (SHOP + "[[user]]", ["knows [[client]] and nothing else"]),
    "a secret": (SHOP + 'client_secret = "hunter2"', ["client 1: 'client_secret' is not known"]),
    "no name": ('[[client]]\nscopes = ["a"]', ["client 1: name is needed"]),
    "no scope": ('[[client]]\nname = "a"', ["client 1: scopes: At least one"]),
    "a number": (SHOP + "origins = 3", ["client 1: origins is a list of texts"]),
    "no flag": (SHOP + 'disabled = "no"', ["client 1: disabled is true or false"]),
    "realm": (SHOP + 'realm = "a b"', ["client 1: realm: 1 to 64"]),
    "origin": (SHOP + 'origins = ["x"]', ["client 1: origins: An https origin"]),
    "resource": (SHOP + 'resources = ["x"]', ["client 1: resources: An absolute URI"]),
    "metadata": (SHOP + "metadata = 3", ["client 1: metadata is a table"]),
    "dialect": (SHOP + 'metadata = {dialect = "x"}', ["client 1: metadata.dialect: One of"]),
    "member": (SHOP + "metadata = {secret = 1}", ["client 1: metadata.secret: There is no such"]),
    "no key": (SHOP + "jwks = {keys = []}", ["client 1: jwks: A JWK set of public"]),
    "private key": (
        SHOP + f"jwks = {inline(KEYS.replace('kid', 'd'))}",
        ["client 1: jwks: A JWK set of public"],
    ),
    "a date": (SHOP + "jwks = {keys = [2026-11-27]}", ["client 1: jwks holds what JSON does not"]),
    "no key file": (SHOP + 'jwks_file = "none.json"', ["client 1: jwks_file is no JSON file"]),
    "both": (
        SHOP + 'jwks_file = "keys.json"\njwks = {keys = []}',
        ["client 1: jwks and jwks_file exclude each other"],
    ),
    "twice": (SHOP + BANK + SHOP, ["client 3: name is that of client 1 in the same realm"]),
    "all at once": (
        SHOP.replace("https://shop", "ftp://hunter2@shop") + BANK + 'extra = "hunter2"\n',
        ["client 1: redirect_uris: An absolute https URI", "client 2: 'extra' is not known"],
    ),
}


@pytest.mark.parametrize(("text", "said"), BAD.values(), ids=BAD.keys())
def test_what_is_wrong_is_said_with_the_number_of_its_table(
    apply: Apply, text: str, said: list[str]
) -> None:
    ran = apply(text, "--yes", "--json")
    assert (ran.status, ran.out) == (1, "")
    first, *found = ran.err.splitlines()
    assert first.endswith("clients.toml is not valid:")
    assert len(found) == len(said), found
    assert all(f"  - {start}" in line for start, line in zip(said, found, strict=True)), found
    assert "hunter2" not in ran.err


def test_a_file_that_is_no_text_is_refused(env: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "clients.toml"
    file.write_bytes(b"\xff\xfe")
    ran = command_line(env, "client", "apply", str(file), "--yes")
    assert (ran.status, "cannot be read (UnicodeDecodeError)" in ran.err) == (1, True)
    assert command_line(env, "client", "apply", str(tmp_path / "none.toml")).status == 2
