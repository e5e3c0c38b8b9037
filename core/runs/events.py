"""The worker's event lines: one JSON object a line, appended by the worker, read by everyone else.

The worker writes the same lines to standard output, so what comes back from a log service is read by the same parser.
"""

import json
import math
import re
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TextIO

from core.shapes import EVENT, has_shape

Event = dict[str, Any]


class EventWriter:
    """Appends events to a run's ``events.jsonl`` and mirrors them on a stream."""

    def __init__(self, path: Path, mirror: TextIO | None = None):
        cut_short = _ends_inside_a_line(path)
        self._file = path.open("a", encoding="utf-8")
        self._mirror = mirror
        if cut_short:  # a killed worker's half line must not swallow the first event of this one
            self._file.write("\n")

    def write(self, kind: str, **values: Any) -> Event:
        """Append one event with the time (seconds since 1970); readable by others before this returns.

        A number that JSON cannot hold (not a number, infinite) is written as null.
        """
        event = {"t": round(time.time(), 3), "kind": kind, **values}
        try:
            line = json.dumps(event, ensure_ascii=False, allow_nan=False) + "\n"
        except ValueError:
            event = _finite(event)
            line = json.dumps(event, ensure_ascii=False) + "\n"
        self._file.write(line)
        self._file.flush()
        if self._mirror is not None:
            self._mirror.write(line)
            self._mirror.flush()
        return event


def _ends_inside_a_line(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            file.seek(-1, 2)
            return file.read(1) != b"\n"
    except OSError:  # there is no such file yet, or it is empty
        return False


def _finite(value: Any) -> Any:
    """``value`` with None for every float that JSON cannot hold."""
    if isinstance(value, dict):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def parse_events(lines: Iterable[str]) -> Iterator[Event]:
    """The events among ``lines``; anything else (library output, a line cut short by a crash) is passed over."""
    for line in lines:
        if not line.startswith("{"):
            continue
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if has_shape(event, EVENT):
            yield event


#: How a worker's line about a step begins; of most runs nearly all lines are such.
_STEP = re.compile(r'\{"t": [0-9.]+, "kind": "step", "step": ([0-9]{1,15}),.*\}')


def parse_progress(lines: Iterable[str]) -> Iterator[Event]:
    """As ``parse_events``, but of a step its number alone: many times as fast, for those who ask how far a run is."""
    for line in lines:
        if step := _STEP.fullmatch(line):
            yield {"kind": "step", "step": int(step[1])}
        else:
            yield from parse_events((line,))


def read_events(
    path: Path, after: int = 0, parse: Callable[[Iterable[str]], Iterator[Event]] = parse_events
) -> tuple[list[Event], int]:
    """The events after byte ``after`` of the file, and the byte to go on from: reading on costs only what is new.

    A last line that is still being written is left for the next call.
    """
    try:
        with path.open("rb") as file:
            file.seek(after)
            data = file.read()
    except FileNotFoundError:
        return [], after
    complete = data.rfind(b"\n") + 1
    # Only \n ends a line: str.splitlines would also cut at characters that texts inside an event may hold (U+2028).
    lines = data[:complete].decode("utf-8", errors="replace").split("\n")
    return list(parse(lines)), after + complete
