"""Doubles that listen on loopback, each in a thread of the test's process."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TypeVar

T = TypeVar("T")


@contextmanager
def listening(
    make: Callable[[str], T], handler: Callable[[T], type[BaseHTTPRequestHandler]]
) -> Iterator[T]:
    """Run what `make` returns for its `host:port`, by its `handler`, until the block ends."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    double = make(f"127.0.0.1:{server.server_port}")
    server.RequestHandlerClass = handler(double)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield double
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
