"""Where the QR of an enrollment leads on a phone that has no app for it.

The code stands in the fragment, which browsers never send: this page does not know it.
"""

from flask import Response

from . import frame
from .pages import Page
from .visits import Visit


def landing(visit: Visit) -> Response:
    """Say what the code is for, how to get the app, and show it for typing."""
    return frame.render(visit, "enroll/landing.html")


PAGES = (Page("GET", "/enroll", "enrollLanding", landing),)
