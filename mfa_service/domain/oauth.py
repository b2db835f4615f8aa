"""What OAuth and OpenID Connect endpoints refuse, and what an authorization request asks."""

import json
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Self


class OAuthError(Exception):
    """A refusal in the words of RFC 6749 §5.2, OpenID Connect Core §3.1.2.6 or CIBA §13."""

    def __init__(self, error: str, description: str, *, status: int = 400) -> None:
        super().__init__(error)
        self.error = error
        self.description = description
        self.status = status


def invalid_request(description: str) -> OAuthError:
    """Return the refusal of a request that is not well formed."""
    return OAuthError("invalid_request", description)


class Kind(StrEnum):
    """What a request yields, and on which way."""

    CODE = "code"
    ID_TOKEN = "id_token"  # noqa: S105  # Entra's flow
    CIBA = "ciba"


class ResponseMode(StrEnum):
    """How the answer travels through the browser."""

    QUERY = "query"
    FORM_POST = "form_post"


@dataclass(frozen=True, slots=True)
class Target:
    """Where an answer goes, by which mode and with which `state`; the address is registered."""

    redirect_uri: str
    response_mode: ResponseMode
    state: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Prior:
    """What the caller has verified itself: as `prior` in the contract, section 3."""

    amr: tuple[str, ...] = ()
    auth_time: int | None = None


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """What an authentic, well-formed request asks.

    `acr_values` are in the client's own words. `returned_sub` is the `sub` that its caller knows,
    where that is not the subject's. `amr_values` restrict the methods; they, `returned_acr` and
    `shown_name`, by which a person recognises an account, are Entra's. `notification_token` is a
    CIBA client's own bearer token.
    """

    kind: Kind
    sub: str
    acr_values: tuple[str, ...] = ()
    essential: bool = False
    amr_values: tuple[str, ...] = ()
    max_age: int | None = None
    prior: Prior = field(default_factory=Prior)
    binding_message: str | None = None
    scopes: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    target: Target | None = None
    nonce: str | None = field(default=None, repr=False)
    code_challenge: str | None = field(default=None, repr=False)
    returned_sub: str | None = None
    returned_acr: str | None = None
    shown_name: str | None = None
    expires_in: int = 300
    notification_token: str | None = field(default=None, repr=False)

    def to_json(self) -> bytes:
        """Return a form that `from_json` reads, for sealing."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_json(cls, text: bytes) -> Self:
        """Return the request that `to_json` wrote."""
        members = json.loads(text)
        target = members["target"]
        lists = ("acr_values", "amr_values", "scopes", "resources")
        read = {
            "kind": Kind(members["kind"]),
            "prior": Prior(tuple(members["prior"]["amr"]), members["prior"]["auth_time"]),
            "target": target and _target_from(target),
            **{name: tuple(members[name]) for name in lists},
        }
        return cls(**(members | read))


def _target_from(members: dict[str, str]) -> Target:
    return Target(members["redirect_uri"], ResponseMode(members["response_mode"]), members["state"])
