"""Play a story once: everything it starts is stopped, and the exit status is 0 only if it held."""

import signal
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import NoReturn

import httpx

from examples.demo.browser import BrokenPageError
from examples.demo.cast import Cast, cast_for
from examples.demo.processes import Processes
from examples.demo.stage import Stage
from examples.demo.story import Deviation, Step, Story

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


def perform(stage: Callable[[Path, Processes], Stage], play: Callable[[Cast], list[Step]]) -> int:
    """Play all steps on a new stage and return the exit status; what was started is stopped."""
    for number in STOP_SIGNALS:
        signal.signal(number, _interrupt)
    story = Story()
    with tempfile.TemporaryDirectory(prefix="stepup-demo-") as folder:
        path = Path(folder)
        with Processes(path) as processes, cast_for(stage(path, processes)) as cast:
            steps = play(cast)
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
