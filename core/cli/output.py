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

