"""A whole exchange with Entra in memory, by the code that serves requests.

Only two things stand in for what is not here: a key made now for that with which Entra signs its
hints, and a satisfied challenge that nobody answered and no table holds.
"""

import json
from collections.abc import Mapping

from mfa_service import jose
from mfa_service.adapters import signing_keys
from mfa_service.adapters.remote_documents import Answer, Fetcher
from mfa_service.adapters.remote_issuer import RemoteIssuer
from mfa_service.adapters.signing_keys import RS256
from mfa_service.domain.challenge import AcceptedProof, Asked, Challenge, Purpose, PushState, Status
from mfa_service.domain.entra import Tenant, amr_of
from mfa_service.domain.oauth import AuthorizationRequest, OAuthError
from mfa_service.domain.subject import Client

from .authorizations import RequestRefused
from .entra import EntraService, KnownTenant
from .foundation import Foundation
from .user_tokens import Proven, UserTokenService

ACR, AMR = "possessionorinherence", "otp"
SUB, NONCE = "replayed-subject", "replayed-nonce"
_OBJECT = "00000000-0000-0000-0000-000000000000"


class _Canned(Fetcher):
    """Says what the cloud says, with a key of ours in the place of its own."""

    def __init__(self, tenant: Tenant, key: Mapping[str, object]) -> None:
        self._documents: dict[str, dict[str, object]] = {
            tenant.cloud.metadata: {
                "issuer": tenant.cloud.issuer,
                "jwks_uri": f"{tenant.cloud.authority}/keys",
            },
            f"{tenant.cloud.authority}/keys": {"keys": [dict(key)]},
        }

    def get(self, url: str) -> Answer:
        """Return a document."""
        return Answer(200, self._documents[url], 60)


class Replay:
    """Plays Entra's part and ours, for one tenant at a time."""

    def __init__(self, foundation: Foundation, tokens: UserTokenService) -> None:
        self._f = foundation
        self._tokens = tokens
        self._key = signing_keys.new_key(RS256)

    def run(self, tenant: Tenant, client: Client) -> str:
        """Return the id token that Entra would get; raise `OAuthError` where we refuse."""
        request = self._read(tenant, client, self.hint(tenant))
        challenge = self._satisfied(client, request)
        amr = amr_of(challenge.verified, request.amr_values)
        proven = Proven(client, request, challenge)
        return self._tokens.id_token(proven, acr=request.returned_acr, amr=[amr])

    def is_refused(self, tenant: Tenant, client: Client, **changed: object) -> bool:
        """Tell whether we refuse a hint with other claims."""
        try:
            self._read(tenant, client, self.hint(tenant, **changed))
        except OAuthError:
            return True
        return False

    def hint(self, tenant: Tenant, **changed: object) -> str:
        """Return a hint as Entra makes them: over already."""
        at = self._f.clock.now()
        claims: dict[str, object] = {
            "iss": tenant.issuer,
            "aud": tenant.application_id,
            "tid": tenant.tenant_id,
            "oid": _OBJECT,
            "sub": SUB,
            "iat": at - 300,
            "nbf": at - 300,
            "exp": at - 1,
        }
        return signing_keys.Signer(self._key).sign(claims | changed, typ="JWT")

    def _read(self, tenant: Tenant, client: Client, hint: str) -> AuthorizationRequest:
        signer = signing_keys.Signer(self._key)
        fetcher = _Canned(tenant, {**signer.public_jwk, "kid": signer.kid})
        cloud = tenant.cloud
        source = RemoteIssuer(cloud.issuer, fetcher, self._f.clock, discovery=cloud.metadata)
        wanted = {"acr": {"essential": True, "values": [ACR]}, "amr": {"values": [AMR]}}
        params = {
            "scope": "openid",
            "response_type": "id_token",
            "response_mode": "form_post",
            "client_id": client.id,
            "redirect_uri": cloud.redirect_uri,
            "nonce": NONCE,
            "id_token_hint": hint,
            "claims": json.dumps({"id_token": wanted}),
        }
        try:
            return EntraService(self._f, [KnownTenant(tenant, source)]).read(client, params)
        except RequestRefused as exc:
            raise exc.error from exc

    def _satisfied(self, client: Client, request: AuthorizationRequest) -> Challenge:
        at = self._f.clock.now()
        asked = Asked(
            sub=request.sub,
            client_name=client.name,
            acr_values=(),
            essential=False,
            password_counted=False,
            offers=(),
            seed=jose.b64url(self._f.randomness.bytes(32)),
            display_code="",
        )
        return Challenge(
            id="chl_replayed",
            client_id=client.id,
            user_id="",
            purpose=Purpose.LOGIN,
            status=Status.SATISFIED,
            reason=None,
            created_at=at,
            expires_at=at,
            ended_at=at,
            ended_by=None,
            attempts_left=0,
            push_state=PushState.NONE,
            proofs=(AcceptedProof("totp", "", ("totp",)),),
            auth_time=at,
            asked=asked,
        )
