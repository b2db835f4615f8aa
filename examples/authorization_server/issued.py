"""Authorization codes and refresh tokens: each works once, and a replay ends its family."""

import hmac
import secrets
import threading
from dataclasses import dataclass

from examples.authorization_server.decision import Grant
from examples.authorization_server.settings import ClientSettings
from examples.common.expiring import Clock, Expiring

CODE_SECONDS = 60
REFRESH_SECONDS = 8 * 3600


@dataclass(frozen=True, slots=True)
class Client:
    """An application, in the words that Authlib asks with."""

    settings: ClientSettings

    @property
    def client_id(self) -> str:
        """The client's identifier."""
        return self.settings.client_id

    def get_client_id(self) -> str:
        """Return the client's identifier."""
        return self.settings.client_id

    def get_default_redirect_uri(self) -> None:
        """Return nothing: a request names its redirect URI (OpenID Connect Core 3.1.2.1)."""

    def get_allowed_scope(self, scope: str | None) -> str:
        """Return the requested scopes that exist, in our order."""
        asked = (scope or "").split()
        return " ".join(known for known in self.settings.scopes if known in asked)

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        """Compare exactly (RFC 9700 section 2.1)."""
        return redirect_uri in self.settings.redirect_uris

    def check_client_secret(self, client_secret: str) -> bool:
        """Compare in constant time; a public client has none."""
        secret = self.settings.secret
        return bool(secret) and hmac.compare_digest(client_secret.encode(), str(secret).encode())

    def check_endpoint_auth_method(self, method: str, _endpoint: str) -> bool:
        """Allow HTTP Basic alone; a public client proves itself by its verifier (RFC 7636)."""
        return method == ("none" if self.settings.secret is None else "client_secret_basic")

    def check_response_type(self, response_type: str) -> bool:
        """Allow the code flow alone."""
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        """Allow what the client is registered for."""
        return grant_type in self.settings.grants


@dataclass(frozen=True, slots=True)
class Issued:
    """What a code or a refresh token stands for: the authentication as it was when it happened."""

    family: str
    client_id: str
    grant: Grant
    scope: str
    redirect_uri: str = ""
    nonce: str | None = None
    code_challenge: str = ""
    code_challenge_method: str = "S256"

    def get_redirect_uri(self) -> str:
        """Return the redirect URI of the authorization request."""
        return self.redirect_uri

    def get_scope(self) -> str:
        """Return the granted scope."""
        return self.scope

    def check_client(self, client: Client) -> bool:
        """Say whether it was issued to this client."""
        return self.client_id == client.client_id

    def get_nonce(self) -> str | None:
        """Return the nonce of the authorization request."""
        return self.nonce

    def get_auth_time(self) -> int:
        """Return when the person authenticated, never when the token was refreshed."""
        return self.grant.auth_time

    def get_acr(self) -> str:
        """Return the level that was reached then."""
        return self.grant.acr

    def get_amr(self) -> list[str]:
        """Return the methods that were used then."""
        return list(self.grant.amr)


@dataclass(slots=True)
class _Secret:
    issued: Issued
    ends: int
    spent: bool = False


class Issuance:
    """One-time secrets. Using one again revokes all that came of its sign-in (RFC 9700 4.14)."""

    def __init__(self, now: Clock) -> None:
        self.now = now
        self._codes: Expiring[_Secret] = Expiring(REFRESH_SECONDS, now)
        self._refresh_tokens: Expiring[_Secret] = Expiring(REFRESH_SECONDS, now)
        self._revoked: Expiring[bool] = Expiring(2 * REFRESH_SECONDS, now)
        self._lock = threading.Lock()

    @staticmethod
    def new_family() -> str:
        """Return a name for everything that will come of one sign-in."""
        return secrets.token_urlsafe(16)

    def keep_code(self, code: str, issued: Issued) -> None:
        """Keep an authorization code for a minute, and remember it longer, to notice a replay."""
        self._codes.put(code, _Secret(issued, self.now() + CODE_SECONDS))

    def keep_refresh_token(self, token: str, issued: Issued) -> None:
        """Keep a refresh token, unless its family was revoked meanwhile."""
        with self._lock:
            if self._revoked.get(issued.family) is None:
                self._refresh_tokens.put(token, _Secret(issued, self.now() + REFRESH_SECONDS))

    def spend_code(self, code: str, client: Client) -> Issued | None:
        """Return what a code stands for, to its client, once and in time."""
        return self._spend(self._codes.get(code), client)

    def spend_refresh_token(self, token: str, client: Client) -> Issued | None:
        """Return what a refresh token stands for, to its client, once and in time."""
        return self._spend(self._refresh_tokens.get(token), client)

    def _spend(self, found: _Secret | None, client: Client) -> Issued | None:
        with self._lock:
            if found is None or not found.issued.check_client(client):
                return None
            if found.spent:
                self._revoked.put(found.issued.family, value=True)
            if self._revoked.get(found.issued.family) is not None or self.now() >= found.ends:
                return None
            found.spent = True
            return found.issued
