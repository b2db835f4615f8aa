"""Verify signatures with the keys that another server publishes at a configured address."""

import threading
from typing import Any

import httpx
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import GuestProtocol, Key, KeySet

from examples.common.expiring import Clock

REFETCH_SECONDS = 10


class BadTokenError(Exception):
    """A token that must not be believed; the text says why and may be logged."""


class RemoteKeys:
    """A JWKS with a cache. An unknown `kid` causes one new fetch, at most every ten seconds."""

    def __init__(self, http: httpx.Client, url: str, now: Clock) -> None:
        self._http = http
        self._url = url
        self._now = now
        self._keys = KeySet([])
        self._fetched_at = 0
        self._lock = threading.Lock()

    def claims(self, token: str, *, alg: str, typ: str) -> dict[str, Any]:
        """Return the claims of a compact JWS with just this `alg` and `typ` and a published `kid`.

        Raises `BadTokenError` for anything else; addresses and keys in the token are never used.
        """
        try:
            decoded = jwt.decode(token, self._key, algorithms=[alg])
        except (JoseError, ValueError) as error:
            raise BadTokenError("no valid signature") from error
        if set(decoded.header) != {"alg", "typ", "kid"} or decoded.header["typ"] != typ:
            raise BadTokenError(f"not a {typ}")
        return decoded.claims

    def _key(self, signed: GuestProtocol) -> Key:
        kid = signed.headers().get("kid")
        if not isinstance(kid, str):
            raise BadTokenError("no kid")
        with self._lock:
            key = self._known(kid)
            if key is None and self._now() - self._fetched_at >= REFETCH_SECONDS:
                self._keys = self._fetch()
                self._fetched_at = self._now()
                key = self._known(kid)
        if key is None:
            raise BadTokenError("unknown kid")
        return key

    def _known(self, kid: str) -> Key | None:
        return next((key for key in self._keys if key.kid == kid), None)

    def _fetch(self) -> KeySet:
        try:
            answer = self._http.get(self._url)
            answer.raise_for_status()
            return KeySet.import_key_set(answer.json())
        except (httpx.HTTPError, JoseError, ValueError, KeyError) as error:
            raise BadTokenError("the keys cannot be read") from error
