"""Looking at all questions of a large set on a page's behalf: it goes on when the page is closed, and every page sees how
far it is."""

import logging
import threading
import time
from dataclasses import dataclass, field

from core.errors import WorkbenchError
from core.models import BASE_MODEL, resolve
from core.pairs.near import look_at_all
from core.pairs.store import StoredSet
from core.workspace import Workspace

log = logging.getLogger(__name__)

#: Until this much of a stage is done nobody can say how long the rest takes.
_TOO_EARLY = 0.02


class Stopped(Exception):
    """Somebody has asked to stop."""


@dataclass
class Look:
    """How far the questions of a set are.

    Attributes:
        stage: "waiting" for the libraries or another set, then "reading" the questions, then "comparing" each with each, then
            "done", "stopped" or "failed".
        done, total: questions, in this stage.
        trouble: why it failed.
    """

    stage: str = "waiting"
    done: int = 0
    total: int = 0
    trouble: WorkbenchError | None = None
    began: float = field(default_factory=time.monotonic)
    stop: threading.Event = field(default_factory=threading.Event)

    @property
    def at_work(self) -> bool:
        return self.stage in ("waiting", "reading", "comparing")

    @property
    def seconds_left(self) -> float | None:
        """Of this stage; None while that cannot be told."""
        share = self.done / self.total if self.total else 0.0
        return (time.monotonic() - self.began) * (1 - share) / share if share >= _TOO_EARLY else None

    def progress(self, stage: str, done: int, total: int) -> None:
        """Note how far it is.

        Raises:
            Stopped: somebody has asked for that.
        """
        if self.stop.is_set():
            raise Stopped
        if stage != self.stage:
            self.began = time.monotonic()
        self.stage, self.done, self.total = stage, done, total


class Looking:
    """What goes on in the sets of a workspace, for as long as the server runs; one set at a time."""

    def __init__(self, workspace: Workspace):
        self._workspace = workspace
        self._looks: dict[str, Look] = {}
        self._changing, self._turn = threading.Lock(), threading.Lock()

    def look(self, set_id: str) -> Look | None:
        """How far the set is; None where nobody has asked since the server started."""
        return self._looks.get(set_id)

    def begin(self, stored: StoredSet) -> None:
        """Look at all questions of the set in a thread, unless that goes on already."""
        with self._changing:
            known = self._looks.get(stored.id)
            if known is not None and known.at_work:
                return
            look = self._looks[stored.id] = Look()
        threading.Thread(target=self._work, args=(stored, look), name=f"questions of {stored.id}", daemon=True).start()

    def _work(self, stored: StoredSet, look: Look) -> None:
        try:
            with self._turn:
                look_at_all(stored, resolve(BASE_MODEL, self._workspace), self._workspace, look.progress)
            look.stage = "done"
        except Stopped:
            look.stage = "stopped"
        except WorkbenchError as error:
            look.trouble, look.stage = error, "failed"
        except Exception:  # the page must not wait for ever
            log.exception("The questions of %s could not be compared.", stored.id)
            look.trouble = WorkbenchError("The questions could not be compared.", "The program's own log says why.", "Try again.")
            look.stage = "failed"
