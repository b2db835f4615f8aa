"""CIBA's endpoint, and the code with which people guard themselves against unwanted requests."""

from flask import Request, Response

from mfa_service.domain.subject import Client
from mfa_service.wiring import Services

from .oauth_forms import Form, answer, answered, joined
from .operations import Call, Reply


def authentication_request(services: Services, request: Request) -> Response:
    """Answer `POST /oauth2/bc-authorize` (CIBA Core §7)."""
    return answered(services, request, _asked)


def _asked(services: Services, client: Client, form: Form) -> Response:
    taken = services.protocols.ciba.ask(client, joined(form))
    body = {
        "auth_req_id": taken.auth_req_id,
        "expires_in": taken.expires_in,
        "interval": taken.interval,
        "display_code": taken.display_code,
    }
    return answer(200, body)


def set_user_code(services: Services, call: Call) -> Reply:
    """Set the code that clients have to send before this person is asked."""
    code = call.body["user_code"]
    services.protocols.user_codes.change(call.client(), call.path["user_id"], code)
    return Reply(204)


def remove_user_code(services: Services, call: Call) -> Reply:
    """Let clients ask without a code again."""
    services.protocols.user_codes.change(call.client(), call.path["user_id"], None)
    return Reply(204)
