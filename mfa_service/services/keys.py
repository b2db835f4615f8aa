"""Our signing keys: sealed in the database, published as JWKS, followed by the next in time.

A key is published from its first moment and signs from `active_at` on, so that whoever keeps a
copy of the JWKS (Microsoft Entra: 24 hours) knows it before it is used. It stays published until
it is retired.
"""

import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from sqlalchemy import Row

from mfa_service import jose
from mfa_service.adapters import signing_keys
from mfa_service.adapters.signing_keys import ALGORITHMS, ES256, PrivateKey
from mfa_service.domain.errors import InvalidRequest, NotFound
from mfa_service.domain.events import Event
from mfa_service.domain.ports import Clock, JsonObject, SealBroken, SecretBox
from mfa_service.persistence import audit, signing_key_rows
from mfa_service.persistence.unit_of_work import UnitOfWork

PUBLISHED_BEFORE_USE = 48 * 3600
"""Seconds between publishing a key and signing with it: twice the day that Entra keeps a JWKS."""
_RELOAD_SECONDS = 5
_STALE_SECONDS = 60


class KeysUnreadable(Exception):
    """The signing key does not open under the configured master keys."""


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """One key as an operator sees it; nothing secret."""

    kid: str
    alg: str
    generation: int
    created_at: int
    active_at: int
    retired_at: int | None
    signs: bool
    waits: bool


@dataclass(frozen=True, slots=True)
class _Ring:
    """What was read of the table: published keys, newest first of each algorithm."""

    rows: tuple[Row[Any], ...]
    public: dict[str, EllipticCurvePublicKey]
    at: int

    def signing(self, alg: str, at: int) -> Row[Any] | None:
        """Return the newest key of an algorithm whose time has come."""
        return next((r for r in self.rows if r.alg == alg and r.active_at <= at), None)


