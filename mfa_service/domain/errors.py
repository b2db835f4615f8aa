"""Every refusal a caller can see; `http.problems` renders each as problem+json (RFC 9457)."""

from collections.abc import Mapping, Sequence
from typing import ClassVar


class MfaError(Exception):
    """Base of the hierarchy. `detail` and `members` are public; anything private is audited."""

    slug: ClassVar[str]
    status: ClassVar[int]
    title: ClassVar[str]

    def __init__(self, detail: str = "", **members: object) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.members = members
        self.headers: dict[str, str] = {}


class InvalidRequest(MfaError):
    """Fields that do not fit; `errors` maps a dotted field path to its texts."""

    slug, status, title = "invalid-request", 422, "The request is not valid"

    def __init__(self, errors: Mapping[str, Sequence[str]]) -> None:
        texts = {path: list(found) for path, found in errors.items()}
        super().__init__("Some fields are not valid.", errors=texts)


class MalformedJson(MfaError):
    """The body is no JSON text that we accept."""

    slug, status, title = "malformed-json", 400, "The body is not valid JSON"


class Unauthenticated(MfaError):
    """Who calls is not proven. Says nothing about why."""

    slug, status, title = "unauthenticated", 401, "Authentication is required"

    def __init__(self, detail: str = "", *, challenge: str = "Bearer") -> None:
        super().__init__(detail)
        self.headers["WWW-Authenticate"] = challenge


class Forbidden(MfaError):
    """The caller is known and may not do this."""

    slug, status, title = "forbidden", 403, "This is not allowed"


class InsufficientScope(Forbidden):
    """The access token lacks a scope (RFC 6750 §3.1)."""

    def __init__(self, *scopes: str) -> None:
        super().__init__("The access token lacks a scope.")
        quoted = " ".join(scopes)
        self.headers["WWW-Authenticate"] = f'Bearer error="insufficient_scope", scope="{quoted}"'


class NotFound(MfaError):
    """There is no such thing, or it is not the caller's."""

    slug, status, title = "not-found", 404, "Not found"


class MethodNotAllowed(MfaError):
    """The resource exists and does not know this method."""

    slug, status, title = "method-not-allowed", 405, "The method is not allowed here"


class ProofRejected(MfaError):
    """The proof does not verify. Deliberately says nothing about why."""

    slug, status, title = "proof-rejected", 403, "The proof was not accepted"


class ProofReplayed(ProofRejected):
    """The code was accepted before. Looks like any other rejection from outside."""


class CloneSuspected(ProofRejected):
    """The signature holds and the counter went back: two copies of one key (WebAuthn L3 §6.1.1).

    Looks like any other rejection from outside; whoever catches it audits and notifies.
    """


class ChallengeNotOpen(MfaError):
    """The challenge has ended; nothing was spent."""

    slug, status, title = "challenge-not-open", 409, "The challenge is not open"


class AcrUnattainable(MfaError):
    """No combination of the subject's authenticators reaches the level asked for."""

    slug, status, title = "acr-unattainable", 409, "The requested level cannot be reached"


class BindingRequiresStepUp(MfaError):
    """Changing authenticators needs a step-up first (SP 800-63B-4 §4.1.2.1)."""

    slug, status, title = "binding-requires-step-up", 403, "This change needs a step-up first"


class EnrollmentNotOpen(MfaError):
    """The enrollment is unknown to the phone, expired, claimed by another key, or finished."""

    slug, status, title = "enrollment-not-open", 409, "The enrollment is not open"


class AuthenticatorNotActive(MfaError):
    """The authenticator is not confirmed, is suspended, or is not offered."""

    slug, status, title = "authenticator-not-active", 409, "The authenticator is not active"


class IdempotencyKeyReused(MfaError):
    """The key came with another body before."""

    slug, status, title = "idempotency-key-reused", 422, "The idempotency key was used differently"


class IdempotencyInProgress(MfaError):
    """The first request under this key is still running."""

    slug, status, title = "idempotency-in-progress", 409, "The first request is still running"


class IdempotencyExpired(MfaError):
    """The stored answer carried a one-time secret and is gone."""

    slug, status, title = "idempotency-expired", 409, "The stored answer has expired"


class _Later(MfaError):
    """A refusal that says when to try again."""

    def __init__(self, detail: str = "", *, retry_after: int) -> None:
        super().__init__(detail)
        self.headers["Retry-After"] = str(max(1, retry_after))


class Throttled(_Later):
    """Too many requests for now; `Retry-After` is in seconds (RFC 6585 §4)."""

    slug, status, title = "throttled", 429, "Too many requests"


class Unavailable(_Later):
    """A store does not answer; a change that it was asked for may have been made or not."""

    slug, status, title = "unavailable", 503, "The service is not available"


class PayloadTooLarge(MfaError):
    """The body is over 64 KiB."""

    slug, status, title = "payload-too-large", 413, "The body is too large"


class UnsupportedMediaType(MfaError):
    """The body is of another media type than this resource reads."""

    slug, status, title = "unsupported-media-type", 415, "The media type is not supported"


class Internal(MfaError):
    """A fault of ours; the log has it under the request id."""

    slug, status, title = "internal", 500, "Something went wrong on our side"


def every_problem() -> tuple[type[MfaError], ...]:
    """Return one class per slug, for the problem pages and the API document."""
    found: dict[str, type[MfaError]] = {}
    pending = [MfaError]
    while pending:
        kind = pending.pop(0)
        pending.extend(kind.__subclasses__())
        if "slug" in vars(kind):
            found.setdefault(kind.slug, kind)
    return tuple(found[slug] for slug in sorted(found))
