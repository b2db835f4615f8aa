"""Reading authorization requests: pushed, signed, or with a hint; nothing else starts anything."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from mfa_service import jose
from mfa_service.domain.oauth import (
    AuthorizationRequest,
    Kind,
    OAuthError,
    Prior,
    invalid_request,
)
from mfa_service.domain.subject import Client
from mfa_service.persistence import authorizations

from . import request_parameters as parameters
from .authorizations import NEEDED_SCOPE, RequestRefused
from .client_authentication import ClientAuthentication
from .foundation import Foundation
from .hints import HintService
from .request_objects import AUTHORIZATION_TYPES, RequestObjects
from .request_parameters import LONGEST_NONCE, LONGEST_SUB, Parameters

REQUEST_URI = "urn:ietf:params:oauth:request_uri:"
PUSHED_LIFETIME = 90
_PURPOSE = "pushed_request"


@dataclass(frozen=True, slots=True)
class Pushed:
    """Where a pushed request is kept, and for how many seconds (RFC 9126 §2.2)."""

    request_uri: str = field(repr=False)
    expires_in: int


class FrontChannel:
    """Turns what came into what is asked; raises where no answer may go to the client."""

    def __init__(
        self, foundation: Foundation, clients: ClientAuthentication, hints: HintService
    ) -> None:
        self._f = foundation
        self._clients = clients
        self._hints = hints
        self._objects = RequestObjects(foundation)

    def push(self, client: Client, params: Parameters) -> Pushed:
        """Keep a request that its authenticated client posted, for 90 s and one use.

        It is judged as at the authorization endpoint (RFC 9126 §2.1). Raises `OAuthError`.
        """
        if "request_uri" in params:
            raise invalid_request("A pushed request has no request_uri.")
        try:
            read = self._unpacked(client, params)
            request = self._read(client, read, authentic=True)
        except RequestRefused as exc:
            raise exc.error from exc
        handle = jose.b64url(self._f.randomness.bytes(32))
        hashed = self._f.keyed_hash.of(handle, purpose=_PURPOSE)
        sealed = self._f.secret_box.seal(
            request.to_json(), place=authorizations.pushed_place(hashed)
        )
        until = self._f.clock.now() + PUSHED_LIFETIME
        with self._f.work.transaction() as tx:
            authorizations.push(tx, hashed, client.id, sealed, until=until)
        return Pushed(f"{REQUEST_URI}{handle}", PUSHED_LIFETIME)

    def client_of(self, params: Parameters) -> Client:
        """Return the client that a request names; raise `OAuthError` that stays with us."""
        client = self._clients.find(params.get("client_id", ""))
        if client is None:
            raise OAuthError("invalid_client", "There is no such client.", status=400)
        return client

    def read(self, client: Client, params: Parameters) -> AuthorizationRequest:
        """Return an authentic request.

        Raises `RequestRefused` when the client may be told, else `OAuthError`.
        """
        reference = params.get("request_uri")
        if reference is not None and "request" in params:
            raise invalid_request("A request comes by value or by reference, not by both.")
        if reference is not None:
            return self._pushed(client, reference)
        if client.metadata.require_pushed_authorization_requests:
            target = parameters.target_of(client, params)
            raise RequestRefused(target, invalid_request("This client pushes its requests."))
        signed = "request" in params
        return self._read(client, self._unpacked(client, params), authentic=signed)

    def _pushed(self, client: Client, reference: str) -> AuthorizationRequest:
        """Use up a pushed request: it is bound to its client and good once (RFC 9126 §2.2)."""
        if not reference.startswith(REQUEST_URI):
            raise OAuthError("request_uri_not_supported", "Only pushed requests have one here.")
        hashes = self._f.keyed_hash.every(reference.removeprefix(REQUEST_URI), purpose=_PURPOSE)
        with self._f.work.transaction() as tx:
            row = authorizations.claim_pushed(tx, hashes, client.id, at=self._f.clock.now())
        if row is None:
            raise OAuthError("invalid_request_uri", "It was used, is over, or another client's.")
        place = authorizations.pushed_place(row.handle_hash)
        return AuthorizationRequest.from_json(self._f.secret_box.open(row.request, place=place))

    def _unpacked(self, client: Client, params: Parameters) -> Parameters:
        """Return the parameters of a request object in place of all others (RFC 9101 §6.3)."""
        if "request" not in params:
            return params
        alg = client.metadata.request_object_signing_alg
        try:
            return self._objects.read(client, params["request"], types=AUTHORIZATION_TYPES, alg=alg)
        except OAuthError as exc:
            if params.get("redirect_uri") in client.redirect_uris:
                raise RequestRefused(parameters.target_of(client, params), exc) from exc
            raise

    def _read(self, client: Client, params: Parameters, *, authentic: bool) -> AuthorizationRequest:
        target = parameters.target_of(client, params)
        try:
            if NEEDED_SCOPE not in client.scopes:
                raise OAuthError("unauthorized_client", f"The client lacks {NEEDED_SCOPE}.")
            challenge = parameters.check_code_flow(params)
            wanted = parameters.wanted_of(params)
            sub, prior = self._person(client, params, authentic=authentic)
            return AuthorizationRequest(
                kind=Kind.CODE,
                sub=sub,
                acr_values=wanted.acr_values,
                essential=wanted.essential,
                max_age=parameters.seconds(params, "max_age"),
                prior=prior,
                binding_message=parameters.binding_message(params),
                scopes=parameters.scopes_of(client, params),
                resources=_resources(client, params),
                target=target,
                nonce=parameters.text(params, "nonce", longest=LONGEST_NONCE),
                code_challenge=challenge,
            )
        except OAuthError as exc:
            raise RequestRefused(target, exc) from exc

    def _person(self, client: Client, params: Parameters, *, authentic: bool) -> tuple[str, Prior]:
        """Return who is asked, and what was verified before; raise for what is not authentic."""
        hint, login_hint = params.get("id_token_hint"), params.get("login_hint")
        if (hint is None) is (login_hint is None):
            raise invalid_request("One of login_hint and id_token_hint is needed.")
        if "prior" in params and not authentic:
            raise invalid_request("prior counts in pushed and signed requests only.")
        said = parameters.prior_of(params, at=self._f.clock.now())
        if hint is not None:
            found = self._hints.read(client.realm, hint)
            return found.sub, said if "prior" in params else found.prior
        if not authentic:
            raise invalid_request(
                "A request has to be pushed, signed, or carry the id_token_hint of an issuer"
                " that is trusted here."
            )
        if not login_hint or len(login_hint) > LONGEST_SUB:
            raise invalid_request("login_hint is the subject, 1 to 255 characters.")
        return login_hint, said


def _resources(client: Client, params: Mapping[str, str]) -> tuple[str, ...]:
    """Return the asked resources (RFC 8707); raise `OAuthError` unless they are registered."""
    asked = parameters.words(params, "resource")
    if not set(asked) <= set(client.resources):
        raise OAuthError("invalid_target", "The resource is not registered.")
    return asked
