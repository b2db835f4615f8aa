"""Every page, in one table, and how a request reaches its view."""

from collections.abc import Callable

from flask import Flask, Request, Response, request

from mfa_service.domain.errors import MfaError
from mfa_service.wiring import Services

from . import (
    account_activity,
    account_changes,
    account_enrollments,
    account_pages,
    assets,
    authorize_pages,
    challenge_calls,
    challenge_pages,
    enroll_pages,
    first_steps,
    frame,
    guard,
    headers,
)
from .pages import Page
from .visits import Visit

PAGES: tuple[Page, ...] = (
    *challenge_pages.PAGES,
    *challenge_calls.PAGES,
    *account_pages.PAGES,
    *account_changes.PAGES,
    *account_enrollments.PAGES,
    *account_activity.PAGES,
    *enroll_pages.PAGES,
    *authorize_pages.PAGES,
    *first_steps.PAGES,
)
_SHARED = "oauth2"  # a folder that programs use too: there only the pages are for people
_FOLDERS = frozenset({"static", *(page.path.split("/")[1] for page in PAGES)} - {_SHARED})
_PATHS = frozenset(page.path for page in PAGES if page.path.startswith(f"/{_SHARED}/"))


def register(app: Flask, services: Services) -> None:
    """Add every page and what pages load; `finish` and `refusal` complete them."""
    for page in PAGES:
        app.add_url_rule(
            page.path, endpoint=page.name, view_func=_view(page, services), methods=[page.method]
        )
    app.add_url_rule("/static/<version>/<name>", endpoint="static", view_func=_static)


def is_page(incoming: Request) -> bool:
    """Tell whether a request is for a person's browser, whether or not there is such a page."""
    return incoming.path.split("/")[1] in _FOLDERS or incoming.path in _PATHS


def finish(incoming: Request, response: Response, services: Services) -> None:
    """Give an answer to a browser its headers."""
    if is_page(incoming):
        headers.finish(response, services.issuer)


def refusal(incoming: Request, services: Services, error: MfaError) -> Response | None:
    """Return an error as a page, if a person sees it; `None` where a script asked for JSON."""
    wants_json = "application/json" in incoming.headers.get("Accept", "")
    if wants_json or not is_page(incoming):
        return None
    return frame.refusal(incoming, services, error)


def _view(page: Page, services: Services) -> Callable[..., Response]:
    def view(**path: str) -> Response:
        guard.check_fetch(request)
        return page.view(Visit.of(request, services), **path)

    return view


def _static(version: str, name: str) -> Response:
    return assets.serve(request, version, name)
