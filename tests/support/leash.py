"""Processes and folders that do not outlive the test run, not even one that was killed."""

import os
import socket
import subprocess
from pathlib import Path

_WATCH = """
read -r _
kill -s "$1" -- "$2" 2>/dev/null
left=100
while [ "$left" -gt 0 ] && kill -s 0 -- "$2" 2>/dev/null; do
  left=$((left - 1))
  sleep 0.1
done
[ -z "$3" ] || rm -rf "$3"
"""


class Leash:
    """Signals a process and removes its folder when let go, or when this process dies.

    A shell reads from a pipe whose other end only we hold: however we end, it sees the end of
    the file. `signal_name` is without SIG; a negative process id means the group of that number.
    """

    def __init__(self, process_id: int, signal_name: str, folder: Path | None = None) -> None:
        self._shell = subprocess.Popen(
            ["sh", "-c", _WATCH, "leash", signal_name, str(process_id), str(folder or "")],
            stdin=subprocess.PIPE,
            start_new_session=True,
            cwd="/",
        )

    def let_go(self) -> None:
        """Do the same now, and return when it is done."""
        self._shell.communicate()


def free_port() -> int:
    """Return a TCP port of the loopback interface that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def is_running(process_id: int) -> bool:
    """Tell whether the process exists and has not ended; a zombie has (Linux)."""
    try:
        state = Path(f"/proc/{process_id}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state.rsplit(")", 1)[1].split()[0] != "Z"


def minimal_environment(home: Path) -> dict[str, str]:
    """Return an environment that carries nothing of the developer's own settings."""
    return {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8", "TZ": "UTC"}
