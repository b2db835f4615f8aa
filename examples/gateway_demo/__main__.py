"""`python -m examples.gateway_demo`: play it over HTTP; exit 0 only if all of it held."""

import sys

from examples.demo.performance import perform
from examples.gateway_demo.play import steps_for
from examples.gateway_demo.stage import GatewayStage

if __name__ == "__main__":
    sys.exit(perform(GatewayStage, steps_for))
