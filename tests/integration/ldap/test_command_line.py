"""`mfa client` beside a directory: it shows both sources, and changes one."""

import json
from pathlib import Path

import pytest

from tests.support.command_line import command_line
from tests.support.directory import SECRET, Staff
from tests.support.programs import run
from tests.support.remote import environment

IN_DIRECTORY = {
    "client_id": "svc",
    "name": "Login of the shop",
    "realm": "default",
    "scope": "mfa:challenge",
    "authentication": "client_secret_basic",
    "disabled": False,
    "source": "directory",
}


@pytest.fixture
def env(people: Staff, sqlite_url: str) -> dict[str, str]:
    """Return the settings of the same service; it has a client `as` of its own too."""
    people.world.client("as", ("mfa:challenge",))
    return environment(sqlite_url) | people.server.env


def test_the_list_shows_both_sources(env: dict[str, str], tmp_path: Path) -> None:
    ran = run("mfa", "client", "list", "--json", folder=tmp_path, env=env)
    assert ran.status == 0, ran
    ours, theirs = json.loads(ran.out)
    assert (ours["name"], ours["source"]) == ("as", "local")
    assert theirs.pop("metadata")["dialect"] == "contract"
    assert theirs == IN_DIRECTORY
    lines = command_line(env, "client", "list").out.splitlines()
    assert lines[1] == "svc  directory  enabled  default  Login of the shop  [mfa:challenge]"
    assert "  local  enabled  " in lines[0]


def test_a_client_that_both_have_is_listed_once_as_ours(env: dict[str, str], people: Staff) -> None:
    ours = people.world.client("as").client_id
    people.server.group("enrollers", people.server.account(ours, SECRET))
    rows = json.loads(command_line(env, "client", "list", "--json").out)
    assert [(row["client_id"], row["source"]) for row in rows] == [
        (ours, "local"),
        ("svc", "directory"),
    ]


def test_disabled_ones_are_said_to_be(env: dict[str, str], people: Staff) -> None:
    people.server.change(people.entry, "host", ["disabled"])
    assert "svc  directory  disabled" in command_line(env, "client", "list").out


def test_without_the_directory_ours_are_listed_and_the_status_is_1(
    env: dict[str, str], people: Staff
) -> None:
    people.server.stop()
    ran = command_line(env, "client", "list", "--json")
    assert (ran.status, [row["source"] for row in json.loads(ran.out)]) == (1, ["local"])
    assert "Error: The directory of clients does not answer.\n" in ran.err
    assert command_line(env, "client", "list").status == 1


@pytest.mark.parametrize("command", ["disable", "rotate-secret"])
def test_a_client_of_the_directory_is_administered_there(
    env: dict[str, str], people: Staff, command: str
) -> None:
    people.token()
    ran = command_line(env, "client", command, "svc")
    assert (ran.status, ran.out) == (1, "")
    assert ran.err == "Error: This client is in the directory, which alone administers it.\n"
    assert people.ask().status_code == 200
    assert command_line(env, "client", command, "nobody").err.endswith("no such client.\n")


def test_a_file_of_clients_touches_none_of_the_directory(
    env: dict[str, str], people: Staff, tmp_path: Path
) -> None:
    file = tmp_path / "clients.toml"
    file.write_text('[[client]]\nname = "Login of the shop"\nscopes = ["mfa:admin"]\n')
    ran = command_line(env, "client", "apply", str(file), "--prune", "--yes", "--json")
    steps = {(step["action"], step["name"]) for step in ran.object["changes"]}
    assert steps == {("create", "Login of the shop"), ("disable", "as")}
    assert ran.object["clients"][0]["client_id"] != "svc"
    assert people.ask().get_json()["scope"] == "mfa:challenge"
    shown = command_line(env, "client", "show", "svc", "--json").object
    assert (shown["source"], shown["disabled"]) == ("directory", False)
