"""Crockford base32: codes that people read aloud and type."""

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = [high + low for high in ALPHABET for low in ALPHABET]
_FORGIVEN = str.maketrans({"O": "0", "I": "1", "L": "1", "-": None, " ": None})


def encode_bits(data: bytes, length: int) -> str:
    """Return the first `length` characters, five bits each; `data` must hold that many bits."""
    number, spare = int.from_bytes(data, "big"), len(data) * 8 - length * 5
    if spare < 0:
        raise ValueError("not enough bits")
    number = number >> spare << length % 2 * 5  # to pairs of characters: half as many steps
    pairs = [_PAIRS[number >> shift & 1023] for shift in range((length - 1) // 2 * 10, -1, -10)]
    return "".join(pairs)[:length]


def normalise(typed: str) -> str:
    """Return what was meant: upper case, no dashes or spaces, O as 0, I and L as 1."""
    return typed.upper().translate(_FORGIVEN)


def grouped(code: str, size: int = 4) -> str:
    """Return `code` in groups joined by dashes, for reading and typing."""
    return "-".join(code[i : i + size] for i in range(0, len(code), size))
