"""One JSON object a line on standard error. Only fields that are known to be harmless get out."""

import json
import logging
import sys
import traceback

from . import trace

ALWAYS = ("at", "level", "logger", "message", "request_id", "exception", "where")
"""What the formatter writes by itself; the last three where there is something to say."""
FIELDS = (
    "event",
    "method",
    "route",
    "status",
    "milliseconds",
    "client_id",
    "user_id",
    "authenticator_id",
    "challenge_id",
    "enrollment_id",
    "result",
    "reason",
    "provider",
    "issuer",
)
_KNOWN = frozenset(FIELDS)
_ENCODER = json.JSONEncoder(ensure_ascii=True, default=str)
_NOISY = ("alembic", "werkzeug", "gunicorn.access", "sqlalchemy", "httpcore", "urllib3")


class JsonLines(logging.Formatter):
    """Renders the message, the request id, and the members of `extra` that are in `FIELDS`.

    An exception is rendered by its type and place, never by its text or the values it holds:
    those could be what somebody typed.
    """

    def __init__(self) -> None:
        super().__init__()
        self._last = (-1, "")

    def format(self, record: logging.LogRecord) -> str:
        """Return one line; control characters are escaped by JSON (S 16.4.1)."""
        members = vars(record)
        line: dict[str, object] = {
            "at": self._at(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if request_id := trace.current().request_id:
            line["request_id"] = request_id
        if not _KNOWN.isdisjoint(members):
            line |= {name: members[name] for name in FIELDS if name in members}
        if record.exc_info and record.exc_info[0]:
            frames = traceback.extract_tb(record.exc_info[2])
            line["exception"] = record.exc_info[0].__name__
            line["where"] = [f"{frame.name}:{frame.lineno}" for frame in frames[-8:]]
        return _ENCODER.encode(line)

    def _at(self, record: logging.LogRecord) -> str:
        """Return its time as text; the last one is remembered, a second has many lines."""
        second, (known, text) = int(record.created), self._last
        if known != second:
            text = self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z")
            self._last = (second, text)
        return text


def configure(level: str) -> None:
    """Send every log record of this process to standard error as JSON lines."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in _NOISY:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLevelName(level)))
