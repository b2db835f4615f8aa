"""`python -m examples.demo`: play the whole job over HTTP; exit 0 only if all of it held."""

import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from types import FrameType
from typing import NoReturn

import httpx

from examples.demo.browser import BrokenPageError
from examples.demo.cast import cast_for
from examples.demo.play import steps_for
from examples.demo.processes import Processes
from examples.demo.stage import Stage
from examples.demo.story import Deviation, Story

FAULTS = (
    Deviation,
    BrokenPageError,
    httpx.HTTPError,
    subprocess.SubprocessError,
    LookupError,
    ValueError,
    OSError,
)
INTERRUPTED = 130
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def main() -> int:
    """Play all steps and return the exit status; whatever was started is stopped."""
    for number in STOP_SIGNALS:
        signal.signal(number, _interrupt)
    story = Story()
    with tempfile.TemporaryDirectory(prefix="stepup-demo-") as folder:
        path = Path(folder)
        with Processes(path) as processes, cast_for(Stage(path, processes)) as cast:
            steps = steps_for(cast)
            try:
                story.tell(steps)
            except KeyboardInterrupt:
                story.say("Interrupted; everything is stopped.")
                return INTERRUPTED
            except FAULTS as fault:
                story.say(f"\n{type(fault).__name__}: {fault}\n\n{processes.last_words()}")
                return 1
    story.say(f"All {len(steps)} steps held.")
    return 0


def _interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
    """Stop playing once; further signals do not disturb the stopping."""
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
