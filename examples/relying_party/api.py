"""The shop's API: it names the level that it needs, so that a client can get it (RFC 9470)."""

from dataclasses import asdict
from typing import Any

from flask import Flask, Response, jsonify, request

from examples.common.expiring import Clock
from examples.common.remote_keys import BadTokenError
from examples.relying_party.oidc_client import OidcClient
from examples.relying_party.rules import READ, RECEIPTS, Rule, shortcomings
from examples.relying_party.shop import BOOKS

SCOPE = "books"


class ShopApi:
    """A resource server that verifies RFC 9068 tokens itself."""

    def __init__(self, client: OidcClient, now: Clock) -> None:
        self._client = client
        self._now = now

    def install(self, app: Flask) -> None:
        """Add the addresses to `app`."""
        app.add_url_rule("/api/books", "api_books", self.books)
        app.add_url_rule("/api/receipts", "api_receipts", self.receipts)

    def books(self) -> Response:
        """List the books to whoever has the scope."""
        claims, refusal = self._claims(READ)
        return refusal or jsonify(
            sub=claims["sub"], books=[asdict(book) for book in BOOKS.values()]
        )

    def receipts(self) -> Response:
        """List the receipts to a fresh sign-in of the right level."""
        claims, refusal = self._claims(RECEIPTS)
        return refusal or jsonify(sub=claims["sub"], receipts=[])

    def _claims(self, rule: Rule) -> tuple[dict[str, Any], Response | None]:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return {}, _refusal(401, "Bearer")
        try:
            claims = self._client.access(token.strip())
        except BadTokenError:
            return {}, _refusal(401, 'Bearer error="invalid_token"')
        if SCOPE not in str(claims.get("scope", "")).split():
            return {}, _refusal(403, f'Bearer error="insufficient_scope", scope="{SCOPE}"')
        missing = shortcomings(rule, claims, at=self._now())
        if missing:
            return {}, _refusal(
                401,
                'Bearer error="insufficient_user_authentication", '
                f'error_description="{" ".join(missing)}", '
                f'acr_values="{rule.acr}", max_age="{rule.max_age}"',
            )
        return claims, None


def _refusal(status: int, challenge: str) -> Response:
    return Response(status=status, headers={"WWW-Authenticate": challenge})
