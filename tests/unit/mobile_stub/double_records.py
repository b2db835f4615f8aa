"""What the double keeps of devices and challenges, and how it says no."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Answer = tuple[int, dict[str, str], dict[str, Any] | None]


class Problem(Exception):
    """An error answer."""

    def __init__(self, status: int, slug: str, more: dict[str, Any] | None = None) -> None:
        super().__init__(slug)
        self.status, self.slug, self.more = status, slug, more or {}


@dataclass
class Device:
    jwk: dict[str, str]
    claims: dict[str, Any]
    code: str
    id: str = field(default_factory=lambda: "aut_" + secrets.token_urlsafe(16))
    check_code: str = field(default_factory=lambda: f"{secrets.randbelow(10**6):06}")
    state: str = "pending"
    pin_jwk: dict[str, str] | None = None
    pin: str = "none"
    wrong_pins: int = 0
    push: dict[str, Any] | None = None


@dataclass
class Asked:
    device: str
    claims: dict[str, Any]
    code: str
    proof: dict[str, str] | Callable[[Any], bool] | None = None
    attempts_left: int = 5
    status: str = "pending"
    reason: str | None = None
    then: str = "satisfied"
    final: str | None = None
