"""Findings about the running service, asked at its public address, through whatever is in front."""

from collections.abc import Iterator

from mfa_service.adapters.clock import SystemClock
from mfa_service.adapters.visitor import Answer, NoAnswer, Visitor
from mfa_service.domain import strict_json
from mfa_service.settings import Settings

from .clocks import apart
from .finding import Finding, error, ok, warning

_DISCOVERY = "/.well-known/openid-configuration"
_DAY = 86_400
_SOON = 14 * _DAY
_OK, _NOT_FOUND, _NOT_OURS = 200, 404, (301, 302, 307, 308, 403)


def findings(settings: Settings, url: str, kids: frozenset[str] | None) -> Iterator[Finding]:
    """Look at `url`; `kids` are the keys that the database publishes, if it could be asked."""
    with Visitor(url) as visitor:
        try:
            found = visitor.get(_DISCOVERY)
            yield from _front(settings, url, found)
            yield from _web_push(settings, found)
            if kids is not None:
                yield from _same(visitor, kids)
            yield from _path(visitor)
            if not url.startswith("http://"):  # nothing is in front, and this is a local reader
                yield _metrics(visitor)
            yield _ready(visitor)
        except NoAnswer as exc:
            yield error(
                "public address",
                f"{url} does not answer: {exc}",
                "nobody can authenticate",
                "see the proxy, its certificate, and whether `mfa serve` runs",
            )


def _front(settings: Settings, url: str, found: Answer) -> Iterator[Finding]:
    if found.status != _OK:
        yield error(
            "discovery",
            f"{url}{_DISCOVERY} answers {found.status}",
            "authorization servers and phones find nothing",
            "let the proxy pass every path below the issuer, as it came",
        )
        return
    named = _object(found).get("issuer")
    if named == settings.issuer == url.rstrip("/"):
        yield ok("discovery", f"it names {settings.issuer}")
    else:
        yield error(
            "discovery",
            f"asked at {url} it names {named}; MFA_ISSUER is {settings.issuer}",
            "phones sign the issuer and the path: another name refuses every one of them",
            "set the same MFA_ISSUER everywhere, and ask at it",
        )
    if found.date is not None:
        yield apart("clock of the service", found.date - SystemClock().now())
    yield from _tls(url, found)


def _tls(url: str, found: Answer) -> Iterator[Finding]:
    if not url.startswith("https://"):
        return
    if "strict-transport-security" not in found.headers:
        yield warning(
            "hsts",
            "there is no Strict-Transport-Security header",
            "whoever types the name without https can be led elsewhere",
            "let the proxy send max-age=31536000",
        )
    left = (found.certificate_until or 0) - SystemClock().now()
    if left < _SOON:
        yield warning(
            "certificate",
            f"it ends in {left // _DAY} days",
            "then nobody can authenticate",
            "renew it, and see why nothing renews it by itself",
        )
    else:
        yield ok("certificate", f"it is good for {left // _DAY} days")


def _web_push(settings: Settings, found: Answer) -> Iterator[Finding]:
    """Tell whether the key that phones were told of is the one that signs here."""
    told = _object(found).get("vapid_public_key") if found.status == _OK else None
    ours = None if settings.vapid is None else settings.vapid.public
    if told == ours:
        return
    yield error(
        "web push key",
        f"phones are told to subscribe with {told or 'none'}; here it is {ours or 'none'}",
        "push services refuse messages (403) that another key signs than the phone named",
        "set the same MFA_VAPID_KEY everywhere, the one with which phones subscribed",
    )


def _same(visitor: Visitor, kids: frozenset[str]) -> Iterator[Finding]:
    answer = visitor.get("/.well-known/jwks.json")
    keys = _object(answer).get("keys") if answer.status == _OK else None
    published = {key.get("kid") for key in keys} if isinstance(keys, list) else set()
    if published == kids:
        yield ok("keys in public", "they are those of this database")
        return
    yield error(
        "keys in public",
        "they are not those of this database",
        "another deployment answers, or a cache, or keys were rotated within this minute",
        "compare MFA_DATABASE_URL of the service with the one here; cache no JWKS beyond its time",
    )


def _path(visitor: Visitor) -> Iterator[Finding]:
    """Tell whether the proxy rewrites paths: merging slashes shows it."""
    if visitor.get("//healthz").status == _NOT_FOUND:
        yield ok("path", "it arrives as it was sent")
    else:
        yield warning(
            "path",
            "the proxy changes it: //healthz is answered as /healthz",
            "phones sign the path as they sent it; a rewritten one is refused",
            "pass it unchanged (nginx: merge_slashes off; proxy_pass without a path)",
        )
    named = "doctor-0123456789"
    if visitor.get("/healthz", **{"X-Request-Id": named}).headers.get("x-request-id") != named:
        yield warning(
            "request id",
            "X-Request-Id does not come through",
            "a request cannot be followed from the proxy's log to ours",
            "let the proxy pass it in both directions, or set one of its own",
        )


def _metrics(visitor: Visitor) -> Finding:
    if visitor.get("/metrics").status != _OK:
        return ok("metrics", "strangers cannot read them")
    return warning(
        "metrics",
        "anybody can read /metrics at this address",
        "a proxy on this host that sends no X-Forwarded-For looks like a local reader",
        "let the proxy refuse /metrics, or send X-Forwarded-For; set MFA_METRICS_TOKEN for yours",
    )


def _ready(visitor: Visitor) -> Finding:
    status = visitor.get("/readyz").status
    if status == _OK or status in (*_NOT_OURS, _NOT_FOUND):  # a proxy may keep it for itself
        return ok("ready", "its database answers" if status == _OK else "the proxy hides /readyz")
    return error(
        "ready",
        f"/readyz answers {status}",
        "its database does not answer, takes no writes, or has no signing key",
        "look at its log, and at the database",
    )


def _object(answer: Answer) -> dict[str, object]:
    try:
        value = strict_json.loads(answer.body)
    except strict_json.NotStrictJson:
        return {}
    return value if isinstance(value, dict) else {}
