"""The protocol's addresses: discovery, keys, authorization and token endpoint."""

from collections.abc import Mapping
from dataclasses import replace

from authlib.oauth2 import OAuth2Error
from flask import Flask, abort, jsonify, redirect, request, url_for
from werkzeug.wrappers import Response

from examples.authorization_server.browser import Browser, Flow, Wait
from examples.authorization_server.decision import (
    Grant,
    Progress,
    Refuse,
    SignIn,
    Standing,
    StepUp,
    decide,
)
from examples.authorization_server.provider import ALG, Provider
from examples.authorization_server.service_calls import ServiceProblem
from examples.authorization_server.stepup import Ask, StepUpService
from examples.authorization_server.wanted import LEVELS, InvalidRequestError, wanted_from
from examples.common.expiring import Clock
from examples.common.sessions import Session, Sessions

LONGEST_REQUEST = 8000
LOST = Refuse("server_error", "the sign-in came to no end")


class ProtocolPages:
    """Takes an authorization request through password and step-up to its answer."""

    def __init__(
        self, sessions: Sessions[Browser], provider: Provider, stepup: StepUpService, now: Clock
    ) -> None:
        self._sessions = sessions
        self._provider = provider
        self._stepup = stepup
        self._now = now

    def install(self, app: Flask) -> None:
        """Add the addresses to `app`."""
        app.add_url_rule("/.well-known/openid-configuration", "discovery", self.discovery)
        app.add_url_rule("/jwks.json", "keys", self.keys)
        app.add_url_rule("/token", "token", self.token, methods=["POST"])
        app.add_url_rule("/authorize", "authorize", self.authorize)
        app.add_url_rule("/authorize/<flow_id>", "proceed", self.proceed)

    def discovery(self) -> Response:
        """Return the metadata (OpenID Connect Discovery 3, RFC 9207, RFC 9470 section 7)."""
        issuer = self._provider.issuer
        return jsonify(
            issuer=issuer,
            authorization_endpoint=f"{issuer}/authorize",
            token_endpoint=f"{issuer}/token",
            jwks_uri=f"{issuer}/jwks.json",
            response_types_supported=["code"],
            response_modes_supported=["query"],
            grant_types_supported=self._provider.grant_types,
            subject_types_supported=["public"],
            id_token_signing_alg_values_supported=[ALG],
            token_endpoint_auth_methods_supported=["client_secret_basic", "none"],
            code_challenge_methods_supported=["S256"],
            scopes_supported=self._provider.scopes,
            acr_values_supported=list(LEVELS),
            claims_supported=["sub", "name", "acr", "amr", "auth_time", "tx_hash"],
            claims_parameter_supported=True,
            request_parameter_supported=False,
            request_uri_parameter_supported=False,
            prompt_values_supported=["none", "login"],
            authorization_response_iss_parameter_supported=True,
        )

    def keys(self) -> Response:
        """Return the public keys."""
        answer = jsonify(self._provider.keys.as_dict(private=False))
        answer.headers["Cache-Control"] = "public, max-age=300"
        return answer

    def token(self) -> Response:
        """Answer a token request; credentials belong into the Authorization header alone."""
        if request.args or "client_secret" in request.form:
            answer = jsonify(error="invalid_request")
            answer.status_code = 400
            return answer
        response: Response = self._provider.create_token_response()
        return response

    def authorize(self) -> Response:
        """Take an authorization request, and keep it while the person signs in.

        A wrong client or redirect URI is told to the person, never to the address (RFC 9700 4.11).
        """
        parameters = request.args.to_dict()
        client = self._provider.client(parameters.get("client_id", ""))
        if client is None:
            abort(400, "This application is not known here.")
        if not client.check_redirect_uri(parameters.get("redirect_uri", "")):
            abort(400, "The application named an address that is not registered for it.")
        try:
            flow = self._flow(parameters)
        except InvalidRequestError as error:
            return self._refuse(parameters, Refuse("invalid_request", str(error)))
        except OAuth2Error as error:
            return self._refuse(parameters, Refuse(error.error, error.description or ""))
        self._sessions.current().data.keep(flow)
        return redirect(url_for("proceed", flow_id=flow.id), 303)

    def proceed(self, flow_id: str) -> Response:
        """Do the next thing that a kept request needs; answer the client when there is none."""
        session = self._sessions.current()
        flow = session.data.flows.get(flow_id)
        if flow is None:
            abort(
                404, "This sign-in is no longer open. Go back to the application and start again."
            )
        step = self._step(session, flow)
        if isinstance(step, StepUp) and session.data.standing is not None:
            wait = self._wait(session, flow, session.data.standing)
            if wait is not None:
                return redirect(url_for("stepup", wait_id=wait.id), 303)
            step = self._step(session, flow)
        if isinstance(step, SignIn):
            return redirect(url_for("signin", flow=flow.id), 303)
        session.data.flows.pop(flow.id, None)
        if isinstance(step, Grant):
            return self._provider.granted(flow.parameters, step)
        return self._refuse(flow.parameters, step if isinstance(step, Refuse) else LOST)

    def _flow(self, parameters: dict[str, str]) -> Flow:
        if any(len(values) > 1 for _, values in request.args.lists()):
            raise InvalidRequestError("a parameter is repeated")
        for name in ("request", "request_uri"):
            if name in parameters:
                raise OAuth2Error(error=f"{name}_not_supported")
        if parameters.get("response_type") != "code":
            raise OAuth2Error(error="unsupported_response_type")
        if parameters.get("response_mode", "query") != "query":
            raise InvalidRequestError("the only response_mode is query")
        if len(request.query_string) > LONGEST_REQUEST:
            raise InvalidRequestError("the request is too long")
        self._provider.checked(parameters)
        return Flow(parameters, wanted_from(parameters))

    def _step(self, session: Session[Browser], flow: Flow) -> SignIn | StepUp | Grant | Refuse:
        progress = flow.progress
        wait = session.data.waits.get(flow.wait_id or "")
        if wait is not None and wait.over:
            progress = replace(progress, verified=wait.evidence, refused=wait.refused)
        return decide(flow.wanted, session.data.standing, progress, at=self._now())

    def _wait(self, session: Session[Browser], flow: Flow, standing: Standing) -> Wait | None:
        """Return the flow's open challenge, a new one if need be; nothing if none can be had."""
        known = session.data.waits.get(flow.wait_id or "")
        if known is not None:
            return known
        try:
            opened, state = self._stepup.open(self._ask(flow, standing))
        except ServiceProblem as problem:
            flow.progress = _after(problem, flow)
            return None
        wait = Wait(
            opened, state, "login", url_for("proceed", flow_id=flow.id), flow.wanted.transaction
        )
        flow.wait_id = wait.id
        session.data.keep(wait)
        return wait

    def _ask(self, flow: Flow, standing: Standing) -> Ask:
        name = self._provider.name_of(flow.parameters["client_id"])
        return Ask(
            sub=standing.sub,
            levels=flow.wanted.levels,
            essential=flow.wanted.essential,
            password_at=standing.password_at,
            application=name,
            binding_message=name,
            transaction=flow.wanted.transaction,
            tx_hash=flow.wanted.tx_hash,
            ip=request.remote_addr or "",
            user_agent=request.user_agent.string,
        )

    def _refuse(self, parameters: Mapping[str, str], refusal: Refuse) -> Response:
        return redirect(self._provider.refused(parameters, refusal.error, refusal.text), 303)


def _after(problem: ServiceProblem, flow: Flow) -> Progress:
    """Return what is left when no challenge could be opened: nothing weaker, unless voluntary."""
    if problem.slug == "acr-unattainable":
        if not flow.wanted.essential and flow.wanted.transaction is None:
            return replace(flow.progress, waived=True)
        refusal = Refuse("unmet_authentication_requirements", "no authenticator can reach this acr")
    elif problem.slug == "invalid-request" and flow.wanted.transaction is not None:
        refusal = Refuse("invalid_request", "the transaction cannot be shown to the person")
    else:
        refusal = Refuse("temporarily_unavailable", "the step-up service did not take the request")
    return replace(flow.progress, refused=refusal)
