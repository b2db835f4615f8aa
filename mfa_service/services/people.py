"""People who call the API themselves, by an access token of the login issuer (`/v1/me`)."""

from mfa_service.domain.ports import LoginRefused

from .own_client import OwnClient
from .sign_in import LoginIssuer
from .tokens import Caller, invalid_token

SCOPE = "mfa:self"


class PeopleService:
    """Turns a person's access token into a caller who may touch only this person."""

    def __init__(self, own_client: OwnClient, login: LoginIssuer | None) -> None:
        self._own_client = own_client
        self._login = login

    def caller(self, token: str) -> Caller:
        """Return who holds `token`: this service as a client, held to the token's `sub`.

        Of its scopes only `mfa:self` counts, whatever else the login issuer put into it. Raises
        `Unauthenticated` unless the token is good here and now, also when no login issuer is
        configured; `Unavailable` while that cannot be known.
        """
        if self._login is None:
            raise invalid_token()
        try:
            claims = self._login.provider.access_token_claims(token)
        except LoginRefused as exc:
            raise invalid_token() from exc
        granted = str(claims.get("scope", "")).split()
        client = self._own_client.of(self._login.realm)
        return Caller(client, frozenset({SCOPE}) & frozenset(granted), sub=str(claims["sub"]))
