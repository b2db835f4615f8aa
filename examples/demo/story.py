"""Tell the demo's progress, one line a step, and notice every deviation."""

import os
import sys
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import TextIO

GREEN, RED, DIM, PLAIN = "\x1b[32m", "\x1b[31m", "\x1b[2m", "\x1b[0m"


class Deviation(Exception):
    """Something was not as promised; the text says what was expected and what was found."""


@dataclass(frozen=True, slots=True)
class Step:
    """A title, and what is done and checked; the lines it returns are told below the title."""

    title: str
    play: Callable[[], Iterable[str]]


class Story:
    """Writes steps to a stream; in colour only on a terminal, and not if `NO_COLOR` is set."""

    def __init__(self, stream: TextIO = sys.stdout) -> None:
        self._stream = stream
        self._colour = stream.isatty() and not os.environ.get("NO_COLOR")

    def tell(self, steps: Collection[Step]) -> None:
        """Play the steps in order; whatever one raises is raised on, after its line says so."""
        width = len(str(len(steps)))
        for number, step in enumerate(steps, start=1):
            self._write(f"[{number:{width}}/{len(steps)}] {step.title} … ")
            began = time.monotonic()
            try:
                lines = tuple(step.play())
            except BaseException:  # said to the reader, and raised again
                self._write(self._in(RED, "FAILED") + "\n")
                raise
            took = self._in(DIM, f"({time.monotonic() - began:.1f} s)")
            self._write(f"{self._in(GREEN, 'ok')} {took}\n")
            self._write("".join(f"{' ' * (2 * width + 4)}{line}\n" for line in lines))

    def say(self, text: str) -> None:
        """Write a line."""
        self._write(f"{text}\n")

    def _in(self, colour: str, text: str) -> str:
        return f"{colour}{text}{PLAIN}" if self._colour else text

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


def expect(what: str, found: object, wanted: object) -> None:
    """Raise `Deviation` unless both are equal."""
    if found != wanted:
        raise Deviation(f"{what}: expected {wanted!r}, found {found!r}")


def expect_in(what: str, part: str, whole: str) -> None:
    """Raise `Deviation` unless `whole` contains `part`."""
    if part not in whole:
        raise Deviation(f"{what}: expected {part!r} in {whole!r}")
