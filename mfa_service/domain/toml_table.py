"""Tables of a TOML file that an operator writes: members by type, and every fault at once."""

import re
import tomllib
from collections.abc import Iterable
from typing import Any

from .text import has_control

_WORD = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+\Z")  # RFC 6749 §3.3: stands between quotes as it is
_OLDEST = 10**9


class TomlInvalid(Exception):
    """The file does not hold together; `faults` says where, and repeats no value."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


class Table:
    """One TOML table: its members by type, and what is wrong with them."""

    def __init__(self, name: str, members: dict[str, Any]) -> None:
        self.number = int(name.rpartition(" ")[2])
        self.faults: list[str] = []
        self._name = name
        self._members = members

    def know(self, names: frozenset[str]) -> None:
        """Refuse other members: a misspelled one would leave a requirement out."""
        unknown = sorted(set(self._members) - names)
        self.check(not unknown, f"{', '.join(map(ascii, unknown))} is not known")

    def check(self, held: object, text: str) -> None:
        """Note a fault unless `held`."""
        if not held:
            self.faults.append(f"{self._name}: {text}")

    def text(self, name: str) -> str | None:
        """Return a text that is not empty."""
        value = self._members.get(name)
        good = isinstance(value, str) and bool(value) and not has_control(value)
        self.check(value is None or good, f"{name} is a text")
        return value if good else None

    def words(self, name: str) -> tuple[str, ...]:
        """Return a list of texts, which may also be one text with spaces."""
        value = self._members.get(name, [])
        listed = value.split() if isinstance(value, str) else value
        good = isinstance(listed, list) and all(isinstance(item, str) and item for item in listed)
        self.check(good and (listed or name not in self._members), f"{name} is a list of texts")
        return tuple(dict.fromkeys(listed)) if good else ()

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a list of texts, which may be empty."""
        value = self._members.get(name, [])
        good = isinstance(value, list) and all(isinstance(item, str) and item for item in value)
        self.check(good, f"{name} is a list of texts")
        return tuple(dict.fromkeys(value)) if good else ()

    def mapping(self, name: str) -> dict[str, Any] | None:
        """Return a table inside of this one."""
        value = self._members.get(name)
        good = isinstance(value, dict)
        self.check(value is None or good, f"{name} is a table")
        return value if good else None

    def quoted(self, name: str) -> tuple[str, ...]:
        """Return words that can stand in a challenge as they are."""
        words = self.words(name)
        self.check(_all_words(words), f"{name} have no spaces, quotes or backslashes")
        return words

    def flag(self, name: str) -> bool:
        """Return true or false; false if it is not there."""
        return self.choice(name) is True

    def choice(self, name: str) -> bool | None:
        """Return true, false, or `None` if it is not there."""
        value = self._members.get(name)
        good = value is None or isinstance(value, bool)
        self.check(good, f"{name} is true or false")
        return value if good else None

    def seconds(self, name: str) -> int | None:
        """Return a number of seconds."""
        value = self._members.get(name)
        good = type(value) is int and 0 <= value <= _OLDEST
        self.check(value is None or good, f"{name} is a number of seconds")
        return value if good else None


def tables_of(data: dict[str, Any], kind: str) -> list[Table]:
    """Return every `[[kind]]`, numbered from 1; raise `TomlInvalid` if it is anything else."""
    found = data.get(kind, [])
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise TomlInvalid([f"{kind} is written [[{kind}]]"])
    return [Table(f"{kind} {number}", item) for number, item in enumerate(found, 1)]


def parsed(text: str, *kinds: str) -> dict[str, Any]:
    """Return a TOML file's tables; raise `TomlInvalid` if it is none or holds other ones."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        raise TomlInvalid([f"is no TOML: {exc}"]) from exc
    if set(data) - set(kinds):
        named = " and ".join(f"[[{kind}]]" for kind in kinds)
        raise TomlInvalid([f"knows {named} and nothing else"])
    return data


def _all_words(words: Iterable[str]) -> bool:
    return all(_WORD.match(word) for word in words)
