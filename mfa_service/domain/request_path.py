"""The path of a request as routes are matched with it: decoded once, without dot segments.

A proxy, this service and the application behind must read one path in the same way. What they could
read differently has no reading here and is refused.
"""

import re
from urllib.parse import unquote

from .text import has_control

HEADERS_APART = "mfa.headers_apart"
"""Key in a WSGI environment: repeated headers that name a request are joined by U+000A there.

A server that does not set it joins them by a comma, which a single header may hold as well.
"""
_VISIBLE = re.compile(r"/(?:[\x21-\x24\x26-\x3a\x3c-\x5b\x5d-\x7e]|%[0-9A-Fa-f]{2})*\Z")
_SEPARATOR = re.compile(r"%(?:2[Ff]|5[Cc])")
_ENCODED = re.compile(r"%[0-9A-Fa-f]{2}")


class AmbiguousPath(ValueError):
    """Two programs could read this path differently."""


def normalised(target: str) -> str:
    """Return the path of a request target in origin form (RFC 9112 §3.2.1), without its query.

    Percent-encoding is decoded once, then dot segments are removed (RFC 3986 §5.2.4). Raises
    `AmbiguousPath` for `//`, a backslash, `;`, `#`, an encoded slash or backslash, control
    characters, what is no UTF-8, and what would be encoded still.
    """
    raw = target.partition("?")[0]
    if not _VISIBLE.match(raw) or "#" in raw or _SEPARATOR.search(raw):
        raise AmbiguousPath("characters")
    try:
        decoded = unquote(raw, errors="strict")
    except UnicodeDecodeError as exc:
        raise AmbiguousPath("no UTF-8") from exc
    if has_control(decoded) or ";" in decoded or "//" in decoded or _ENCODED.search(decoded):
        raise AmbiguousPath("decoded")
    return _without_dots(decoded)


def _without_dots(path: str) -> str:
    segments = path.split("/")[1:]
    kept: list[str] = []
    for segment in segments:
        if segment == "..":
            kept = kept[:-1]
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in {".", ".."}:
        kept.append("")
    return "/" + "/".join(kept)
