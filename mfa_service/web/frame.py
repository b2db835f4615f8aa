"""What surrounds every page: templates, language, security of scripts, redirects, refusals."""

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from flask import Request, Response
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from mfa_service.domain.errors import (
    Forbidden,
    Internal,
    MfaError,
    NotFound,
    Throttled,
    Unavailable,
)
from mfa_service.services.pages import PageElsewhere
from mfa_service.wiring import Services

from . import assets, cookies, headers, i18n
from .i18n import marked
from .visits import LANGUAGE, Visit, new_nonce

_A_YEAR = 31_536_000


@dataclass(frozen=True, slots=True)
class Words:
    """What a refusal says to a person: what happened, and what to do now."""

    title: str
    text: str


_OTHER = Words(
    marked("That did not work"),
    marked("Go back to where you came from and try again."),
)
_WORDS: dict[type[MfaError], Words] = {
    PageElsewhere: Words(
        marked("This link was opened in another browser"),
        marked(
            "It works once, and only where it was opened first. "
            "If somebody sent it to you, do not answer them."
        ),
    ),
    NotFound: Words(
        marked("There is nothing here"),
        marked("The address is incomplete, or what it led to is over."),
    ),
    Forbidden: Words(
        marked("This was refused for your protection"),
        marked("The request did not come from our own page, or the page was open for too long."),
    ),
    Throttled: Words(
        marked("Please wait a little"),
        marked("This was asked too often. Nothing is lost; try again in a few minutes."),
    ),
    Unavailable: Words(
        marked("We are not available right now"),
        marked("Nothing was changed. Please try again in a moment."),
    ),
    Internal: Words(
        marked("Something went wrong on our side"),
        marked("Nothing was approved. Please try again in a moment."),
    ),
}


def render(visit: Visit, template: str, status: int = 200, **context: object) -> Response:
    """Return a page whose scripts may run, and no others."""
    page = _environment(visit.locale).get_template(template)
    text = page.render(_frame(visit) | context)
    response = Response(text, status, content_type="text/html; charset=utf-8")
    headers.allow_scripts(response, visit.nonce)
    response.headers["Content-Language"] = visit.locale
    return _remembering(visit, response)


def redirect(visit: Visit, location: str, **query: str) -> Response:
    """Send the browser on by 303, to a path of ours with a query, or to an address elsewhere.

    Not elsewhere after a POST: the policy of our pages lets forms lead to our own origin only.
    """
    target = visit.url(location) if location.startswith("/") else location
    response = Response(status=303)
    response.headers["Location"] = f"{target}?{urlencode(query)}" if query else target
    return _remembering(visit, response)


def data(value: Mapping[str, object]) -> Response:
    """Answer a script of ours with JSON."""
    return Response(json.dumps(value), content_type="application/json")


def refusal(request: Request, services: Services, error: MfaError) -> Response:
    """Return an error as a page: the right status, plain words, the way back, and no detail."""
    locale = i18n.locale_of(request, cookies.read(request, services.issuer, LANGUAGE))
    visit = Visit(request, services, locale, new_nonce(services), {})
    words = next((_WORDS[kind] for kind in type(error).__mro__ if kind in _WORDS), _OTHER)
    title, text = visit.gettext(words.title), visit.gettext(words.text)
    back = visit.url("/account") if request.path.startswith("/account/") else None
    response = render(visit, "error.html", error.status, title=title, text=text, back=back)
    response.headers.update(error.headers)
    return response


def _remembering(visit: Visit, response: Response) -> Response:
    """Remember a language that was asked for by `?lang=`."""
    if i18n.chosen(visit.request.args.get("lang")) is not None:
        cookies.write(response, visit.issuer, LANGUAGE, visit.locale, seconds=_A_YEAR)
    return response


def _frame(visit: Visit) -> dict[str, object]:
    return {
        "asset": lambda name: visit.url(assets.path_of(name)),
        "languages": [
            (code, name, _in_language(visit, code)) for code, name in i18n.LOCALES.items()
        ],
        "locale": visit.locale,
        "nonce": visit.nonce,
        "service_name": visit.services.settings.service_name,
        "url": visit.url,
    }


def _in_language(visit: Visit, code: str) -> str:
    """Return the same page in another language; what a form was sent to is left for its page."""
    request = visit.request
    path = request.path if request.method in {"GET", "HEAD"} else request.path.rpartition("/")[0]
    query = {name: value for name, value in request.args.items() if name != "lang"}
    return f"{visit.url(path)}?{urlencode({**query, 'lang': code})}"


@functools.cache
def _environment(locale: i18n.Locale) -> Environment:
    environment = Environment(
        loader=PackageLoader("mfa_service.web"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    words = i18n.translations(locale)
    environment.install_gettext_callables(  # type: ignore[attr-defined]
        words.gettext, words.ngettext, newstyle=True
    )
    shown = {"moment": i18n.moment, "day": i18n.day, "clock": i18n.clock, "number": i18n.number}
    for name, show in shown.items():
        environment.filters[name] = functools.partial(show, locale=locale)
    return environment
