"""Challenges, for the client that opens them."""

from typing import Any

from mfa_service.domain.errors import InvalidRequest
from mfa_service.services import places
from mfa_service.services.opening import ChallengeRequest
from mfa_service.services.tokens import Caller
from mfa_service.wiring import Services

from . import representations
from .operations import Call, Reply

_FUTURE_SECONDS = 60


def open_challenge(services: Services, call: Call) -> Reply:
    """Ask a subject to prove presence."""
    caller = call.client()
    request = _request(services, caller, call.body)
    opened = services.opening.open(caller.client, request, caller.known)
    location = f"{services.issuer}/v1/challenges/{opened.id}"
    body = representations.challenge(services, caller.client, opened)
    return Reply(201, body, {"Location": location})


def read_challenge(services: Services, call: Call) -> Reply:
    """Return its state, waiting for a change if asked."""
    client, wait = call.client().client, call.query["wait"]
    found = services.challenges.read(client, call.path["challenge_id"], wait=wait)
    code = call.query.get("return_code")
    return Reply(200, representations.challenge(services, client, found, return_code=code))


def answer_challenge(services: Services, call: Call) -> Reply:
    """Answer it with one proof."""
    client = call.client().client
    place = places.api_of(services.foundation, client)
    after = services.answers.answer(client, call.path["challenge_id"], call.body, place=place)
    return Reply(200, representations.challenge(services, client, after))


def webauthn_options(services: Services, call: Call) -> Reply:
    """Give request options for a passkey, good for one answer through this API."""
    client = call.client().client
    found = services.challenges.read(client, call.path["challenge_id"])
    place = places.api_of(services.foundation, client)
    return Reply(200, {"publicKey": services.prompts.issue(found, place)})


def push_again(services: Services, call: Call) -> Reply:
    """Notify the phone once more."""
    client, wanted = call.client().client, call.body.get("authenticator_id")
    found = services.challenges.push_again(client, call.path["challenge_id"], wanted)
    return Reply(202, representations.challenge(services, client, found))


def cancel_challenge(services: Services, call: Call) -> Reply:
    """Cancel it."""
    services.challenges.cancel(call.client().client, call.path["challenge_id"])
    return Reply(204)


def _request(services: Services, caller: Caller, body: dict[str, Any]) -> ChallengeRequest:
    prior, uri = body.get("prior"), body.get("return_uri")
    if prior and prior["auth_time"] > services.foundation.clock.now() + _FUTURE_SECONDS:
        raise InvalidRequest({"prior.auth_time": ["More than 60 s ahead."]})
    if uri is not None and uri not in caller.client.redirect_uris:
        raise InvalidRequest({"return_uri": ["Not registered for this client."]})
    return ChallengeRequest(
        sub=body["sub"],
        acr_values=caller.client.dialect.understood(
            body.get("acr_values", ()), services.settings.levels
        ),
        essential=body["essential"],
        prior_amr=tuple(prior["amr"]) if prior else (),
        prior_auth_time=prior["auth_time"] if prior else None,
        max_age=body["max_age"],
        methods=tuple(body.get("methods", ())),
        binding_message=body.get("binding_message"),
        transaction=body.get("transaction"),
        purpose=body["purpose"],
        context=body.get("context"),
        expires_in=body["expires_in"],
        nonce=body.get("nonce"),
        return_uri=uri,
        state=body.get("state"),
        answer=body.get("answer"),
    )
