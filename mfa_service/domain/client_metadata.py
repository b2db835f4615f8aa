"""What a client registered beside its name and scopes, in the words of the registries.

OpenID Connect Dynamic Client Registration 1.0 §2, RFC 9101 §10.5, CIBA Core 1.0 §4; `dialect` is
our own.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields

from . import origins
from .dialects import DIALECTS

ID_TOKEN_ALGORITHMS = ("RS256", "ES256")
REQUEST_ALGORITHMS = ("ES256", "EdDSA", "PS256", "RS256")
DELIVERY_MODES = ("poll", "ping")


@dataclass(frozen=True, slots=True)
class ClientMetadata:
    """How tokens for the client are signed and named, and how it takes part in CIBA."""

    dialect: str = "contract"
    id_token_signed_response_alg: str = "RS256"  # noqa: S105  # a name
    request_object_signing_alg: str | None = None
    require_pushed_authorization_requests: bool = False
    backchannel_token_delivery_mode: str = "poll"  # noqa: S105  # a name
    backchannel_client_notification_endpoint: str | None = None
    backchannel_authentication_request_signing_alg: str | None = None
    backchannel_user_code_parameter: bool = False

    @property
    def pings(self) -> bool:
        """Whether a CIBA request's end is told to the client (CIBA Core §5)."""
        return self.backchannel_client_notification_endpoint is not None

    @classmethod
    def from_mapping(cls, members: Mapping[str, object]) -> "ClientMetadata":
        """Return what a mapping without faults (see `faults_of`) says; the rest are defaults."""
        return cls(**dict(members))  # type: ignore[arg-type]  # judged by `faults_of`

    def to_mapping(self) -> dict[str, object]:
        """Return the members that are not defaults, as `from_mapping` takes them."""
        plain = ClientMetadata()
        named = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in named.items() if value != getattr(plain, name)}


def faults_of(members: Mapping[str, object]) -> dict[str, str]:
    """Return what is wrong, by member; nothing for a mapping that `from_mapping` may be given."""
    known = {field.name for field in fields(ClientMetadata)}
    faults = {name: "There is no such member." for name in members if name not in known}
    faults |= dict(_wrong_choices(members))
    for name in ("require_pushed_authorization_requests", "backchannel_user_code_parameter"):
        if not isinstance(members.get(name, False), bool):
            faults[name] = "True or false."
    endpoint = members.get("backchannel_client_notification_endpoint")
    pings = members.get("backchannel_token_delivery_mode") == "ping"
    if pings is not isinstance(endpoint, str) or (endpoint and not origins.is_address(endpoint)):
        faults["backchannel_client_notification_endpoint"] = (
            "An https address without fragment, exactly when the mode is ping."
        )
    return faults


def _wrong_choices(members: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    choices: dict[str, tuple[str | None, ...]] = {
        "dialect": tuple(DIALECTS),
        "id_token_signed_response_alg": ID_TOKEN_ALGORITHMS,
        "request_object_signing_alg": (None, *REQUEST_ALGORITHMS),
        "backchannel_token_delivery_mode": DELIVERY_MODES,
        "backchannel_authentication_request_signing_alg": (None, *REQUEST_ALGORITHMS),
    }
    for name, allowed in choices.items():
        if name in members and members[name] not in allowed:
            yield name, f"One of {', '.join(str(choice) for choice in allowed if choice)}."
