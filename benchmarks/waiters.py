"""A process full of clients that wait: `python -m benchmarks.waiters PORT` reads its task as JSON.

It prints `ready` once all wait, and when its input ends a JSON object: for each challenge that
ended, when its waiter was told (monotonic clock, which processes of a machine share).
"""

import asyncio
import json
import sys
import time
from asyncio import StreamReader, StreamWriter

_WAIT = 30
_AT_ONCE = 200
_GET_GOING = 2


class _Client:
    """One that waits for one challenge, over one connection."""

    def __init__(self, challenge_id: str, bearer: str) -> None:
        self.challenge_id = challenge_id
        self.told: float | None = None
        self._request = (
            f"GET /v1/challenges/{challenge_id}?wait={_WAIT} HTTP/1.1\r\nHost: localhost\r\n"
            f"Authorization: {bearer}\r\n\r\n"
        ).encode()
        self._streams: tuple[StreamReader, StreamWriter]

    async def begin(self, port: int, few: asyncio.Semaphore) -> None:
        """Connect and ask."""
        async with few:
            self._streams = await asyncio.open_connection("127.0.0.1", port)
            self._streams[1].write(self._request)
            await self._streams[1].drain()

    async def wait(self) -> None:
        """Ask again and again until it has ended; raise RuntimeError if it did not end well."""
        reader, writer = self._streams
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
            body = json.loads(await reader.readexactly(length))
            if head[9:12] != b"200" or body["status"] not in {"pending", "satisfied"}:
                raise RuntimeError(f"waiting ended with {body}")
            if body["status"] == "satisfied":
                self.told = time.monotonic()
                writer.close()
                return
            writer.write(self._request)


async def _run(port: int, bearer: str, ids: list[str]) -> None:
    clients = [_Client(each, bearer) for each in ids]
    few = asyncio.Semaphore(_AT_ONCE)
    await asyncio.gather(*(client.begin(port, few) for client in clients))
    tasks = [asyncio.create_task(client.wait()) for client in clients]
    await asyncio.sleep(_GET_GOING)
    print("ready", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    faults = [repr(task.exception()) for task in tasks if task.done() and task.exception()]
    for task in tasks:
        task.cancel()
    told = {each.challenge_id: each.told for each in clients if each.told is not None}
    print(json.dumps({"told": told, "faults": faults}), flush=True)


if __name__ == "__main__":
    asyncio.run(_run(int(sys.argv[1]), **json.loads(sys.stdin.readline())))
