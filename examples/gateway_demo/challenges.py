"""Read a `WWW-Authenticate` challenge of the Bearer scheme (RFC 9110 §11.6.1, RFC 9470 §3)."""

import re

_PARAMETER = re.compile(r'([A-Za-z_-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))\s*(?:,\s*|\Z)')


def challenge_of(header: str) -> dict[str, str]:
    """Return the parameters of a Bearer challenge; nothing for any other."""
    scheme, _, rest = header.strip().partition(" ")
    if scheme.lower() != "bearer":
        return {}
    found: dict[str, str] = {}
    text = rest.strip()
    while match := _PARAMETER.match(text):
        name, quoted, bare = match.groups()
        found[name.lower()] = re.sub(r"\\(.)", r"\1", quoted) if bare is None else bare
        text = text[match.end() :]
    return found
