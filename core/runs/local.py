"""Runs on this machine: a queue, and one worker at a time as a process of its own that outlives the app.

Nothing is remembered here between calls: what waits, what runs and what is over can be read off the run folders, so any
number of apps and command lines can look after the same workspace.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import filelock

from core.errors import WorkbenchError
from core.lock import held
from core.process import name_process
from core.runs import line
from core.runs.create import create_run, pairs_of
from core.runs.events import Event
from core.runs.explain import kernel_kills
from core.runs.run import ACTIVE, Run, all_runs
from core.runs.spare import SpareWorker
from core.workspace import PERSON, Workspace, write_json, writing

REPOSITORY = Path(__file__).resolve().parents[2]

#: The worker program; the run's folder comes after it.
WORKER = (sys.executable, "-m", "core.training")

#: glibc hands big tensors back to the system after every step unless told to keep them (5 to 25 % of a step's time).
KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(2**30), "MALLOC_TRIM_THRESHOLD_": str(2**32)}


class LocalTrainer:
    """Trains the runs of one workspace on this machine, one after another.

    Args:
        command: the worker program, to which the run's folder is added.
    """

    def __init__(self, workspace: Workspace, command: Sequence[str] = WORKER):
        self.workspace = workspace
        self._command = tuple(command)
        shared = workspace.house != workspace.root
        self._lock = filelock.FileLock((workspace.house if shared else workspace.runs) / ".launch.lock")
        self._children: list[subprocess.Popen[Any]] = []
        self._spare = SpareWorker(self._command)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Nobody else starts or stops runs of this workspace, or of those that share the machine with it, meanwhile."""
        with held(self._lock, "The runs of this workspace are"), writing("The run could not be changed."):
            yield

    def submit(self, run: Run) -> None:
        """Put ``run``, new or one that did not finish, at the end of the queue.

        ``launch_next`` starts it when its turn comes; it goes on from its last checkpoint if it has one.

        Raises:
            WorkbenchError: the run is queued or at work already, or is finished.
        """
        with self._alone():
            state = run.status().state
            if state in ACTIVE:
                raise WorkbenchError(f"{run.id} is still at work.", "", "Wait for it to end, or stop it.")
            if state == "done":
                raise WorkbenchError(
                    f"{run.id} is finished.", "A finished run cannot go on.", "Start a new one from its settings."
                )
            run.enqueue()

    def queue(self) -> list[Run]:
        """This workspace's runs that wait for their turn, the next one first."""
        return [run for _, run in line.waiting(self.workspace)]

    def at_work(self) -> Run | None:
        """The run of this workspace whose worker is alive, if there is one."""
        return next((run for run in all_runs(self.workspace) if line.occupied(run)), None)

    def launch_next(self) -> Run | None:
        """Start the next waiting run if no other is at work; safe to call from anywhere, as often as wanted.

        Returns:
            The run that was started, or None. Where several people share the machine it may be another's: while one of
            this workspace waits, this moves the line of all.

        Raises:
            WorkbenchError: the system could not start the worker; the run has left the queue.
        """
        self._children = [child for child in self._children if child.poll() is None]  # no zombies
        if not self.queue():  # the usual case costs no lock
            return None
        with self._alone():
            waiting = line.in_order(self.workspace)
            if not waiting or line.at_work(self.workspace) is not None:
                return None
            owner, run = waiting[0]
            line.took_turn(owner)  # first: a run that cannot be started must not have every turn
            self._launch(run, owner)
            return run

    def _launch(self, run: Run, owner: Workspace) -> None:
        """Start the worker. The order of the files is such that dying anywhere in here leaves a run that is running,
        queued or interrupted, and never two workers."""
        about = {"asked": time.time(), "starts": run.speakers(), "kernel_kills": kernel_kills()}
        run.stop_file.unlink(missing_ok=True)
        write_json(run.launched_file, about)
        try:
            with run.log_file.open("ab") as log:
                child = self._spare.take(run.folder) or subprocess.Popen(
                    [*self._command, str(run.folder)], cwd=REPOSITORY, env=_environment(owner), start_new_session=True,
                    stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                )
        except OSError as error:
            run.launched_file.unlink(missing_ok=True)
            run.queued_file.unlink(missing_ok=True)
            raise WorkbenchError(
                f"{run.id} could not be started.", f"The system says: {error.strerror or error}.",
                "Close other programs or make room on the disk, then resume the run.",
            ) from error
        self._children.append(child)
        write_json(run.launched_file, {**about, **name_process(child.pid)})
        run.queued_file.unlink(missing_ok=True)

    def prepare(self) -> None:
        """Start the next run's worker ahead, unless one waits or a run is at work: it loads its libraries meanwhile.

        Not where people share the machine: each of them would have one, and it takes half a gigabyte.
        """
        if self.workspace.house == self.workspace.root and not self._spare.waits and self.at_work() is None:
            self._spare.start(REPOSITORY, _environment(self.workspace))

    def stop(self, run: Run) -> None:
        """Take a waiting run out of the queue; ask a running one to stop after this step and keep its best model.

        Does nothing to a run that is over.
        """
        with self._alone():
            state = run.status().state
            if state == "queued":
                run.queued_file.unlink(missing_ok=True)
            elif state == "running":
                run.stop_file.touch()

    #: Going on with an interrupted, failed or stopped run is waiting for another turn.
    resume = submit

    def events(self, run: Run, after: int = 0) -> tuple[list[Event], int]:
        """The run's events after byte ``after``, and the byte to go on from."""
        return run.events(after)

    def restart_with(self, run: Run, changes: dict[str, Any]) -> Run:
        """A new, queued run like ``run`` (same rows, same settings) but for ``changes`` to its recipe.

        Raises:
            WorkbenchError: a change is not allowed, or the old run's files are damaged.
        """
        settings = run.settings()  # before the pairs, which say so when the run is gone
        pairs, recipe, groups = pairs_of(run, changes)
        fresh = create_run(
            self.workspace, pairs, recipe, name=settings["name"], source=settings["source"], near_duplicates=groups
        )
        self.submit(fresh)
        return fresh


def _environment(owner: Workspace) -> dict[str, str]:
    """What the worker finds in its environment; it may be started by another's app."""
    path = os.pathsep.join(part for part in (str(REPOSITORY), os.environ.get("PYTHONPATH")) if part)
    whose = {PERSON: owner.root.name} if owner.house != owner.root else {}
    return {**KEEP_MEMORY, **os.environ, **whose, "PYTHONPATH": path, "PYTHONFAULTHANDLER": "1"}
