"""What the events of a file add up to, kept in memory: looking again costs only what was written since."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from core.runs.events import Event, parse_events, read_events

State = TypeVar("State")
Seen = TypeVar("Seen")

#: So many bytes before the place to go on from are compared: others there mean that the file was written anew.
_COMPARED = 200


@dataclass
class _Followed(Generic[State]):
    """One file: what its first ``after`` bytes add up to, their last few, and how the file was when it was read."""

    state: State
    after: int = 0
    tail: bytes = b""
    stamp: tuple[int, int, int] | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


class Follower(Generic[State]):
    """The states of the files looked at last. Thread-safe.

    Args:
        begin: the state before any event.
        take: the state after one more event; it may change and give back the one it was given.
        kept: of so many files.
        parse: how lines become events.
    """

    def __init__(
        self, begin: Callable[[], State], take: Callable[[State, Event], State], kept: int,
        parse: Callable[[Iterable[str]], Iterator[Event]] = parse_events,
    ):
        self._begin, self._take, self._kept, self._parse = begin, take, kept, parse
        self._files: OrderedDict[Path, _Followed[State]] = OrderedDict()
        self._lock = threading.Lock()

    def look(self, path: Path, see: Callable[[State], Seen]) -> Seen:
        """``see`` of the state after all events of the file (none where it is missing); nobody changes it meanwhile."""
        with self._lock:
            one = self._files.setdefault(path, _Followed(self._begin()))
            self._files.move_to_end(path)
            while len(self._files) > self._kept:
                self._files.popitem(last=False)
        with one.lock:
            self._read_on(one, path)
            return see(one.state)

    def _read_on(self, one: _Followed[State], path: Path) -> None:
        try:
            facts = path.stat()
            stamp = (facts.st_ino, facts.st_size, facts.st_mtime_ns)
            if stamp == one.stamp:
                return
            with path.open("rb") as file:
                file.seek(one.after - len(one.tail))
                same = file.read(len(one.tail)) == one.tail
                if not same:
                    one.state, one.after = self._begin(), 0
                events, one.after = read_events(path, one.after, self._parse)
                file.seek(max(0, one.after - _COMPARED))
                one.tail = file.read(min(one.after, _COMPARED))
        except OSError:  # not there yet, or no more
            one.state, one.after, one.tail, one.stamp = self._begin(), 0, b"", None
            return
        for event in events:
            one.state = self._take(one.state, event)
        one.stamp = stamp
