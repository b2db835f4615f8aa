"""The people who may sign in: a TOML file of names and argon2id hashes."""

import secrets
import threading
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from examples.common.expiring import Clock, Expiring

TRIES = 10
TRIES_SECONDS = 600
LONGEST_NAME = 100


@dataclass(frozen=True, slots=True)
class Account:
    """One person. `sub` is the identifier that the step-up service and relying parties see."""

    sub: str
    name: str
    password: str = field(repr=False)


class TooManyTriesError(Exception):
    """Ten wrong passwords for one name within ten minutes."""


class Accounts:
    """Checks passwords; unknown names cost the same time as wrong passwords."""

    def __init__(self, people: dict[str, Account], now: Clock) -> None:
        self._people = people
        self._hasher = PasswordHasher()
        self._nobody = self._hasher.hash(secrets.token_urlsafe(16))
        self._tries: Expiring[int] = Expiring(TRIES_SECONDS, now)
        self._lock = threading.Lock()

    def sign_in(self, username: str, password: str) -> Account | None:
        """Return the account if the password is right; past ten failures `TooManyTriesError`."""
        counted = username[:LONGEST_NAME]
        self._pay(counted)
        account = self._people.get(username)
        try:
            self._hasher.verify(account.password if account else self._nobody, password)
        except (VerificationError, InvalidHashError):
            return None
        self._tries.take(counted)
        return account

    def _pay(self, counted: str) -> None:
        """Count the try before the password is looked at, so that a flood buys no free ones."""
        with self._lock:
            tries = self._tries.get(counted) or 0
            if tries >= TRIES:
                raise TooManyTriesError
            self._tries.put(counted, tries + 1)


def accounts_from(path: Path, now: Clock) -> Accounts:
    """Read the accounts from a TOML file: one table per `sub` with `name` and `password`."""
    people = tomllib.loads(path.read_text("utf-8"))
    return Accounts(
        {sub: Account(sub, entry["name"], entry["password"]) for sub, entry in people.items()}, now
    )
