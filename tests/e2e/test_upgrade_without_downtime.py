"""The version before goes on while the database is upgraded, and beside the new one after it."""

import base64
import json
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pyotp
import pytest

from tests.support.leash import free_port, minimal_environment
from tests.support.patience import until
from tests.support.phone import PinKey
from tests.support.postgres import PostgresServer
from tests.support.processes import ServerProcess, start_service
from tests.support.programs import run
from tests.support.remote import RemoteApp, environment, remote_world
from tests.support.rolling import same_clients
from tests.support.versions import SCRIPTS, code_before
from tests.support.world import Api, Totp, World


@pytest.fixture
def empty_url(postgres: PostgresServer) -> Iterator[str]:
    """Return a PostgreSQL database: SQLite is upgraded by a restart (docs/operating.md)."""
    with postgres.database() as url:
        yield url


@dataclass
class Before:
    """The version before: its command line, and its server."""

    command: list[str]
    env: dict[str, str]
    folder: Path

    def mfa(self, *arguments: str) -> str:
        env = minimal_environment(self.folder) | self.env
        ended = subprocess.run(
            [*self.command, *arguments],
            env=env,
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    def serve(self) -> ServerProcess:
        port = free_port()
        command = [*self.command, "serve", "--port", str(port), "--workers", "2"]
        return ServerProcess(command, port=port, env=self.env, folder=self.folder).await_answer()


@pytest.fixture
def before(empty_url: str, tmp_path: Path) -> Before:
    code, folder = tmp_path / "before", tmp_path / "run"
    code.mkdir()
    folder.mkdir()
    (head,) = SCRIPTS.get_heads()
    migration = Path(SCRIPTS.get_revision(head).path)
    made = Before(code_before(migration, code), environment(empty_url), folder)
    made.mfa("db", "upgrade")
    return made


@dataclass
class Enrolling(threading.Thread):
    """Somebody who enrolls one authenticator after the other, and steps up with each."""

    api: Api
    stopped: threading.Event = field(default_factory=threading.Event)
    statuses: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(daemon=True)

    def __hash__(self) -> int:
        return id(self)

    def run(self) -> None:
        while not self.stopped.is_set():
            sub = f"subject {len(self.statuses)}"
            enrollment = self.api.enroll(sub, type="totp")
            code = pyotp.TOTP(enrollment["secret"]).now()
            self.statuses.append(self.api.confirm(enrollment, code=code).status_code)
            self.api.challenge(sub)


def client_of(before: Before, server: ServerProcess) -> Api:
    """Return a client that the version before made and gave a token."""
    added = before.mfa("client", "add", "as", "--scope", "mfa:challenge mfa:enroll", "--json")
    made = json.loads(added)
    app = RemoteApp(server.url, {})
    api = Api(app, "", made["client_id"], made["client_secret"])  # type: ignore[arg-type]
    form = "grant_type=client_credentials&scope=mfa:challenge%20mfa:enroll"
    sent = app.post(
        "/oauth2/token",
        data=form,
        content_type="application/x-www-form-urlencoded",
        headers={"Authorization": basic(api)},
    )
    assert sent.status_code == 200, sent.text
    api.token = sent.get_json()["access_token"]
    return api


def basic(api: Api) -> str:
    return "Basic " + base64.b64encode(f"{api.client_id}:{api.secret}".encode()).decode()


def crossing(one: World, other: World, sub: str) -> None:
    """See that what begins at one version ends at the other."""
    phone = one.phone(sub, pin=PinKey())
    challenge = one.client().challenge(sub)
    assert other.approve(phone, challenge, pin=phone.pin).status_code == 200
    assert one.client().read(challenge["id"])["status"] == "satisfied"
    totp = one.client().enroll(f"{sub} with codes", type="totp")
    code = Totp.of_secret(other, totp["secret"]).code()
    assert other.client().confirm(totp, code=code).status_code == 200


def test_the_version_before_goes_on_during_and_after_an_upgrade(
    before: Before, empty_url: str, tmp_path: Path
) -> None:
    with before.serve() as old:
        person = Enrolling(client_of(before, old))
        person.start()
        until(lambda: len(person.statuses) > 2)
        ran = run("mfa", "db", "upgrade", folder=tmp_path, env=environment(empty_url))
        assert ran.status == 0, ran
        done = len(person.statuses)
        until(lambda: len(person.statuses) > done + 2)
        person.stopped.set()
        person.join()
        assert set(person.statuses) == {200}
        with (
            start_service(environment(empty_url), folder=tmp_path) as new,
            remote_world(old.url, empty_url) as at_old,
            remote_world(new.url, empty_url) as at_new,
        ):
            at_old.client()
            same_clients(at_old, at_new)
            crossing(at_old, at_new, "from old to new")
            crossing(at_new, at_old, "from new to old")
