"""What a page is: one method at one path, and the view that answers it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Concatenate

from flask import Response

from .visits import Visit

View = Callable[Concatenate[Visit, ...], Response]


@dataclass(frozen=True, slots=True)
class Page:
    """One method at one path (Werkzeug's syntax); a GET answers HEAD too.

    `view(visit, **path)` reads, calls one service and renders; what it raises becomes a page.
    """

    method: str
    path: str
    name: str
    view: View
