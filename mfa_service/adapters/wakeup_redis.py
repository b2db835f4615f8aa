"""Wake-ups by Redis' publish and subscribe: nothing is stored, nothing has to arrive."""

import threading
from collections.abc import Iterator
from contextlib import suppress

import redis

from .wakeup_carried import TransportFault

CHANNEL = "mfa:wake_up"
_SECONDS, _LOOK_SECONDS, _QUIET_SECONDS = 5, 0.5, 10


class RedisTransport:
    """`Transport` over one channel of a Redis server."""

    def __init__(self, url: str) -> None:
        """Take `redis://` or, with TLS that is verified, `rediss://`."""
        self._redis = redis.Redis.from_url(
            url,
            socket_timeout=_SECONDS,
            socket_connect_timeout=_SECONDS,
            health_check_interval=_QUIET_SECONDS,
        )

    def publish(self, text: str) -> None:
        """Publish."""
        try:
            self._redis.publish(CHANNEL, text)
        except redis.RedisError as exc:
            raise TransportFault(type(exc).__name__) from exc

    def ping(self) -> None:
        """Raise `TransportFault` unless the server answers."""
        try:
            self._redis.ping()
        except redis.RedisError as exc:
            raise TransportFault(type(exc).__name__) from exc

    def texts(self, stopped: threading.Event) -> Iterator[str | None]:
        """Subscribe, and give what is published."""
        heard = self._redis.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]  # untyped there
        try:
            heard.subscribe(CHANNEL)
            yield None
            while not stopped.is_set():
                message = heard.get_message(timeout=_LOOK_SECONDS)
                if message is not None and isinstance(message["data"], bytes):
                    yield message["data"].decode("utf-8", "replace")
        except (redis.RedisError, OSError, ValueError) as exc:
            raise TransportFault(type(exc).__name__) from exc
        finally:
            with suppress(redis.RedisError, OSError):
                heard.close()

    def close(self) -> None:
        """Close the connections that publish."""
        self._redis.close()
