"""A base image without a registry: Python and what it needs, from this machine's own packages."""

import re
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

_WANTED = ("python3", "python3-venv", "ca-certificates", "base-files", "coreutils", "dash", "sed")
_FORM = "${Package}\t${Provides}\t${Depends},${Pre-Depends}\t${db:Status-Abbrev}\n"
_LEFT_OUT = ("/usr/share/doc/", "/usr/share/man/", "/usr/share/locale/")
_MADE_AT_INSTALLATION = ("/etc/passwd", "/etc/group", "/etc/ssl/certs/ca-certificates.crt")
_FOLDERS = ("dev", "etc", "proc", "run", "srv", "sys", "usr", "var")
_MERGED = ("bin", "lib", "lib64", "sbin")


def write_base_image(to: Path) -> None:
    """Write a root file system as a tar archive (Debian and what is made from it)."""
    with tarfile.open(to, "w") as archive:
        for name in _FOLDERS:
            archive.addfile(_entry(name, tarfile.DIRTYPE, 0o755))
        archive.addfile(_entry("tmp", tarfile.DIRTYPE, 0o1777))
        for name in _MERGED:
            archive.addfile(_entry(name, tarfile.SYMTYPE, 0o777, f"usr/{name}"))
        for path in sorted(set(_files())):
            archive.add(path, arcname=str(path.relative_to("/")), recursive=False)


def _entry(name: str, kind: bytes, mode: int, target: str = "") -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode, entry.linkname = kind, mode, target
    return entry


def _files() -> Iterator[Path]:
    """Yield each file where it really is: /bin/sh is in /usr/bin, but stays a link itself."""
    listed = _output("dpkg-query", "-L", *_packages()).splitlines()
    for name in [*listed, *_MADE_AT_INSTALLATION]:
        path = Path(name)
        if (path.is_file() or path.is_symlink()) and not name.startswith(_LEFT_OUT):
            yield path.parent.resolve() / path.name


def _packages() -> list[str]:
    """Return what is wanted, and all that it depends on and is installed."""
    needs: dict[str, str] = {}
    provided: dict[str, str] = {}
    for line in _output("dpkg-query", "-W", "-f", _FORM).splitlines():
        package, provides, depends, state = line.split("\t")
        if state.startswith("ii"):
            needs[package] = depends
            provided |= dict.fromkeys(_names(provides), package)
    found: set[str] = set()
    open_ = list(_WANTED)
    while open_:
        name = open_.pop()
        package = name if name in needs else provided.get(name, "")
        if package and package not in found:
            found.add(package)
            open_ += _names(needs[package])
    return sorted(found)


def _names(relation: str) -> list[str]:
    parts = (part.strip() for part in re.split("[,|]", relation))
    return [re.split(r"[\s:(]", part)[0] for part in parts if part]


def _output(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
