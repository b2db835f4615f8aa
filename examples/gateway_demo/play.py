"""The steps of the demo in their order."""

from typing import cast as as_type

from examples.demo.cast import Cast
from examples.demo.enrolling import Enrolling
from examples.demo.story import Step
from examples.gateway_demo.calling import Calling
from examples.gateway_demo.stage import GatewayStage


def steps_for(cast: Cast) -> list[Step]:
    """Return all steps: the stage, a program by itself, then a person through an application."""
    stage = as_type(GatewayStage, cast.stage)
    calling, enrolling = Calling(cast, stage), Enrolling(cast)
    return [
        Step("the service starts, with a table of routes", stage.start_service),
        Step("the authorization server is added as a client", stage.add_client),
        Step("the authorization server starts", stage.start_server),
        Step("an API starts that has no authorization code", stage.start_api),
        Step("nginx starts in front of it and asks the gateway", stage.start_proxy),
        Step("without a token nobody gets through", calling.without_token),
        Step("a program with the scope gets through", calling.program),
        Step("without the scope it is told which one it needs", calling.without_scope),
        Step("it cannot say who it is, or where it goes", calling.lies),
        Step("it is disabled, and its live token with it", calling.disabled),
        Step("Alice has a phone: QR code, PIN, check code", enrolling.add_phone),
        Step("with her password she reads her orders", calling.person_reads),
        Step("paying needs more, and the API's challenge says what", calling.step_up_needed),
        Step("she steps up on the hosted page, with phone and PIN", calling.step_up),
        Step("the same call passes", calling.person_pays),
        Step("her id token is no access token", calling.id_token),
        Step("every decision is in the log, and no token is", calling.log),
    ]
