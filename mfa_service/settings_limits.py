"""Reads how often something may go wrong, and how long the audit is kept."""

import re
from collections.abc import Callable, Mapping

from mfa_service.domain.limits import CEILING, Limits

_LIMIT = re.compile(r"[0-9]{1,3}\Z")
_DAYS = re.compile(r"[0-9]{1,5}\Z")
_DAY = 86_400
_LIMITS = {
    "MFA_LIMIT_CHALLENGE_ATTEMPTS": "challenge_attempts",
    "MFA_LIMIT_PIN_FAILURES": "pin_failures",
    "MFA_LIMIT_CODE_FAILURES": "code_failures",
}


class LimitsReader:
    """Reads the variables; `fault` is told the variable and what is wrong with it."""

    def __init__(self, environ: Mapping[str, str], fault: Callable[[str, str], None]) -> None:
        self._environ = environ
        self._fault = fault

    def read(self) -> Limits:
        """Return the limits; after a fault some are defaults."""
        values: dict[str, int] = {}
        for name, member in _LIMITS.items():
            given = self._environ.get(name, "").strip()
            if not given:
                continue
            if _LIMIT.match(given) and 1 <= int(given) <= CEILING:
                values[member] = int(given)
            else:
                self._fault(name, f"must be a number from 1 to {CEILING}")
        return Limits(**values, audit_kept=self._audit_days() * _DAY)

    def _audit_days(self) -> int:
        name = "MFA_AUDIT_DAYS"
        given = self._environ.get(name, "").strip()
        if given and not (_DAYS.match(given) and int(given) > 0):
            self._fault(name, "must be a number of days from 1 to 99999")
            return 0
        return int(given or 0)
