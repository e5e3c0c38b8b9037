"""What the commands write, and where: results to standard output, everything else to standard error."""

import json
import sys
from typing import Any


def write_json(value: Any) -> None:
    """One line of JSON on standard output: plain ASCII, so that every pipe and terminal carries it."""
    print(json.dumps(value), flush=True)


def say(text: str = "") -> None:
    """A line for people on standard output."""
    print(printable(text), flush=True)


def note(text: str) -> None:
    """A line for people that is not part of the result."""
    print(printable(text), file=sys.stderr, flush=True)


class Progress:
    """How far a step is that takes its time, on standard error: one line that renews itself on a terminal, and a line
    for every tenth elsewhere. Call it with how much is done and how much there is; it is silent where all is done at
    the first call.

    Args:
        doing: what is going on, such as "Reading the texts".
    """

    def __init__(self, doing: str) -> None:
        self._doing = doing
        self._tenth: int | None = None  # how many tenths were done at the last line

    def __call__(self, done: int, everything: int) -> None:
        if self._tenth is None and done >= everything:
            return
        tenth = 10 * done // everything
        line = f"{self._doing}: {done:,} of {everything:,}"
        if sys.stderr.isatty():
            print(f"\r{line:<79}", end="\n" if done >= everything else "", file=sys.stderr, flush=True)
        elif tenth != self._tenth:
            note(line)
        self._tenth = tenth


def explain(problem: dict[str, Any]) -> None:
    """What happened, why and what to do, on standard error."""
    for name in ("what", "why", "what_to_do"):
        if problem.get(name):
            note(str(problem[name]))


def printable(text: str) -> str:
    """``text`` with everything that a terminal would obey rather than show (escape codes, text direction) made visible.

    Line ends stay; a file's text may hold any of these, and a message may quote it.
    """
    return "".join(
        char if char.isprintable() or char == "\n" else " " if char.isspace() else ascii(char)[1:-1] for char in text
    )

