"""`mfa client`: what it prints, what it refuses, and what a running service makes of it."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from werkzeug.test import TestResponse

from tests.support.command_line import command_line
from tests.support.phone import jws, public_jwk
from tests.support.programs import Ran, run
from tests.support.remote import environment
from tests.support.world import ISSUER, World, close, make_world

SCOPE = "mfa:challenge mfa:enroll"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@pytest.fixture
def env(sqlite_url: str) -> dict[str, str]:
    return environment(sqlite_url)


def added(env: dict[str, str], *options: str, name: str = "shop") -> dict[str, Any]:
    """Add a client and return what was printed as JSON."""
    ran = command_line(env, "client", "add", name, "--scope", SCOPE, *options, "--json")
    assert ran.status == 0, ran
    return ran.object


def listed(env: dict[str, str]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(command_line(env, "client", "list", "--json").out)
    return found


def token(world: World, client_id: str, secret: str, **form: str) -> TestResponse:
    return world.app.test_client().post(
        "/oauth2/token",
        data={"grant_type": "client_credentials", **form},
        auth=(client_id, secret),
    )


def test_the_program_prints_exactly_one_object_and_logs_elsewhere(
    env: dict[str, str], tmp_path: Path
) -> None:
    ran = run("mfa", "client", "add", "shop", "--scope", SCOPE, "--json", folder=tmp_path, env=env)
    assert ran.status == 0
    assert set(ran.object) == {"client_id", "client_secret", "name", "scope"}
    assert (ran.object["name"], ran.object["scope"]) == ("shop", SCOPE)
    assert all(json.loads(line)["level"] for line in ran.err.splitlines())
    assert ran.object["client_secret"] not in ran.err


def test_without_json_it_prints_lines_for_people(env: dict[str, str]) -> None:
    ran = command_line(env, "client", "add", "shop", "--scope", SCOPE)
    lines = dict(line.split(": ", 1) for line in ran.out.splitlines())
    assert (ran.status, lines["name"], lines["scope"]) == (0, "shop", SCOPE)
    assert lines["client_id"].startswith("cli_")
    assert len(lines["client_secret"]) >= 43


def test_every_secret_is_another_and_stored_as_a_hash(env: dict[str, str], tmp_path: Path) -> None:
    secrets = {added(env)["client_secret"] for _ in range(3)}
    assert len(secrets) == 3
    stored = b"".join(path.read_bytes() for path in tmp_path.glob("mfa.db*"))
    assert not [secret for secret in secrets if secret.encode() in stored]


def test_options_are_kept_as_they_were_given(env: dict[str, str], sqlite_url: str) -> None:
    made = added(
        env,
        *("--redirect-uri", "https://shop.example/back", "--redirect-uri", "https://b.example/"),
        *("--origin", "https://shop.example", "--resource", "https://api.example/"),
        *("--realm", "partners"),
    )
    world = make_world(sqlite_url)
    client = world.services.client_authentication.find(made["client_id"])
    close(world)
    assert client is not None
    assert client.redirect_uris == ("https://shop.example/back", "https://b.example/")
    assert (client.origins, client.resources) == (
        ("https://shop.example",),
        ("https://api.example/",),
    )
    assert client.realm == "partners"


def test_a_new_client_works_at_once_in_a_running_service(env: dict[str, str], world: World) -> None:
    made = added(env, "--resource", "https://api.example/")
    pair = made["client_id"], made["client_secret"]
    issued = token(world, *pair).get_json()
    assert (issued["token_type"], issued["scope"]) == ("Bearer", SCOPE)
    assert token(world, *pair, resource="https://api.example/").status_code == 200
    assert token(world, *pair, resource="https://other.example/").status_code == 400


def test_a_rotated_secret_is_dead_at_once(env: dict[str, str], world: World) -> None:
    made = added(env)
    ran = command_line(env, "client", "rotate-secret", made["client_id"], "--json")
    assert (ran.status, set(ran.object)) == (
        0,
        {"client_id", "client_secret", "name", "scope"},
    )
    assert token(world, made["client_id"], made["client_secret"]).status_code == 401
    assert token(world, made["client_id"], ran.object["client_secret"]).status_code == 200


def test_a_disabled_client_is_refused_with_its_live_token(
    env: dict[str, str], world: World
) -> None:
    made = added(env)
    pair = made["client_id"], made["client_secret"]
    bearer = {"Authorization": f"Bearer {token(world, *pair).get_json()['access_token']}"}
    app = world.app.test_client()
    assert app.get("/v1/users?sub=alice", headers=bearer).status_code == 200
    ran = command_line(env, "client", "disable", made["client_id"])
    assert (ran.status, ran.out) == (0, "")
    assert app.get("/v1/users?sub=alice", headers=bearer).status_code == 401
    assert token(world, *pair).status_code == 401
    assert [client["disabled"] for client in listed(env)] == [True]


def test_the_list_shows_every_client_and_no_secret(env: dict[str, str]) -> None:
    made = [added(env, name=name) for name in ("one", "two")]
    rows = listed(env)
    assert {row["client_id"] for row in rows} == {client["client_id"] for client in made}
    assert {row["authentication"] for row in rows} == {"client_secret_basic"}
    words = command_line(env, "client", "list").out
    assert [client["client_secret"] for client in made if client["client_secret"] in words] == []
    assert len(words.splitlines()) == 2


def test_an_empty_list_is_an_empty_array(env: dict[str, str]) -> None:
    assert listed(env) == []


@pytest.fixture
def keys(tmp_path: Path) -> tuple[Any, Path]:
    """Return a private key, and a file with the JWK set of its public part."""
    key, path = generate_private_key(SECP256R1()), tmp_path / "jwks.json"
    path.write_text(json.dumps({"keys": [{**public_jwk(key), "kid": "k"}]}))
    return key, path


def test_a_client_with_keys_has_no_secret_and_signs(
    env: dict[str, str], world: World, keys: tuple[Any, Path]
) -> None:
    key, path = keys
    made = added(env, "--jwks", str(path))
    assert set(made) == {"client_id", "name", "scope"}
    at, client_id = world.clock.now(), made["client_id"]
    claims = {"iss": client_id, "sub": client_id, "aud": ISSUER, "jti": "a" * 22}
    assertion = jws({"alg": "ES256", "kid": "k"}, {**claims, "iat": at, "exp": at + 60}, key)
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": ASSERTION,
        "client_assertion": assertion,
    }
    answer = world.app.test_client().post("/oauth2/token", data=form)
    assert (answer.status_code, listed(env)[0]["authentication"]) == (200, "private_key_jwt")
    ran = command_line(env, "client", "rotate-secret", client_id)
    assert (ran.status, ran.out) == (1, "")


BAD = {
    "no name": ("", "--scope", "a"),
    "long name": ("n" * 129, "--scope", "a"),
    "control in name": ("a\x1bb", "--scope", "a"),
    "bidi in name": ("a\u202eb", "--scope", "a"),
    "no scope": ("shop", "--scope", " "),
    "quote in scope": ("shop", "--scope", 'a"b'),
    "scope not ASCII": ("shop", "--scope", "ä"),
    "realm with space": ("shop", "--scope", "a", "--realm", "a b"),
    "empty realm": ("shop", "--scope", "a", "--realm", ""),
    "redirect relative": ("shop", "--scope", "a", "--redirect-uri", "/back"),
    "redirect http": ("shop", "--scope", "a", "--redirect-uri", "http://shop.example/"),
    "redirect fragment": ("shop", "--scope", "a", "--redirect-uri", "https://a.example/#x"),
    "redirect script": ("shop", "--scope", "a", "--redirect-uri", "javascript:alert(1)"),
    "redirect space": ("shop", "--scope", "a", "--redirect-uri", "https://a.example/ b"),
    "redirect broken": ("shop", "--scope", "a", "--redirect-uri", "https://[::1/"),
    "origin with path": ("shop", "--scope", "a", "--origin", "https://a.example/x"),
    "origin http": ("shop", "--scope", "a", "--origin", "http://a.example"),
    "origin broken": ("shop", "--scope", "a", "--origin", "https://[::1"),
    "resource relative": ("shop", "--scope", "a", "--resource", "api"),
    "resource broken": ("shop", "--scope", "a", "--resource", "https://[::1"),
}


@pytest.mark.parametrize("arguments", BAD.values(), ids=BAD.keys())
def test_what_is_wrong_is_said_and_nothing_is_added(
    env: dict[str, str], arguments: tuple[str, ...]
) -> None:
    ran = command_line(env, "client", "add", *arguments, "--json")
    assert (ran.status, ran.out) == (1, "")
    assert ran.err.startswith("Error: The client is not valid:\n  - ")
    assert listed(env) == []


def test_all_that_is_wrong_is_said_at_once(env: dict[str, str]) -> None:
    ran = command_line(env, "client", "add", "", "--scope", " ", "--realm", "a b")
    assert [line.split(":")[0] for line in ran.err.splitlines()[1:]] == [
        "  - name",
        "  - scope",
        "  - realm",
    ]


def jwk_files() -> dict[str, str]:
    key = generate_private_key(SECP256R1())
    public = public_jwk(key)
    numbers = {"d": "AAAA"}
    return {
        "no JSON": "{",
        "a list": "[]",
        "no keys": "{}",
        "empty set": '{"keys": []}',
        "not an object": '{"keys": ["x"]}',
        "private key": json.dumps({"keys": [{**public, **numbers}]}),
        "symmetric key": json.dumps({"keys": [{"kty": "oct", "k": "AAAA"}]}),
        "other curve": json.dumps({"keys": [{**public, "crv": "P-384"}]}),
        "off the curve": json.dumps({"keys": [{**public, "x": "A" * 43}]}),
        "no UTF-8": "\udcff",
    }


KEY_FILES = jwk_files()


@pytest.mark.parametrize("text", KEY_FILES.values(), ids=KEY_FILES.keys())
def test_a_key_file_that_is_none_is_refused(env: dict[str, str], tmp_path: Path, text: str) -> None:
    path = tmp_path / "jwks.json"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    ran = command_line(env, "client", "add", "shop", "--scope", "a", "--jwks", str(path))
    assert (ran.status, ran.out) == (1, "")
    assert "jwks" in ran.err


USAGE = {
    "no name": ("client", "add", "--scope", "a"),
    "no scope": ("client", "add", "shop"),
    "unknown option": ("client", "add", "shop", "--scope", "a", "--nonsense"),
    "no such key file": ("client", "add", "shop", "--scope", "a", "--jwks", "/nowhere.json"),
    "no id to disable": ("client", "disable"),
    "unknown command": ("client", "erase"),
}


@pytest.mark.parametrize("arguments", USAGE.values(), ids=USAGE.keys())
def test_wrong_usage_exits_2(env: dict[str, str], arguments: tuple[str, ...]) -> None:
    ran = command_line(env, *arguments)
    assert (ran.status, ran.out) == (2, "")
    assert "Usage: " in ran.err


@pytest.mark.parametrize("command", ["disable", "rotate-secret"])
def test_an_unknown_client_is_said_to_be_unknown(env: dict[str, str], command: str) -> None:
    assert command_line(env, "client", command, "cli_nobody") == Ran(
        1, "", "Error: There is no such client.\n"
    )


def test_the_database_that_a_command_makes_is_private(tmp_path: Path) -> None:
    env = environment(f"sqlite:///{tmp_path / 'new' / 'mfa.db'}")
    added(env)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700
