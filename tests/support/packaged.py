"""The project as it is shipped: the sdist, the wheel that pip makes of it, a place to run it."""

import subprocess
import sys
import sysconfig
import tarfile
from dataclasses import dataclass
from pathlib import Path

from tests.architecture.sources import ROOT
from tests.support.leash import minimal_environment
from tests.support.processes import installed

_SECONDS = 120


def build(kind: str, source: Path, folder: Path) -> Path:
    """Return the `sdist` or the `wheel` of the tree in `source`."""
    _run([sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(folder)], source)
    (made,) = folder.iterdir()
    return made


@dataclass(frozen=True)
class Packages:
    """Both packages; the wheel was built from nothing but the sdist."""

    sdist: Path
    wheel: Path

    @classmethod
    def made_in(cls, folder: Path) -> "Packages":
        """Build them, the wheel as pip does for who has no wheel."""
        sdist = build("sdist", ROOT, folder / "sdist")
        with tarfile.open(sdist) as archive:
            archive.extractall(folder / "unpacked", filter="data")
        (source,) = (folder / "unpacked").iterdir()
        return cls(sdist, build("wheel", source, folder / "wheel"))


def installed_apart(wheel: Path, folder: Path) -> Path:
    """Return the `mfa` of a new environment, which sees our dependencies but not this checkout.

    A path file makes their folder importable without running what makes the checkout so.
    """
    uv, venv = installed("uv"), folder / "venv"
    _run([uv, "venv", "-q", "--offline", "--python", sys.executable, str(venv)], folder)
    python = str(venv / "bin" / "python")
    install = [uv, "pip", "install", "-q", "--offline", "--no-deps", "--python", python]
    _run([*install, str(wheel)], folder)
    (site,) = venv.glob("lib/python3.*/site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return venv / "bin" / "mfa"


def _run(command: list[str], folder: Path) -> None:
    subprocess.run(
        command,
        cwd=folder,
        env=minimal_environment(folder) | {"UV_NO_CACHE": "1", "PYTHONDONTWRITEBYTECODE": "1"},
        check=True,
        timeout=_SECONDS,
    )
