"""The only place where verified evidence becomes `amr` and `acr` (RFC 8176, RFC 9470).

`tests/unit/test_assurance.py` holds the whole table of the contract, section 4.
"""

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Self

PASSWORD = "password"  # noqa: S105  # a name in the table, not a secret


class LevelTableInvalid(ValueError):
    """The table of levels does not hold together; the message says where."""


@dataclass(frozen=True, slots=True)
class Worth:
    """What one verified thing contributes."""

    amr: frozenset[str]
    kinds: frozenset[str]
    alone: int


@dataclass(frozen=True, slots=True)
class Assurance:
    """Authentication claims for the authorization server."""

    acr: str
    acr_satisfied: tuple[str, ...]
    amr: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LevelTable:
    """Levels lowest first, what each verified thing is worth, and the rule that combines them."""

    keys: tuple[str, ...]
    acrs: tuple[str, ...]
    worths: Mapping[str, Worth]
    combined: int
    binding: Mapping[str, int]

    @classmethod
    def default(cls) -> Self:
        """Return the table of the contract."""
        text = resources.files("mfa_service.domain").joinpath("levels.toml").read_text("utf-8")
        return cls.from_toml(text)

    @classmethod
    def from_toml(cls, text: str) -> Self:
        """Return the table that `text` describes; raise `LevelTableInvalid` if it does not."""
        try:
            data = tomllib.loads(text)
            ranks = {name: rank for rank, name in enumerate(data["levels"])}
            worths = {
                name: Worth(_names(row["amr"]), _names(row["kinds"]), ranks[row["alone"]])
                for name, row in data["worth"].items()
            }
            binding = {name: ranks[level] for name, level in data["binding"].items()}
            acrs = list(data["levels"].values())
            if len(_names(acrs)) != len(acrs):
                raise LevelTableInvalid("levels: two levels have one name")
            return cls(tuple(ranks), tuple(acrs), worths, ranks[data["combined"]["level"]], binding)
        except (tomllib.TOMLDecodeError, KeyError, TypeError, AttributeError) as exc:
            raise LevelTableInvalid(f"levels: {type(exc).__name__}: {exc}") from exc

    def require_rows_of(self, other: Self) -> None:
        """Raise `LevelTableInvalid` unless every row of `other` has its counterpart here."""
        missing = [
            *(set(other.worths) - set(self.worths)),
            *(set(other.binding) - set(self.binding)),
        ]
        if missing:
            raise LevelTableInvalid(f"levels: no row for {', '.join(sorted(missing))}")

    def rank(self, acr: str) -> int | None:
        """Return the position of an `acr` name, lowest 0; `None` for an unknown one."""
        return self.acrs.index(acr) if acr in self.acrs else None

    def level_of(self, verified: Iterable[str]) -> int:
        """Return the highest level that all these verified things reach together.

        Monotone: more evidence never lowers it. Levels above `combined` need one single
        ceremony that reaches them alone.
        """
        worths = [self.worths[name] for name in verified]
        alone = max((worth.alone for worth in worths), default=0)
        return max(alone, self.combined) if self._multi_factor(worths) else alone

    def satisfies(self, verified: Iterable[str], acr_values: Sequence[str]) -> bool:
        """Tell whether a member of `acr_values` is satisfied; unknown names never are."""
        level = self.level_of(verified)
        return any((rank := self.rank(acr)) is not None and rank <= level for acr in acr_values)

    def assurance_for(self, verified: Iterable[str], acr_values: Sequence[str]) -> Assurance:
        """Derive the claims: the first satisfied of `acr_values`, else the highest satisfied."""
        names = tuple(verified)
        worths = [self.worths[name] for name in names]
        satisfied = self.acrs[: self.level_of(names) + 1]
        amr = frozenset[str]().union(*(worth.amr for worth in worths))
        if self._multi_factor(worths):
            amr |= {"mfa"}
        acr = next((acr for acr in acr_values if acr in satisfied), satisfied[-1])
        return Assurance(acr, satisfied, tuple(sorted(amr)))

    @staticmethod
    def _multi_factor(worths: Iterable[Worth]) -> bool:
        return len(frozenset[str]().union(*(worth.kinds for worth in worths))) > 1


def _names(value: object) -> frozenset[str]:
    if not isinstance(value, list) or not all(isinstance(name, str) and name for name in value):
        raise LevelTableInvalid(f"levels: {value!r} is not a list of names")
    return frozenset(value)
