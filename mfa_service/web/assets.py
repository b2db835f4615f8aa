"""Style, scripts and icons: read once, named by their content, and nothing but them."""

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
    """One file; `version` changes with its content."""

    content: bytes = field(repr=False)
    media_type: str
    version: str


@functools.cache
def assets() -> dict[str, Asset]:
    """Return every file of the folder by name."""
    found = {}
    for item in (files(__package__) / "static").iterdir():
        suffix = item.name.rpartition(".")[2]
        if suffix in _TYPES:
            content = item.read_bytes()
            version = hashlib.sha256(content).hexdigest()[:16]
            found[item.name] = Asset(content, _TYPES[suffix], version)
    return found


def path_of(name: str) -> str:
    """Return the path under which a file may be kept for ever; raise `KeyError` for no file."""
    return f"/static/{name}?v={assets()[name].version}"


def serve(request: Request, name: str) -> Response:
    """Answer with a file; without its version, as modules import others, it is checked anew."""
    asset = assets().get(name)
    if asset is None:
        raise NotFound
    response = Response(asset.content, content_type=asset.media_type)
    response.set_etag(asset.version)
    current = request.args.get("v") == asset.version
    response.headers["Cache-Control"] = _FOREVER if current else _CHECKED
    response.make_conditional(request)
    return response
