"""One request of a person's browser, read strictly: its form, its language, its cookies."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

from flask import Request

from mfa_service.domain import strict_json
from mfa_service.domain.errors import InvalidRequest, MalformedJson, UnsupportedMediaType
from mfa_service.domain.text import has_control
from mfa_service.jose import b64url
from mfa_service.wiring import Services

from . import cookies, i18n

LANGUAGE = "lang"
_FORM, _JSON = "application/x-www-form-urlencoded", "application/json"
_MOST, _DIGITS = 32, 4


@dataclass(frozen=True, slots=True)
class Visit:
    """A request with all that a view needs; `nonce` lets the scripts of this answer run."""

    request: Request
    services: Services
    locale: i18n.Locale
    nonce: str
    form: Mapping[str, str] = field(repr=False)

    @classmethod
    def of(cls, request: Request, services: Services) -> "Visit":
        """Read a request; raise `InvalidRequest` or `UnsupportedMediaType` for a faulty form."""
        form = _form(request) if request.method == "POST" else {}
        locale = i18n.locale_of(request, cookies.read(request, services.issuer, LANGUAGE))
        return cls(request, services, locale, new_nonce(services), form)

    @property
    def issuer(self) -> str:
        """Our own address."""
        return self.services.issuer

    def cookie(self, name: str) -> str | None:
        """Return the value of a cookie of ours, by its name without prefix."""
        return cookies.read(self.request, self.issuer, name)

    def query(self, name: str) -> str | None:
        """Return a query parameter; raise `InvalidRequest` if it is there twice or unclean."""
        given = self.request.args.getlist(name)
        if len(given) > 1 or any(has_control(value) for value in given):
            raise InvalidRequest({name: ["Given twice, or not a text that is accepted here."]})
        return given[0] if given else None

    def queries(self) -> dict[str, str]:
        """Return every query parameter; raise `InvalidRequest` if one is unclean or there twice."""
        names = self.request.args.keys()
        return {name: self.query(name) or "" for name in names if not has_control(name)}

    def seconds(self, name: str, *, longest: int) -> int:
        """Return a duration in the query, 0 if there is none; raise `InvalidRequest` otherwise."""
        given = self.query(name) or "0"
        if not (given.isascii() and given.isdigit()) or len(given) > _DIGITS:
            raise InvalidRequest({name: ["Not a number of seconds."]})
        return min(int(given), longest)

    def json(self) -> dict[str, object]:
        """Return the JSON object that a script of ours sent; raise `MalformedJson` for others."""
        if self.request.mimetype != _JSON:
            raise UnsupportedMediaType(f"The body has to be {_JSON}.")
        try:
            value = strict_json.loads(self.request.get_data())
        except strict_json.NotStrictJson as exc:
            raise MalformedJson("The body is not a JSON text that is accepted here.") from exc
        if not isinstance(value, dict):
            raise MalformedJson("The body is not a JSON object.")
        if faults := {path: [text] for path, text in strict_json.faults(value)}:
            raise InvalidRequest(faults)
        return value

    def url(self, path: str) -> str:
        """Return the address of a page of ours as the browser sees it: below the issuer's path."""
        return urlsplit(self.issuer).path + path

    def gettext(self, text: str, **values: object) -> str:
        """Return a text in the reader's language, with `%(name)s` filled in."""
        translated = i18n.translations(self.locale).gettext(text)
        return translated % values if values else translated

    def ngettext(self, one: str, many: str, count: int) -> str:
        """Return the text for `count`, which stands in it as `%(num)s`."""
        return i18n.translations(self.locale).ngettext(one, many, count) % {"num": count}


def new_nonce(services: Services) -> str:
    """Return what names the scripts of one answer."""
    return b64url(services.foundation.randomness.bytes(16))


def _form(request: Request) -> dict[str, str]:
    """Return the fields; `MAX_CONTENT_LENGTH` bounds them. A body of another type is no form."""
    raw = request.get_data()
    if not raw or request.mimetype == _JSON:
        return {}
    if request.mimetype != _FORM:
        raise UnsupportedMediaType("The body has to be a form.")
    try:
        text = raw.decode("ascii")
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=_MOST)
    except ValueError as exc:
        raise InvalidRequest({"form": ["Not a form that is accepted here."]}) from exc
    fields = dict(pairs)
    if len(fields) != len(pairs) or any(has_control(part) for pair in pairs for part in pair):
        raise InvalidRequest({"form": ["A field is given twice or is not clean."]})
    return fields
