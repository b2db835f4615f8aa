"""Serve an example on one address until Ctrl-C or SIGTERM, without codes and tokens in the log."""

import logging
import signal
import sys
from types import FrameType
from typing import NoReturn

from flask import Flask
from werkzeug.serving import WSGIRequestHandler, make_server


class QuietHandler(WSGIRequestHandler):
    """Logs the path of a request without its query, where authorization codes travel."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Log method, path and status."""
        path = getattr(self, "path", "-").partition("?")[0]
        self.log("info", "%s %s %s", getattr(self, "command", "-"), path, str(code))


def serve(app: Flask, *, host: str, port: int, name: str, address: str) -> None:
    """Serve `app` with one thread per request and say where; returns on Ctrl-C, ends on SIGTERM."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    signal.signal(signal.SIGTERM, _stop)
    server = make_server(host, port, app, threaded=True, request_handler=QuietHandler)
    print(f"{name}: {address}  (Ctrl-C stops it)", flush=True)  # noqa: T201
    try:
        server.serve_forever()
    finally:
        server.server_close()


def _stop(_signal: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(0)
