"""The only module that draws random values."""

import secrets


class SystemRandomness:
    """The operating system's cryptographic generator."""

    def bytes(self, count: int) -> bytes:
        """Return `count` unpredictable bytes."""
        return secrets.token_bytes(count)

    def digits(self, count: int) -> str:
        """Return `count` uniformly distributed decimal digits."""
        return f"{secrets.randbelow(10**count):0{count}}"
