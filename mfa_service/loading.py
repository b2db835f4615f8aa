"""Modules loaded by their names, when they are needed."""

import gc
import importlib
from types import ModuleType


def load(name: str) -> ModuleType:
    """Return a module, loaded without a look for garbage: nothing that is loaded is any.

    What there is by then is frozen: no later look visits it, so that processes that are forked
    go on sharing it.
    """
    looks = gc.isenabled()
    gc.disable()
    try:
        return importlib.import_module(name)
    finally:
        gc.freeze()
        if looks:
            gc.enable()
