"""Where a flow's CPU time goes: `python -m benchmarks.profile [--flow passkey]`.

Runs one flow in this process, without a server, under cProfile: how many functions one flow calls
is exact; shares of CPU time are a hint, since the profiler makes every call dearer.
"""

import argparse
import cProfile
import io
import logging
import pstats
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from flask import Flask

from mfa_service.app import create_app

from .flows import Flow, Session, flows_of
from .people import Sizes, enroll_people
from .places import postgresql_place, sqlite_place
from .wire import JSON, Reply

_PLACES = {"sqlite": sqlite_place, "postgresql": postgresql_place}
_WARM_UPS = 40
_TIMES = 400
_SIZES = Sizes(totp=_WARM_UPS + _TIMES, phones=8, passkeys=8)
_MEASURED = ("TOTP", "phone and PIN", "passkey")
# What a function belongs to, by a part of its file's path or of a built-in's name.
_PARTS = (
    ("commit", "commits"),
    ("sqlite3.", "database driver"),
    ("psycopg", "database driver"),
    ("cryptography", "cryptography"),
    ("_hashlib", "cryptography"),
    ("_hmac", "cryptography"),
    ("/hmac.py", "cryptography"),
    ("/sqlalchemy/", "SQLAlchemy"),
    ("/flask", "Flask and Werkzeug"),
    ("/werkzeug/", "Flask and Werkzeug"),
    ("/marshmallow/", "marshmallow"),
    ("/prometheus_client/", "metrics and logs"),
    ("/logging/", "metrics and logs"),
    ("/json/", "JSON"),
    ("/mfa_service/", "mfa_service"),
)


class Profiled:
    """A wire into an application that profiles its work and nothing else."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self.profile = cProfile.Profile(time.thread_time)
        self.counts = False

    def call(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        authorization: str = "",
        media: str = JSON,
        origin: str = "",
    ) -> Reply:
        """Return the answer."""
        environ = _environ(method, path, body, authorization, media)
        seen: list[str] = []

        def start(status: str, *_: object) -> Callable[[bytes], object]:
            seen.append(status)
            return lambda _: None

        if self.counts:
            self.profile.enable()
        answer = self._app.wsgi_app(environ, start)
        data = b"".join(answer)
        self.profile.disable()
        return Reply(int(seen[0][:3]), data)


def _environ(
    method: str, path: str, body: bytes, authorization: str, media: str
) -> dict[str, object]:
    environ: dict[str, object] = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "RAW_URI": path,
        "QUERY_STRING": "",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "localhost",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
    }
    if authorization:
        environ["HTTP_AUTHORIZATION"] = authorization
    return environ | ({"CONTENT_TYPE": media, "CONTENT_LENGTH": str(len(body))} if body else {})


def _part_of(file: str, name: str) -> str:
    place = f"{Path(file).as_posix()} {name}"
    return next((part for mark, part in _PARTS if mark in place), "the rest of Python")


def profiled(flow: Flow, wire: Profiled) -> tuple[float, Counter[str]]:
    """Return how many calls one flow makes, and the share of time of each part."""
    for _ in range(_WARM_UPS):
        flow.run(wire)
    wire.counts = True
    for _ in range(_TIMES):
        flow.run(wire)
    stats = pstats.Stats(wire.profile)
    shares: Counter[str] = Counter()
    for (file, _, name), (_, _, own, _, _) in stats.stats.items():  # type: ignore[attr-defined]
        shares[_part_of(file, name)] += own
    total = sum(shares.values())
    calls: int = stats.total_calls  # type: ignore[attr-defined]
    return calls / _TIMES, Counter({part: own / total for part, own in shares.items()})


def main() -> None:
    """Profile one flow on one database."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.profile", description=__doc__)
    parser.add_argument("--flow", choices=_MEASURED, default=_MEASURED[0])
    parser.add_argument("--database", choices=list(_PLACES), default="sqlite")
    given = parser.parse_args()
    logging.disable(logging.WARNING)
    with _PLACES[given.database]() as place:
        people = enroll_people(place.settings, _SIZES)
        wire = Profiled(create_app(place.settings))
        session = Session(people)
        session.renew(wire)
        [flow] = [one for one in flows_of(people, session) if one.name == given.flow]
        calls, shares = profiled(flow, wire)
    print(f"{given.flow} on {place.name} {place.version}: {calls:.0f} calls of functions")
    for part, share in shares.most_common():
        print(f"  {share:6.1%}  {part}")


if __name__ == "__main__":
    main()
