"""Our ES256 signature on what we state."""

from collections.abc import Mapping

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from mfa_service import jose


class Es256Signer:
    """Signs with one P-256 key; `kid` is its RFC 7638 thumbprint."""

    def __init__(self, key: EllipticCurvePrivateKey) -> None:
        self._key = key
        self.public_jwk = jose.public_jwk(key.public_key())
        self.kid = jose.thumbprint(self.public_jwk)

    def sign(self, claims: Mapping[str, object], *, typ: str) -> str:
        """Return a compact JWS with `alg`, `typ` and `kid` in its header."""
        return jose.sign_es256(claims, self._key, typ=typ, kid=self.kid)