class KeyRing:
    """Signs with the key whose turn it is, and knows every published one."""

    def __init__(
        self,
        work: UnitOfWork,
        box: SecretBox,
        clock: Clock,
        issuer: str,
        *,
        new_key: Callable[[str], PrivateKey] = signing_keys.new_key,
    ) -> None:
        self._work = work
        self._box = box
        self._clock = clock
        self._issuer = issuer
        self._new_key = new_key
        self._lock = threading.Lock()
        self._ring: _Ring | None = None
        self._signers: dict[str, signing_keys.Signer] = {}

    def ensure(self) -> None:
        """Make the first key of each algorithm; of two makers one wins (unique generation)."""
        for alg in ALGORITHMS:
            if not any(row.alg == alg for row in self._rows()):
                self._add(alg, 1, active_at=0)

    def rotate(self, alg: str, *, wait: int = PUBLISHED_BEFORE_USE) -> KeyInfo:
        """Publish a new key that signs from `wait` seconds on; until then the old one does.

        Raises `InvalidRequest` while an earlier one still waits for its time.
        """
        at = self._clock.now()
        known = [info for info in self.infos() if info.alg == alg]
        if any(info.waits for info in known if info.retired_at is None):
            raise InvalidRequest({"alg": ["A new key of this algorithm is published already."]})
        following = max((info.generation for info in known), default=0) + 1
        kid = self._add(alg, following, active_at=at + wait)
        found = next((info for info in self.infos() if info.kid == kid), None)
        if found is None:
            raise InvalidRequest({"alg": ["Somebody else rotates this key right now."]})
        with self._work.transaction() as tx:
            audit.record(tx, audit.Entry(Event.ADMIN_KEY_ROTATE, at, reason=kid))
        return found

    def retire(self, kid: str) -> None:
        """Publish a key no longer: what it signed holds no more.

        Raises `NotFound`, and `InvalidRequest` for the key that signs or is to follow it.
        """
        known = {info.kid: info for info in self.infos()}
        if kid not in known:
            raise NotFound("There is no such key.")
        if known[kid].signs or known[kid].waits:
            raise InvalidRequest({"kid": ["This key signs, or is about to: rotate first."]})
        at = self._clock.now()
        with self._work.transaction() as tx:
            signing_key_rows.retire(tx, kid, at=at)
            audit.record(tx, audit.Entry(Event.ADMIN_KEY_RETIRE, at, reason=kid))
        self._load()

    def infos(self) -> list[KeyInfo]:
        """Return every key there ever was, by algorithm and age."""
        at, ring = self._clock.now(), self._load()
        signing = {row.kid for alg in ALGORITHMS if (row := ring.signing(alg, at)) is not None}
        return [
            KeyInfo(
                kid=row.kid,
                alg=row.alg,
                generation=row.generation,
                created_at=row.created_at,
                active_at=row.active_at,
                retired_at=row.retired_at,
                signs=row.kid in signing,
                waits=row.active_at > at,
            )
            for row in self._rows()
        ]

    @property
    def signer(self) -> signing_keys.Signer:
        """The signer of our own tokens and messages, ES256."""
        return self.signer_for(ES256)

    def signer_for(self, alg: str) -> signing_keys.Signer:
        """Return the signer whose turn it is; raise `KeysUnreadable` if there is none."""
        row = self._current().signing(alg, self._clock.now())
        if row is None:
            raise KeysUnreadable(f"There is no {alg} signing key: run `mfa db upgrade`.")
        if row.kid not in self._signers:
            self._signers[row.kid] = signing_keys.Signer(self._open(row.kid, row.sealed))
        return self._signers[row.kid]

    def public(self, kid: object) -> EllipticCurvePublicKey | None:
        """Return a published ES256 key; an unknown id causes one reload, at most every 5 s."""
        ring = self._current()
        if kid not in ring.public and self._clock.now() - ring.at >= _RELOAD_SECONDS:
            ring = self._load()
        return ring.public.get(str(kid))

    def jwks(self) -> JsonObject:
        """Return the JWK set (RFC 7517 §5), public parts only."""
        return {"keys": [_published(row) for row in self._current().rows]}

    def check(self) -> None:
        """Raise `KeysUnreadable` unless every algorithm has a key, and it opens."""
        for alg in ALGORITHMS:
            self.signer_for(alg)

    def _add(self, alg: str, generation: int, *, active_at: int) -> str:
        key, at = self._new_key(alg), self._clock.now()
        public = signing_keys.public_jwk(key)
        kid = jose.thumbprint(public)
        name = urlsplit(self._issuer).hostname or "issuer"
        row = {
            "kid": kid,
            "alg": alg,
            "generation": generation,
            "public_jwk": json.dumps(public),
            "sealed": self._box.seal(signing_keys.to_der(key), place=signing_key_place(kid)),
            "x5c": signing_keys.certificate(key, name, at=at) if alg != ES256 else None,
            "created_at": at,
            "active_at": active_at,
            "retired_at": None,
        }
        with self._work.transaction() as tx:
            signing_key_rows.write(tx, row)
        self._ring = None
        return kid

    def _current(self) -> _Ring:
        """Return the ring as it was at most a minute ago: another process may have rotated."""
        ring = self._ring
        fresh = ring is not None and self._clock.now() - ring.at < _STALE_SECONDS
        return ring if ring is not None and fresh else self._load()

    def _load(self) -> _Ring:
        with self._lock:
            rows = [row for row in reversed(self._rows()) if row.retired_at is None]
            if not rows:
                raise KeysUnreadable("There is no signing key: run `mfa db upgrade`.")
            public = {
                row.kid: jose.p256_key(json.loads(row.public_jwk))
                for row in rows
                if row.alg == ES256
            }
            self._ring = _Ring(tuple(rows), public, self._clock.now())
            return self._ring

    def _rows(self) -> Sequence[Row[Any]]:
        with self._work.reading() as tx:
            return signing_key_rows.every(tx)

    def _open(self, kid: str, sealed: bytes) -> PrivateKey:
        try:
            return signing_keys.from_der(self._box.open(sealed, place=signing_key_place(kid)))
        except SealBroken as exc:
            raise KeysUnreadable(
                "The signing key in the database was sealed under another master key:"
                " check MFA_MASTER_KEYS."
            ) from exc
        except ValueError as exc:
            raise KeysUnreadable("The signing key is of another type.") from exc


def _published(row: Row[Any]) -> JsonObject:
    key: JsonObject = {**json.loads(row.public_jwk), "kid": row.kid, "alg": row.alg, "use": "sig"}
    return key | ({"x5c": [row.x5c]} if row.x5c else {})


def signing_key_place(kid: str) -> str:
    """Return the place to which a signing key is sealed."""
    return f"signing_key|sealed|{kid}"
