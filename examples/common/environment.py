"""Read the settings of an example from environment variables and name every fault at once."""

import os
import sys
from collections.abc import Mapping


class Environment:
    """Collects faults while settings are read, so that one message lists them all."""

    def __init__(self, variables: Mapping[str, str] | None = None) -> None:
        self._variables = os.environ if variables is None else variables
        self.faults: list[str] = []

    def text(self, name: str, default: str | None = None) -> str:
        """Return the variable's value, or the default; without either a fault is noted."""
        value = self._variables.get(name, default)
        if not value:
            self.faults.append(f"{name} is not set")
            return ""
        return value

    def optional(self, name: str) -> str | None:
        """Return the variable's value, if it has one."""
        return self._variables.get(name) or None

    def port(self, name: str, default: int) -> int:
        """Return a TCP port between 1 and 65535."""
        value = self._variables.get(name, str(default))
        if value.isascii() and value.isdigit() and 0 < int(value) < 65536:  # noqa: PLR2004
            return int(value)
        self.faults.append(f"{name} is not a port")
        return default

    def origin(self, name: str, default: str | None = None) -> str:
        """Return an http or https address without a trailing slash."""
        value = self.text(name, default)
        if value and not value.startswith(("https://", "http://")):
            self.faults.append(f"{name} must start with https:// or http://")
        return value.rstrip("/")

    def choice(self, name: str, *choices: str) -> str:
        """Return one of `choices`; the first unless it is set."""
        value = self.text(name, choices[0])
        if value and value not in choices:
            self.faults.append(f"{name} must be {' or '.join(choices)}")
        return value

    def words(self, name: str, default: str | None = None) -> tuple[str, ...]:
        """Return the members of a comma list."""
        return tuple(word.strip() for word in self.text(name, default).split(",") if word.strip())

    def finish(self) -> None:
        """Stop the program with one message when anything was wrong."""
        if self.faults:
            sys.exit("Cannot start: " + "; ".join(self.faults) + ".")
