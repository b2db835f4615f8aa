"""Signing keys for tests: RSA takes long to make, so a test process makes one and keeps it."""

import functools

from mfa_service.adapters.signing_keys import RS256, PrivateKey, new_key


@functools.cache
def _rsa() -> PrivateKey:
    return new_key(RS256)


def quick_key(alg: str) -> PrivateKey:
    """Return a new key of `alg`; for RSA, the process's one."""
    return _rsa() if alg == RS256 else new_key(alg)
