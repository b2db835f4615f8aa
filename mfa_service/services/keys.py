"""Our signing keys: made once, sealed in the database, published as JWKS."""

import json
import threading
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)
from sqlalchemy import select

from mfa_service import jose
from mfa_service.adapters.signer import Es256Signer
from mfa_service.domain.ports import Clock, JsonObject, SealBroken, SecretBox, Signer
from mfa_service.persistence.consume import insert_once
from mfa_service.persistence.models import SigningKey
from mfa_service.persistence.unit_of_work import UnitOfWork

_ALG = "ES256"
_RELOAD_SECONDS = 5


class KeysUnreadable(Exception):
    """The signing key does not open under the configured master keys."""


@dataclass(frozen=True, slots=True)
class _Loaded:
    signer: Es256Signer
    public: dict[str, EllipticCurvePublicKey]
    jwks: tuple[JsonObject, ...]
    at: int


class KeyRing:
    """Signs with the newest key and knows every published one."""

    def __init__(self, work: UnitOfWork, box: SecretBox, clock: Clock) -> None:
        self._work = work
        self._box = box
        self._clock = clock
        self._lock = threading.Lock()
        self._loaded: _Loaded | None = None

    def ensure(self) -> None:
        """Make the first key if there is none; of two makers one wins (unique generation)."""
        with self._work.reading() as tx:
            if tx.scalar(select(SigningKey.kid).limit(1)) is not None:
                return
        key = generate_private_key(SECP256R1())
        public = jose.public_jwk(key.public_key())
        kid = jose.thumbprint(public)
        der = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        row = {
            "kid": kid,
            "alg": _ALG,
            "generation": 1,
            "public_jwk": json.dumps(public),
            "sealed": self._box.seal(der, place=_place(kid)),
            "created_at": self._clock.now(),
        }
        with self._work.transaction() as tx:
            insert_once(tx, SigningKey, row)

    @property
    def signer(self) -> Signer:
        """The signer with the newest key."""
        return self._current().signer

    def public(self, kid: object) -> EllipticCurvePublicKey | None:
        """Return a published key; an unknown id causes one reload, at most every 5 s."""
        loaded = self._current()
        if kid not in loaded.public and self._clock.now() - loaded.at >= _RELOAD_SECONDS:
            loaded = self._load()
        return loaded.public.get(str(kid))

    def jwks(self) -> JsonObject:
        """Return the JWK set (RFC 7517 §5), public parts only."""
        return {"keys": list(self._current().jwks)}

    def _current(self) -> _Loaded:
        return self._loaded or self._load()

    def _load(self) -> _Loaded:
        with self._lock:
            with self._work.reading() as tx:
                query = select(SigningKey.__table__).order_by(SigningKey.generation.desc())
                rows = tx.execute(query).all()
            if not rows:
                raise KeysUnreadable("There is no signing key: run `mfa db upgrade`.")
            publics = {row.kid: json.loads(row.public_jwk) for row in rows}
            self._loaded = _Loaded(
                Es256Signer(self._open(rows[0].kid, rows[0].sealed)),
                {kid: jose.p256_key(jwk) for kid, jwk in publics.items()},
                tuple(
                    {**jwk, "kid": kid, "alg": _ALG, "use": "sig"} for kid, jwk in publics.items()
                ),
                self._clock.now(),
            )
            return self._loaded

    def _open(self, kid: str, sealed: bytes) -> EllipticCurvePrivateKey:
        try:
            key = load_der_private_key(self._box.open(sealed, place=_place(kid)), None)
        except SealBroken as exc:
            raise KeysUnreadable(
                "The signing key in the database was sealed under another master key:"
                " check MFA_MASTER_KEYS."
            ) from exc
        if not isinstance(key, EllipticCurvePrivateKey):
            raise KeysUnreadable("The signing key is of another type.")
        return key


def _place(kid: str) -> str:
    return f"signing_key|sealed|{kid}"
