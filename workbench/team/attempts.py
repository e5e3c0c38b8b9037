"""How often somebody may get a password wrong."""

import threading
import time
from collections import deque

#: Within so many seconds ...
WINDOW = 15 * 60
#: ... this many wrong ones are let through: for a name from one address, for one address, for a name from anywhere.
MOST = {"pair": 5, "address": 20, "name": 50}
#: Keys that are remembered at most; the oldest are forgotten first, so that made-up names do not fill the memory.
_KEYS = 10_000


class Attempts:
    """Counts wrong passwords. In memory: a restart forgets them."""

    def __init__(self, clock=time.monotonic):
        self._clock = clock
        self._lock = threading.Lock()
        self._wrong: dict[tuple[str, ...], deque[float]] = {}

    def wait(self, name: str, address: str) -> float:
        """Seconds until another attempt is let through; 0 for at once."""
        now = self._clock()
        with self._lock:
            return max(0.0, *(
                times[-MOST[key[0]]] + WINDOW - now
                for key in _keys(name, address) if len(times := self._wrong.get(key, ())) >= MOST[key[0]]
            ), 0.0)

    def failed(self, name: str, address: str) -> None:
        """Count a wrong one."""
        with self._lock:
            for key in _keys(name, address):
                times = self._wrong.pop(key, None) or deque(maxlen=MOST[key[0]])
                times.append(self._clock())
                self._wrong[key] = times  # at the end: the newest
            while len(self._wrong) > _KEYS:
                self._wrong.pop(next(iter(self._wrong)))

    def succeeded(self, name: str, address: str) -> None:
        """Forget the wrong ones of this name from this address; the right one was counted as well before it was checked."""
        with self._lock:
            pair, *others = _keys(name, address)
            self._wrong.pop(pair, None)
            for key in others:
                if times := self._wrong.get(key):
                    times.pop()


def _keys(name: str, address: str) -> tuple[tuple[str, ...], ...]:
    return ("pair", name, address), ("address", address), ("name", name)
