"""The state of every run, worked out once for all pages that are open."""

import threading
import time

from core.runs.run import Run, Status, all_runs
from core.workspace import Workspace

#: What was worked out is good for so many times as long as that took: looking takes a tenth of a processor at most, however
#: many runs and pages there are. For a few runs that is no time at all.
_GOOD_FOR = 10.0


class RunStates:
    """The runs of a workspace, newest first, each with its state. May be used by several threads."""

    def __init__(self, workspace: Workspace):
        self._workspace = workspace
        self._lock = threading.Lock()
        self._known: list[tuple[Run, Status]] = []
        self._until = 0.0

    def look(self) -> list[tuple[Run, Status]]:
        """All runs as they are, or were a moment ago where there are very many."""
        with self._lock:
            began = time.monotonic()
            if began >= self._until:
                self._known = [(run, run.status()) for run in all_runs(self._workspace)]
                ended = time.monotonic()
                self._until = ended + _GOOD_FOR * (ended - began)
            return self._known
