"""A push sender as an operator brings one: a package of its own, built and installed as a wheel."""

import subprocess
import sys
import zipfile
from pathlib import Path

_PROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "{name}"
version = "1.0"
[project.entry-points."stepup_mfa.push_senders"]
{entries}
[tool.hatch.build.targets.wheel]
include = ["{module}.py"]
"""
_MODULE = '''
import json, os, time

from mfa_service.domain.ports import PushRejected, SenderUnusable

class Relay:
    """Writes down what it is given, instead of telling a relay of its own."""

    provider = "fcm"

    def __init__(self, clock):
        self.clock = clock

    def send(self, message):
        token = message.address["token"]
        if token == "hang":
            time.sleep(600)
        if token == "dead":
            raise PushRejected("unknown", gone=True)
        told = {"pid": os.getpid(), "token": token, "handle": message.handle}
        with open(os.environ["RELAY_LOG"], "a") as log:
            log.write(json.dumps(told) + "\\n")

class OfAnother(Relay):
    provider = "pigeons"

class Mute:
    provider = "fcm"
    def __init__(self, clock):
        pass

def unusable(clock):
    raise SenderUnusable("RELAY_URL is not set")

def broken(clock):
    raise RuntimeError("very-secret")

nothing = None
'''


def installed_sender(folder: Path, name: str = "acme-push", **entries: str) -> str:
    """Build a package and install it into `folder`; return what belongs on the path.

    `entries` leads from a provider to a name in the package's module.
    """
    module = name.replace("-", "_")
    source, site = folder / f"{name}-source", folder / f"{name}-site"
    source.mkdir()
    (source / f"{module}.py").write_text(_MODULE)
    lines = "\n".join(f'{provider} = "{module}:{made}"' for provider, made in entries.items())
    project = _PROJECT.format(name=name, module=module, entries=lines)
    (source / "pyproject.toml").write_text(project)
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder / name)]
    subprocess.run(build, cwd=source, check=True, capture_output=True)
    (wheel,) = (folder / name).glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(site)
    return str(site)
