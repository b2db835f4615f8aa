"""Our image: built by buildah without a daemon, and run as strictly as docs/deploying.md says."""

import json
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.architecture.sources import ROOT
from tests.support.base_image import write_base_image
from tests.support.processes import ServerProcess

_BASE, _OURS = "localhost/base:test", "localhost/mfa:test"
_SECONDS = 240
# Own namespaces, a root that nobody can write to, the image's volume, and nothing else.
_CONTAINED = """
root=$1; volume=$2; folder=$3; shift 3
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=755 dev "$root/dev"
for name in null zero random urandom; do
  touch "$root/dev/$name"
  mount --bind "/dev/$name" "$root/dev/$name"
done
mkdir -m 1777 "$root/dev/shm"
mount -t tmpfs -o mode=700,uid=10001,gid=10001 volume "$root$volume"
mount -o remount,bind,ro "$root"
ip link set lo up
exec unshare --root="$root" --wd="$folder" --setgid 10001 --setuid 10001 /usr/bin/env -i "$@"
"""


@dataclass(frozen=True)
class Image:
    """An image of this tree; its files lie unpacked in `root`."""

    root: Path
    config: dict[str, Any]

    @classmethod
    def built(cls, folder: Path, *, revision: str) -> "Image":
        """Build the base and the image, with all storage in `folder`."""
        write_base_image(folder / "base.tar")
        store = _Store(folder)
        scratch = store.run("from", "scratch")
        store.run("add", "-q", scratch, str(folder / "base.tar"), "/")
        store.run("config", "--env", "PATH=/usr/local/bin:/usr/bin:/bin", scratch)
        store.run("commit", "-q", scratch, _BASE)
        arguments = (f"BASE_IMAGE={_BASE}", f"REVISION={revision}")
        options = [word for argument in arguments for word in ("--build-arg", argument)]
        isolation = ("--isolation", "chroot", "--network", "host", "--pull-never")
        store.run("build", "--format", "docker", *isolation, *options, "-t", _OURS, str(ROOT))
        ours = store.run("from", "--pull-never", _OURS)
        inspected = json.loads(store.run("inspect", _OURS))
        return cls(Path(store.run("mount", ours)), inspected["Docker"]["config"])

    def start(
        self, folder: Path, *, command: Sequence[str] | None = None, env: Mapping[str, str]
    ) -> "Container":
        """Run it as a container engine does: entry point, then `command` or what it has."""
        words = [*self.config["Entrypoint"], *(command or self.config["Cmd"])]
        (volume,) = self.config["Volumes"]
        places = [str(self.root), volume, self.config["WorkingDir"]]
        variables = [*self.config["Env"], *(f"{name}={value}" for name, value in env.items())]
        apart = ["unshare", "--mount", "--pid", "--net", "--ipc", "--fork", "--kill-child=KILL"]
        script = ["sh", "-euc", _CONTAINED, "contained"]
        line = ["setpriv", "--no-new-privs", *apart, *script, *places, *variables, *words]
        return Container(self, ServerProcess(line, port=0, env={}, folder=folder), variables)


@dataclass(frozen=True)
class Container:
    """A running image."""

    image: Image
    process: ServerProcess
    _variables: list[str]

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command inside, as the user that the service is."""
        uid, gid = self.image.config["User"].split(":")
        enter = ["nsenter", "--target", str(self._first()), "--all"]
        line = [
            *enter,
            "--root",
            "--wd",
            "-S",
            uid,
            "-G",
            gid,
            "/usr/bin/env",
            "-i",
            *self._variables,
            *command,
        ]
        return subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)

    def is_healthy(self) -> bool:
        """Tell what the image's own health check says; nothing is healthy before it runs."""
        kind, *command = self.image.config["Healthcheck"]["Test"]
        assert kind == "CMD"
        return self.process.workers() != [] and self.run(*command).returncode == 0

    def stop(self) -> int:
        """Send the image's stop signal to its first process, and return how it ended."""
        os.kill(self._first(), signal.Signals[self.image.config["StopSignal"]])
        return self.process.await_end()

    def _first(self) -> int:
        (first,) = self.process.workers()
        return first


@dataclass(frozen=True)
class _Store:
    """Where buildah keeps what it makes; folders only, so that nothing stays mounted."""

    folder: Path

    def run(self, *arguments: str) -> str:
        """Return what a command says; raise RuntimeError with all that it said if it fails."""
        places = ["--root", str(self.folder / "root"), "--runroot", str(self.folder / "run")]
        ended = subprocess.run(
            ["buildah", "--storage-driver", "vfs", *places, *arguments],
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        if ended.returncode != 0:
            raise RuntimeError(f"buildah {arguments[0]}: {ended.stdout}{ended.stderr}")
        return ended.stdout.strip()
