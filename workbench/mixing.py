"""Asking the mixes of runs on a page's behalf: it goes on when the page is closed, and every page sees how far it is."""

import logging
import threading
from dataclasses import dataclass

from core.blending import SHARES, Curve, trade_off
from core.errors import WorkbenchError
from core.runs.run import Run
from core.workspace import Workspace

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Asked:
    """How far the mixes of a run are: neither ``curve`` nor ``trouble`` while they are being asked.

    Attributes:
        done, total: how many mixes have been asked, and how many there are.
    """

    done: int = 0
    total: int = len(SHARES)
    curve: Curve | None = None
    trouble: WorkbenchError | None = None

    @property
    def at_work(self) -> bool:
        return self.curve is None and self.trouble is None


class Mixing:
    """What is known of the mixes of each run, for as long as the server runs. One run's are asked at a time."""

    def __init__(self, workspace: Workspace):
        self._workspace = workspace
        self._asked: dict[tuple, Asked] = {}
        self._changing, self._turn = threading.Lock(), threading.Lock()

    def look(self, run: Run | None) -> Asked | None:
        """How far the run's mixes are; None where nobody has asked them."""
        return self._asked.get(_key(run)) if run else None

    def begin(self, run: Run) -> None:
        """Ask the run's mixes in a thread, unless they are being asked or their curve is known."""
        key = _key(run)
        with self._changing:
            known = self._asked.get(key)
            if known is not None and known.trouble is None:
                return
            self._asked[key] = Asked()
        threading.Thread(target=self._ask, args=(run, key), name=f"mixes of {run.id}", daemon=True).start()

    def _ask(self, run: Run, key: tuple) -> None:
        def progress(done: int, total: int) -> None:
            self._asked[key] = Asked(done, total)

        try:
            with self._turn:
                curve = trade_off(run, self._workspace, progress)
            self._asked[key] = Asked(len(curve.points), len(curve.points), curve)
        except WorkbenchError as error:
            self._asked[key] = Asked(trouble=error)
        except Exception:  # the page must not wait for ever
            log.exception("The mixes of %s could not be asked.", run.id)
            self._asked[key] = Asked(trouble=WorkbenchError(
                "The mixes could not be asked.", "The program's own log says why.", "Try again."
            ))


def _key(run: Run) -> tuple:
    """A run that was deleted may leave its name to another."""
    return run.id, run.settings().get("created")
