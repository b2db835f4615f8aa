"""Style, scripts and icons: read once, under an address that changes with their content."""

import functools
import hashlib
from dataclasses import dataclass, field
from importlib.resources import files

from flask import Request, Response

from mfa_service.domain.errors import NotFound

_TYPES = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
_FOREVER, _CHECKED = "public, max-age=31536000, immutable", "public, no-cache"


@dataclass(frozen=True, slots=True)
class Asset:
    """One file."""

    content: bytes = field(repr=False)
    media_type: str


@functools.cache
def assets() -> dict[str, Asset]:
    """Return every file of the folder by name."""
    found = {}
    for item in (files(__package__) / "static").iterdir():
        suffix = item.name.rpartition(".")[2]
        if suffix in _TYPES:
            found[item.name] = Asset(item.read_bytes(), _TYPES[suffix])
    return found


@functools.cache
def version() -> str:
    """Return what changes with any of them: modules import one another by relative addresses."""
    digest = hashlib.sha256()
    for name, asset in sorted(assets().items()):
        digest.update(name.encode() + hashlib.sha256(asset.content).digest())
    return digest.hexdigest()[:16]


def path_of(name: str) -> str:
    """Return the path under which a file may be kept for ever; raise `KeyError` for no file."""
    if name not in assets():
        raise KeyError(name)
    return f"/static/{version()}/{name}"


def serve(request: Request, asked: str, name: str) -> Response:
    """Answer with a file; the address of another version, of a page still open, is not kept."""
    asset = assets().get(name)
    if asset is None:
        raise NotFound
    response = Response(asset.content, content_type=asset.media_type)
    response.set_etag(version())
    response.headers["Cache-Control"] = _FOREVER if asked == version() else _CHECKED
    response.make_conditional(request)
    return response
