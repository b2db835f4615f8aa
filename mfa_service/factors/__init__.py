"""One module per factor; a module with `FACTOR` is found and registered by its method."""

import importlib
import pkgutil
from collections.abc import Collection, Mapping

from mfa_service.domain.factor import Factor


def load_factors(*, without: Collection[str] = ()) -> Mapping[str, Factor]:
    """Return every factor by its method name, in the order in which they are offered."""
    names = [f"{__name__}.{module.name}" for module in pkgutil.iter_modules(__path__)]
    found = [getattr(importlib.import_module(name), "FACTOR", None) for name in names]
    factors: list[Factor] = sorted(filter(None, found), key=lambda factor: factor.order)
    return {factor.method: factor for factor in factors if factor.method not in without}
