"""A service that believes the hints of an issuer on loopback, in one realm."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .clients import KeyPair
from .login_issuer import LoginDouble, login_double
from .ports import FrozenClock
from .world import World, close, make_world

AUDIENCE = "the-login"


@contextmanager
def hinted_world(
    url: str, folder: Path, *, prior: bool = False
) -> Iterator[tuple[World, LoginDouble]]:
    """Lend the service and the issuer; `prior` is whether its word counts for the password."""
    with login_double(FrozenClock()) as issuer:
        path = folder / "hints.toml"
        text = f'[[issuer]]\nissuer = "{issuer.issuer}"\naudience = "{AUDIENCE}"\n'
        path.write_text(f"{text}prior = {str(prior).lower()}\n")
        world = make_world(url, MFA_HINT_ISSUERS=str(path))
        issuer.clock = world.clock
        try:
            yield world, issuer
        finally:
            close(world)


def hint(issuer: LoginDouble, pair: KeyPair | None = None, **changed: Any) -> str:
    """Return an id token of the issuer for `AUDIENCE`; `None` leaves a claim out."""
    now = issuer.clock.now()
    claims = {
        "iss": issuer.issuer,
        "aud": AUDIENCE,
        "sub": "alice",
        "iat": now,
        "exp": now + 300,
        "auth_time": now,
        "amr": ["pwd"],
    }
    return issuer.signed(pair or issuer.pairs[0], claims | changed, typ="JWT")
