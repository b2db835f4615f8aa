"""Remembers every secret that passes between callers and a running service."""

import json
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from werkzeug.test import TestResponse

from .remote import RemoteApp

# Members of requests and answers whose values nobody may find in a log.
_SECRET_MEMBERS = frozenset(
    {
        *("access_token", "result_token", "token", "client_assertion", "client_secret"),
        *("secret", "otpauth_uri", "uri", "manual_code", "codes", "code", "check_code"),
        *("display_code", "pin_proof", "old_pin_proof", "x", "d", "nonce", "state"),
        *("binding_message", "transaction", "user_agent", "qr_svg", "challenges", "challenge"),
    }
)
SHORTEST = 6


class WatchedApp(RemoteApp):
    """Sends requests as `RemoteApp` does, and keeps the secrets of both directions."""

    secrets: set[str]

    def __init__(self, url: str, extensions: Mapping[str, Any]) -> None:
        super().__init__(url, extensions)
        self.secrets = set()
        self.request_ids: set[str] = set()

    def open(self, path: str, **options: Any) -> TestResponse:
        headers = options.get("headers") or {}
        self.secrets |= {
            value.split(" ", 1)[-1] for name, value in headers.items() if name == "Authorization"
        }
        self._keep(options.get("data"))
        answer = super().open(path, **options)
        self._keep(answer.get_data())
        self.request_ids.add(answer.headers["X-Request-Id"])
        return answer

    def _keep(self, body: bytes | str | None) -> None:
        text = body.decode() if isinstance(body, bytes) else body or ""
        try:
            self.secrets |= set(secrets_in(json.loads(text)))
        except ValueError:
            if text.count(".") == 2:
                self.secrets |= {text, *text.split(".")[1:]}
            self.secrets |= {v for n, v in parse_qsl(text) if n in _SECRET_MEMBERS}


def secrets_in(value: object, *, under: str = "") -> Iterable[str]:
    """Yield every text below a member that is a secret; a code also without its dashes."""
    if isinstance(value, dict):
        for name, inner in value.items():
            secret = under or (name if name in _SECRET_MEMBERS else "")
            yield from secrets_in(inner, under=secret)
    elif isinstance(value, list):
        for inner in value:
            yield from secrets_in(inner, under=under)
    elif isinstance(value, str) and under and len(value) >= SHORTEST:
        yield value
        if under in {"code", "codes", "manual_code"}:
            yield value.replace("-", "")
        if under in {"uri", "otpauth_uri"}:
            yield value.rsplit("=", 1)[1]
