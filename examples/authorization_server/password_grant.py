"""The resource owner password grant, which RFC 9700 §2.4 forbids: off unless a flag is set.

It is here because some applications still have nothing else, and to show what it costs. The README
says what to do instead.
"""

from typing import Any

from authlib.oauth2.rfc6749.errors import InvalidGrantError
from authlib.oauth2.rfc6749.grants import ResourceOwnerPasswordCredentialsGrant

from examples.authorization_server.accounts import TRIES_SECONDS, TooManyTriesError
from examples.authorization_server.decision import Grant
from examples.authorization_server.provider import Subject
from examples.authorization_server.wanted import PASSWORD_ONLY


class TooManyGuessesError(InvalidGrantError):  # type: ignore[misc]
    """The name was tried too often; known and unknown names alike."""

    status_code = 429

    def get_headers(self) -> list[tuple[str, str]]:
        """Say when to come back."""
        return [*super().get_headers(), ("Retry-After", str(TRIES_SECONDS))]


class PasswordGrant(ResourceOwnerPasswordCredentialsGrant):  # type: ignore[misc]
    """A password for an access token. It proves a password and nothing more: `acr` is `0`."""

    TOKEN_ENDPOINT_AUTH_METHODS = ("none",)

    def authenticate_user(self, username: str, password: str) -> Subject:
        """Return the person; a wrong name and a wrong password look and last alike."""
        try:
            account = self.server.accounts.sign_in(username, password)
        except TooManyTriesError as error:
            raise TooManyGuessesError("Too many tries.") from error
        if account is None:
            raise InvalidGrantError("The name or the password is not right.")
        at = self.server.issuance.now()
        return Subject(Grant(account.sub, account.name, PASSWORD_ONLY, ("pwd",), at))

    def generate_token(self, **members: Any) -> dict[str, Any]:  # noqa: ANN401
        """Return an access token and no refresh token, which Authlib would add."""
        token: dict[str, Any] = super().generate_token(**members | {"include_refresh_token": False})
        return token
