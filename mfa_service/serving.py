"""The HTTP server: gunicorn's threads, problems for what never reaches the application."""

import gc
import resource
from pathlib import Path
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.http.errors import ParseException

from mfa_service.adapters.allocator import give_large_blocks_back
from mfa_service.adapters.wakeup_memory import waiting_places
from mfa_service.domain.request_path import HEADERS_APART

from .loading import load
from .serving_worker import Worker

THREADS = 48  # 16 may wait (wiring.WAITING_THREADS), 32 are left for those who do not
_FEWEST_CONNECTIONS = 100
_FILES = 65_536
_GARBAGE = 20_000  # objects that are new since the last look; Python 3.11 itself looks after 700
_GRACEFUL_SECONDS = 5
_SHARED_MODULES = ("mfa_service.wiring_adapters", "mfa_service.app", "mfa_service.background")
_NAMING = ("X-ORIGINAL-", "X-FORWARDED-", "AUTHORIZATION")
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  # gunicorn's heartbeat file, not data


class _Body:
    """A request's body; broken framing is told as what any server's stream raises."""

    def __init__(self, stream: Any) -> None:  # noqa: ANN401
        self._stream = stream

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes; raise `OSError` for a body that has no proper end."""
        try:
            return bytes(self._stream.read(size if size >= 0 else None))
        except ParseException as exc:
            raise OSError("the body is broken") from exc

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        """Leave everything else to the stream."""
        return getattr(self._stream, name)


class _Environment:
    """Gives the application bodies that fail in a way that it knows, and headers kept apart."""

    def __init__(self, application: Any) -> None:  # noqa: ANN401
        self._application = application

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:  # noqa: ANN401
        """Wrap the stream, say what `keep_apart` does, and go on."""
        environ["wsgi.input"] = _Body(environ["wsgi.input"])
        environ[HEADERS_APART] = True
        return self._application(environ, start_response)


def keep_apart(_worker: object, request: Any) -> None:  # noqa: ANN401
    """Join repeated headers that name a request by U+000A, which no header can hold.

    gunicorn joins by a comma, which a path may hold, so that two headers would look like one.
    """
    names = [name for name, _ in request.headers]
    for name in {name for name in names if name.startswith(_NAMING) and names.count(name) > 1}:
        values = [value for known, value in request.headers if known == name]
        others = [header for header in request.headers if header[0] != name]
        request.headers = [*others, (name, "\n".join(values))]


class _Server(BaseApplication):  # type: ignore[misc]  # gunicorn is untyped
    """gunicorn, configured from here and not from the command line or a file."""

    def __init__(self, options: dict[str, Any]) -> None:
        self._options = options
        super().__init__()

    def load_config(self) -> None:
        """Set what we chose."""
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:  # noqa: ANN401
        """Make the application in each worker, after the fork: threads do not survive one."""
        app = load("mfa_service.wsgi").app
        app.wsgi_app = _Environment(app.wsgi_app)
        gc.set_threshold(_GARBAGE, 20, 20)  # cycles are rare here, and a look is dear
        return app


def serve(host: str, port: int, workers: int, *, metrics_folder: str | None) -> None:
    """Serve in the foreground until SIGTERM or SIGINT."""
    _allow_files(_FILES)
    give_large_blocks_back()
    options: dict[str, Any] = {
        "bind": f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
        "workers": workers,
        "worker_class": Worker,
        "threads": THREADS,
        "worker_connections": _connections(),
        "limit_request_line": 8190,
        "timeout": 60,
        "graceful_timeout": _GRACEFUL_SECONDS,
        "keepalive": 75,
        "control_socket_disable": True,
        "forwarder_headers": "",  # a header SCRIPT_NAME would move the path
        "when_ready": _load_what_workers_share,
        "pre_request": keep_apart,
        "loglevel": "warning",
        "raw_env": [f"PROMETHEUS_MULTIPROC_DIR={metrics_folder}"] if metrics_folder else [],
        "worker_tmp_dir": str(_SHARED_MEMORY) if _SHARED_MEMORY.is_dir() else None,
    }
    _Server(options).run()


def _load_what_workers_share(_arbiter: object) -> None:
    """Load the modules before the fork: once. The application itself is made in each worker."""
    for name in _SHARED_MODULES:
        load(name)


def _connections() -> int:
    """Return how many a worker takes: more than may wait, and fewer than it may open files."""
    return max(waiting_places() * 6 // 5, _FEWEST_CONNECTIONS)


def _allow_files(wanted: int) -> None:
    """Let this process and its workers open as many files as it may: each connection is one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
