"""The reader's language: which one, its words, its times and numbers."""

import functools
import gettext
import io
from datetime import UTC, datetime
from importlib.resources import files
from typing import NewType

from babel import dates, numbers
from babel.core import negotiate_locale
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from flask import Request
from markupsafe import Markup

Locale = NewType("Locale", str)
ENGLISH, GERMAN = Locale("en"), Locale("de")
LOCALES = {ENGLISH: "English", GERMAN: "Deutsch"}


def marked(text: str) -> str:
    """Mark a text for the catalogue where it is written; it is translated where it is shown."""
    return text


def chosen(name: str | None) -> Locale | None:
    """Return the language of that name, if we speak it."""
    return next((locale for locale in LOCALES if locale == name), None)


def locale_of(request: Request, cookie: str | None) -> Locale:
    """Return the language: `?lang=`, else the cookie, else what the browser prefers."""
    asked = chosen(request.args.get("lang")) or chosen(cookie)
    if asked is not None:
        return asked
    preferred = [value.replace("_", "-") for value in request.accept_languages.values()]
    return chosen(negotiate_locale(preferred, list(LOCALES), sep="-")) or ENGLISH


@functools.cache
def translations(locale: Locale) -> gettext.NullTranslations:
    """Return the words of a language; English is written in the code."""
    catalog = Catalog(locale=locale)
    for part in catalogues(locale):
        for message in part:
            if message.id:
                catalog[message.id] = message
    compiled = io.BytesIO()
    write_mo(compiled, catalog)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def catalogues(locale: Locale) -> list[Catalog]:
    """Return every catalogue of a language, as it is written."""
    folder = files(__package__) / "translations" / locale / "LC_MESSAGES"
    if not folder.is_dir():
        return []
    found = [item for item in folder.iterdir() if item.name.endswith(".po")]
    return [read_po(io.BytesIO(item.read_bytes()), locale=locale) for item in found]


def moment(seconds: int, locale: Locale) -> Markup:
    """Return date and time in UTC; `times.js` shows it in the reader's own zone."""
    at = datetime.fromtimestamp(seconds, UTC)
    text = dates.format_datetime(at, "d MMM y, HH:mm", tzinfo=UTC, locale=locale)
    return _time(at, f"{text} UTC", "moment")


def day(seconds: int, locale: Locale) -> Markup:
    """Return the date in UTC; `times.js` shows it in the reader's own zone."""
    at = datetime.fromtimestamp(seconds, UTC)
    return _time(at, dates.format_date(at, "long", locale=locale), "day")


def clock(seconds: int, locale: Locale) -> Markup:
    """Return the time of day in UTC; `times.js` shows it in the reader's own zone."""
    at = datetime.fromtimestamp(seconds, UTC)
    text = dates.format_time(at, "HH:mm:ss", tzinfo=UTC, locale=locale)
    return _time(at, f"{text} UTC", "clock")


def number(value: int, locale: Locale) -> str:
    """Return a number as it is written in this language."""
    return numbers.format_decimal(value, locale=locale)


def _time(at: datetime, text: str, kind: str) -> Markup:
    stamp = at.strftime("%Y-%m-%dT%H:%M:%SZ")
    return Markup('<time datetime="{}" data-shown="{}">{}</time>').format(stamp, kind, text)
