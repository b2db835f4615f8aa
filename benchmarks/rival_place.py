"""privacyIDEA, installed apart from us and set up to be as fast as its documentation says.

Nothing of it is imported here: it runs in an environment of its own and is spoken to by HTTP.
"""

import contextlib
import os
import secrets
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from sqlalchemy import create_engine, make_url

from mfa_service.serving import THREADS
from tests.support.leash import free_port
from tests.support.processes import ServerProcess

from .places import Place, Take
from .statements import Statement

_ROOT = Path(__file__).parents[1]
_PINS = Path(__file__).with_name("rival.txt")
_ENVIRONMENT = _ROOT / "build" / "rival"
_DATABASE = "rival"
ADMIN = "admin"

_CONFIG = """\
import logging
import os
SUPERUSER_REALM = ["super"]
SQLALCHEMY_DATABASE_URI = {url!r}
SECRET_KEY = {secret!r}
PI_PEPPER = {pepper!r}
PI_ENCFILE = {folder!r} + "/enckey"
PI_UUID_FILE = {folder!r} + "/uuid.txt"
PI_AUDIT_KEY_PRIVATE = {folder!r} + "/private.pem"
PI_AUDIT_KEY_PUBLIC = {folder!r} + "/public.pem"
PI_LOGFILE = {folder!r} + "/privacyidea.log"
PI_FORCE_HTTPS = False
"""
# All that its page on performance advises, and a pool for the audit's connections.
_TUNED = """\
PI_AUDIT_NO_PRIVATE_KEY_CHECK = True
PI_RESPONSE_NO_PRIVATE_KEY_CHECK = True
PI_AUDIT_NO_SIGN = True
PI_NO_RESPONSE_SIGN = True
PI_ENGINE_REGISTRY_CLASS = "shared"
PI_CHECK_RELOAD_CONFIG = int(os.environ.get("RIVAL_RELOAD", "600"))
PI_LOGLEVEL = logging.ERROR
"""
# With RIVAL_TRACE every statement that SQLite runs is a line of that file.
_APPLICATION = """\
import os
from privacyidea.app import create_app
from sqlalchemy import Engine, event

path = os.environ.get("RIVAL_TRACE")
if path:
    trace = open(path, "a", buffering=1)

    @event.listens_for(Engine, "connect")
    def connected(raw, _):
        raw.set_trace_callback(lambda sql: trace.write(" ".join(sql.split()) + "\\n"))

application = create_app("production", {config!r}, silent=True, initialize_hsm=True)
"""


@dataclass(frozen=True, slots=True)
class Rival:
    """privacyIDEA with its tables on the database server or beside the database file of a place."""

    place: Place
    folder: Path
    version: str
    password: str
    tuned: bool

    def launch(self, *, workers: int = 2, env: Mapping[str, str] | None = None) -> ServerProcess:
        """Start it as `mfa serve` is: gunicorn's threads, as many."""
        port = free_port()
        command = [
            *(f"{_ENVIRONMENT}/bin/gunicorn", "--bind", f"127.0.0.1:{port}"),
            *("--workers", str(workers), "--worker-class", "gthread", "--threads", str(THREADS)),
            *("--timeout", "60", "--keep-alive", "75", "--log-level", "warning"),
            *("--worker-tmp-dir", "/dev/shm", "--no-control-socket", "rival_wsgi:application"),
        ]
        server = ServerProcess(command, port=port, env=env or {}, folder=self.folder)
        return server.await_answer("/healthz/livez")

    def launch_to_configure(self) -> ServerProcess:
        """Start one worker that looks for changed settings at each request."""
        return self.launch(workers=1, env={"RIVAL_RELOAD": "0"})

    @contextlib.contextmanager
    def traced(self) -> Iterator[tuple[ServerProcess, Take]]:
        """Lend one worker whose statements are seen."""
        if self.place.database_pid is None:
            path = self.folder / "trace"
            path.touch()
            with self.launch(workers=1, env={"RIVAL_TRACE": str(path)}) as server:
                yield server, _reader(path)
            return
        with _postgres_trace(self.place) as take, self.launch(workers=1) as server:
            yield server, take


def make_rival(place: Place, *, tuned: bool) -> Rival:
    """Install it if need be, and set it up on an empty database."""
    _install()
    folder = place.folder / "rival"
    folder.mkdir()
    config, password = folder / "pi.cfg", secrets.token_urlsafe(16)
    values = {"secret": secrets.token_hex(32), "pepper": secrets.token_hex(16)}
    url = _make_database(place, folder)
    text = _CONFIG.format(url=url, folder=str(folder), **values)
    config.write_text(text + (_TUNED if tuned else ""))
    (folder / "rival_wsgi.py").write_text(_APPLICATION.format(config=str(config)))
    for step in ("setup create_enckey", "setup create_audit_keys", "setup create_tables"):
        _manage(config, step.split())
    _manage(config, ["admin", "add", ADMIN, "--password", password])
    return Rival(place, folder, _version(), password, tuned)


def _install() -> None:
    """Make the environment; what is there already and fits the pins stays."""
    done = _ENVIRONMENT / "pins"
    if done.exists() and done.read_text() == _PINS.read_text():
        return
    print(f"installing privacyIDEA into {_ENVIRONMENT.relative_to(_ROOT)}", flush=True)
    _run([sys.executable, "-m", "venv", "--clear", str(_ENVIRONMENT)])
    uv, python = str(Path(sys.executable).with_name("uv")), f"{_ENVIRONMENT}/bin/python"
    pins = ["-q", "--require-hashes", "-r", str(_PINS)]
    try:
        _run([uv, "pip", "install", "--python", python, *pins])
    except RuntimeError:  # as tools/set-up: what only pip is told, uv does not know
        _run([python, "-m", "pip", "install", *pins])
    done.write_text(_PINS.read_text())


def _version() -> str:
    pins = (line.split()[0] for line in _PINS.read_text().splitlines() if "==" in line)
    return next(pin for pin in pins if pin.startswith("privacyidea==")).partition("==")[2]


def _make_database(place: Place, folder: Path) -> str:
    """Make an empty database and return its URL."""
    if place.database_pid is None:
        # The file remembers the journal's mode, which is ours too.
        with contextlib.closing(sqlite3.connect(folder / "rival.db")) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
        return f"sqlite:///{folder}/rival.db"
    with psycopg.connect(place.url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {_DATABASE}")
    url = make_url(place.url).set(drivername="postgresql+psycopg2", database=_DATABASE)
    return url.render_as_string(hide_password=False)


def _manage(config: Path, arguments: list[str]) -> None:
    env = {"PRIVACYIDEA_CONFIGFILE": str(config)}
    _run([f"{_ENVIRONMENT}/bin/pi-manage", *arguments], env, config.parent)


def _run(command: list[str], env: Mapping[str, str] | None = None, folder: Path = _ROOT) -> None:
    done = subprocess.run(
        command,
        env=os.environ | (env or {}),
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{Path(command[0]).name} failed:\n{done.stdout}{done.stderr}")


def _postgres_trace(place: Place) -> AbstractContextManager[Take]:
    return place.trace(create_engine(place.url))


def _reader(path: Path) -> Callable[[], tuple[Statement, ...]]:
    """Return what gives the lines of `path` since its last call."""
    file = path.open()

    def take() -> tuple[Statement, ...]:
        return tuple(Statement(line.strip()) for line in file if not line.startswith("--"))

    return take
