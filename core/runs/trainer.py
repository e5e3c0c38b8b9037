"""What a place where runs train has to offer; ``local.py`` is this machine."""

from typing import Protocol

from core.runs.events import Event
from core.runs.run import Run


class Trainer(Protocol):
    """A place where runs train."""

    def submit(self, run: Run) -> None:
        """Have ``run`` trained, from its last checkpoint if it has one. Returns at once.

        Raises:
            WorkbenchError: the run is at work already, or is finished.
        """
        ...

    def events(self, run: Run, after: int = 0) -> tuple[list[Event], int]:
        """The run's events after position ``after``, and the position to go on from."""
        ...

    def stop(self, run: Run) -> None:
        """Ask ``run`` to stop after its current step and keep the best model so far; a waiting one leaves the queue."""
        ...
