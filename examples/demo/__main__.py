"""`python -m examples.demo`: play the whole job over HTTP; exit 0 only if all of it held."""

import sys

from examples.demo.performance import perform
from examples.demo.play import steps_for
from examples.demo.stage import Stage

if __name__ == "__main__":
    sys.exit(perform(Stage, steps_for))
