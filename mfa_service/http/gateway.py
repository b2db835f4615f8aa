"""`/gateway/check`: what a proxy asks before it lets a request through (contract section 9).

Method, host and path come from the one source that MFA_GATEWAY_MODE names, and from nothing else.
"""

import re
from collections.abc import Mapping
from urllib.parse import quote

from flask import Flask, Request, Response, request
from werkzeug.routing import BaseConverter, Rule

from mfa_service.domain.access_token import AccessToken
from mfa_service.domain.request_path import HEADERS_APART
from mfa_service.domain.route import is_host
from mfa_service.services.gateway import Asked, GatewayService
from mfa_service.settings_gateway import GatewaySettings, Mode
from mfa_service.wiring import Services

from . import reading

PATH = "/gateway/check"
_SOURCES = {
    Mode.NGINX: ("X-Original-Method", "X-Original-Host", "X-Original-URI"),
    Mode.FORWARDED: ("X-Forwarded-Method", "X-Forwarded-Host", "X-Forwarded-Uri"),
}
_METHOD = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}\Z")
_BEARER = re.compile(r"[A-Za-z0-9._~+/-]+=*\Z")
_UNCLEAN = re.compile(r"[\x00-\x20\x7f]")
_VISIBLE = "".join(map(chr, range(0x21, 0x7F))).replace("%", "")


class _Rest(BaseConverter):
    """Whatever follows, slashes and all; the raw form of it is what counts."""

    regex = "(?:/.*)?"
    part_isolating = False


def install(app: Flask, services: Services) -> None:
    """Add the address to `app`, for any method; without routes there is none."""
    gateway, settings = services.gateway, services.settings.gateway
    if gateway is None or settings is None:
        return
    app.url_map.converters["rest"] = _Rest
    path = f"{PATH}<rest:rest>" if settings.mode is Mode.ENVOY else PATH
    app.url_map.add(Rule(path, endpoint="gateway"))
    app.view_functions["gateway"] = lambda **_: check(gateway, settings, request)


def check(gateway: GatewayService, settings: GatewaySettings, incoming: Request) -> Response:
    """Answer 200 with who the token is about; raise what says why not."""
    if not settings.is_peer(incoming.remote_addr):
        raise gateway.refuse("peer")
    asked = _asked(settings.mode, incoming)
    if asked is None:
        raise gateway.refuse("source")
    token = gateway.permit(asked, _bearer(incoming))
    return Response(status=200, headers=dict(_identity(token)))


def _asked(mode: Mode, incoming: Request) -> Asked | None:
    """Return what the proxy tells; `None` if any of it is missing, repeated or not clean."""
    if mode is Mode.ENVOY:
        raw = str(incoming.environ.get("RAW_URI", ""))
        found = [incoming.method, incoming.environ.get("HTTP_HOST"), raw.removeprefix(PATH)]
        there = raw.startswith(f"{PATH}/")
    else:
        found = [_once(incoming, name) for name in _SOURCES[mode]]
        there = True
    method, host, target = (text or "" for text in found)
    clean = bool(_METHOD.match(method)) and is_host(host.lower()) and not _UNCLEAN.search(target)
    return Asked(method, host, target) if there and clean else None


def _once(incoming: Request, name: str) -> str | None:
    """Return a header that was sent once.

    A server joins repeated ones. Ours does so by a character that is refused later; of any other
    a comma is taken for it.
    """
    value = incoming.headers.get(name)
    if value is None or (HEADERS_APART not in incoming.environ and "," in value):
        return None
    return value


def _bearer(incoming: Request) -> str | None:
    """Return the token; the empty text for what claims to be one and is not (RFC 6750 §2.1)."""
    given = incoming.headers.get("Authorization", "")
    if given.partition(" ")[0].lower() != "bearer":
        return None
    token = reading.bearer_token(incoming) or ""
    return token if _BEARER.match(token) else ""


def _identity(token: AccessToken) -> Mapping[str, str]:
    """Return every `X-Auth-*` header, empty where nothing is known, so that a proxy sets them all.

    Each text is percent-encoded outside visible ASCII, and so is `%`; lists have spaces between.
    """
    return {
        "X-Auth-Sub": _encoded(token.sub),
        "X-Auth-Client": _encoded(token.client_id),
        "X-Auth-Scope": " ".join(map(_encoded, token.scopes)),
        "X-Auth-Acr": _encoded(token.acr),
        "X-Auth-Amr": " ".join(map(_encoded, token.amr)),
        "Cache-Control": "no-store",
    }


def _encoded(text: str) -> str:
    return quote(text, safe=_VISIBLE)
