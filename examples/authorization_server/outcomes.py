"""How a challenge ended, judged once: only a verified result token counts as success."""

import logging
from dataclasses import replace

from examples.authorization_server.browser import Browser, Wait
from examples.authorization_server.decision import Refuse
from examples.authorization_server.stepup import State, StepUpService
from examples.common.remote_keys import BadTokenError

REFUSALS = {
    "user_denied": Refuse("access_denied", "the person refused"),
    "fraud_reported": Refuse("access_denied", "the person reported the request as fraud"),
    "expired": Refuse("login_required", "the request expired before it was answered"),
    "cancelled": Refuse("access_denied", "the person cancelled"),
    "attempts_exhausted": Refuse("unmet_authentication_requirements", "too many wrong answers"),
    "unmet_authentication_requirements": Refuse(
        "unmet_authentication_requirements", "the answer does not reach the level"
    ),
}
log = logging.getLogger(__name__)


class Outcomes:
    """Moves what a browser waits for to its outcome."""

    def __init__(self, stepup: StepUpService) -> None:
        self._stepup = stepup

    def settle(self, browser: Browser, wait: Wait, state: State) -> None:
        """Note the state and, when the challenge has ended, what became of it."""
        with wait.lock:
            if wait.over:
                return
            wait.state = state
            if state.status == "satisfied":
                self._accept(browser, wait, state)
            elif state.status != "pending":
                wait.refused = REFUSALS.get(state.reason or state.status) or Refuse(
                    "access_denied", "the request ended"
                )

    def _accept(self, browser: Browser, wait: Wait, state: State) -> None:
        try:
            evidence = self._stepup.evidence(wait.opened, state)
        except BadTokenError as error:
            log.error("a result was not believed: %s", error)  # noqa: TRY400
            wait.refused = Refuse("server_error", "the result of the step-up could not be verified")
            return
        wait.evidence = evidence
        standing = browser.standing
        if standing is not None and standing.sub == evidence.sub and wait.purpose == "login":
            browser.standing = replace(standing, evidence=evidence)
