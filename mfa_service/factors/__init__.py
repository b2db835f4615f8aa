"""One module per factor; a module with `FACTOR` is found and registered by its method."""

import importlib
import pkgutil
from collections.abc import Mapping

from mfa_service.domain.factor import Factor


def load_factors() -> Mapping[str, Factor]:
    """Return every factor by its method name."""
    found: dict[str, Factor] = {}
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda module: module.name):
        factor = getattr(importlib.import_module(f"{__name__}.{module.name}"), "FACTOR", None)
        if factor is not None:
            found[factor.method] = factor
    return found
