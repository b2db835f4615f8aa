"""Microsoft Entra's external authentication method: its request, authenticated by its hint.

Microsoft Learn, "External multifactor authentication method provider reference"; contract
section 10.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TypeGuard

from mfa_service import jose
from mfa_service.domain import entra
from mfa_service.domain.oauth import (
    AuthorizationRequest,
    Kind,
    OAuthError,
    ResponseMode,
    Target,
    invalid_request,
)
from mfa_service.domain.subject import Client
from mfa_service.domain.text import misleads

from . import request_parameters as parameters
from .authorizations import NEEDED_SCOPE, RequestRefused
from .foundation import Foundation
from .hints import HINT_TYPES, IssuerKeys, check_age, hint_refused, unverified_issuer
from .request_parameters import LONGEST_NONCE, LONGEST_SUB, Parameters


@dataclass(frozen=True, slots=True)
class KnownTenant:
    """A tenant of the settings, and whose keys sign its hints."""

    tenant: entra.Tenant
    source: IssuerKeys = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Person:
    """Whom a hint is about: bound to tenant and object, known to Entra by `sub`."""

    sub: str
    returned_sub: str
    shown_name: str | None


class EntraService:
    """Reads the requests of the configured tenants."""

    def __init__(self, foundation: Foundation, tenants: Sequence[KnownTenant]) -> None:
        self._f = foundation
        self._tenants = {(known.tenant.client_id, known.tenant.issuer): known for known in tenants}
        self._clients = frozenset(known.tenant.client_id for known in tenants)

    @property
    def offered(self) -> bool:
        """Whether there is any tenant."""
        return bool(self._clients)

    def serves(self, client: Client) -> bool:
        """Tell whether a client is Entra's: it gets id tokens by this flow, and no other."""
        return client.id in self._clients

    def read(self, client: Client, params: Parameters) -> AuthorizationRequest:
        """Return an authentic request; its `amr_values` are those that we can answer with.

        Raises `RequestRefused` when Entra may be told, else `OAuthError`; other parameters than
        those of the reference are ignored.
        """
        target = parameters.target_of(client, params)
        target = replace(target, response_mode=ResponseMode.FORM_POST)
        try:
            return self._read(client, params, target)
        except OAuthError as exc:
            raise RequestRefused(target, exc) from exc

    def _read(self, client: Client, params: Parameters, target: Target) -> AuthorizationRequest:
        if NEEDED_SCOPE not in client.scopes:
            raise OAuthError("unauthorized_client", f"The client lacks {NEEDED_SCOPE}.")
        if params.get("response_type") != "id_token":
            raise OAuthError("unsupported_response_type", "Entra's flow yields an id_token.")
        if params.get("response_mode") != ResponseMode.FORM_POST:
            raise invalid_request("The response mode is form_post.")
        if "openid" not in parameters.words(params, "scope"):
            raise OAuthError("invalid_scope", "The scope has to contain openid.")
        nonce = parameters.text(params, "nonce", longest=LONGEST_NONCE)
        if nonce is None:
            raise invalid_request("nonce is needed.")
        wanted = parameters.wanted_of(params)
        person = self._person(client, params, target)
        acr, amr = entra.acr_of(wanted.acr_values), entra.countable(wanted.amr_values)
        if acr is None or not amr:
            raise OAuthError("access_denied", "Nothing that we verify is of the asked kind.")
        return AuthorizationRequest(
            kind=Kind.ID_TOKEN,
            sub=person.sub,
            returned_sub=person.returned_sub,
            returned_acr=acr,
            shown_name=person.shown_name,
            amr_values=amr,
            scopes=("openid",),
            target=target,
            nonce=nonce,
        )

    def _person(self, client: Client, params: Parameters, target: Target) -> _Person:
        """Return whom the hint is about; raise `OAuthError` for one that does not hold.

        Entra issues hints that are over already: their age since `iat` counts, and `exp` does not.
        """
        token = params.get("id_token_hint")
        if token is None:
            raise invalid_request("id_token_hint is needed.")
        try:
            known = self._tenants.get((client.id, unverified_issuer(token)))
            if known is None:
                raise jose.JoseError("iss")
            jws = self._verified(known, token)
            sub, name = f"{jws.text('tid')}.{jws.text('oid')}", jws.claims.get("preferred_username")
            person = _Person(sub, jws.text("sub"), name if _is_shown(name) else None)
            if max(len(person.sub), len(person.returned_sub)) > LONGEST_SUB:
                raise jose.JoseError("sub")
        except jose.JoseError as exc:
            raise hint_refused() from exc
        if target.redirect_uri != known.tenant.cloud.redirect_uri:
            raise invalid_request("The redirect_uri is not that of the tenant's cloud.")
        return person

    def _verified(self, known: KnownTenant, token: str) -> jose.Jws:
        jws = known.source.signed(token, HINT_TYPES)
        if jws.text("iss") != known.tenant.issuer or jws.text("tid") != known.tenant.tenant_id:
            raise jose.JoseError("tid")
        if jws.claims.get("aud") not in (
            known.tenant.application_id,
            [known.tenant.application_id],
        ):
            raise jose.JoseError("aud")
        check_age(jws, at=self._f.clock.now())
        return jws


def _is_shown(name: object) -> TypeGuard[str]:
    """Tell whether it is a text that people may be shown, and no misleading one."""
    return isinstance(name, str) and 0 < len(name) <= LONGEST_SUB and not misleads(name)
