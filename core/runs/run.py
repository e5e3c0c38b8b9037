"""A run: one folder, in which every file has one writer. Its state is derived from what is there, never stored.

    recipe.json      the app, once: recipe, data, versions, target
    train.parquet    the app, once: the rows to train on
    heldout.parquet  the app, once: the rows kept aside (may have no rows)
    queued           the app: there while the run waits for its turn; its time of change is its place in the queue
    launched.json    the app: process id and create time of the newest worker
    stop             the app: asks the worker to stop after this step and keep the best model
    events.jsonl     the worker, append-only
    log.txt          the worker's standard output and error
    checkpoints/     the worker: what it can go on from
    model/           the worker, renamed into place when complete
    report.json      the worker: the held-out verdict
"""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import psutil

from core.errors import WorkbenchError
from core.runs.events import Event, read_events
from core.workspace import Workspace, read_json

State = Literal["queued", "running", "stopping", "stopped", "done", "failed", "interrupted"]

#: A run's id is also its folder's name and part of links: lower-case letters, digits and single dashes.
RUN_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")

ACTIVE: tuple[State, ...] = ("queued", "running", "stopping")
RESUMABLE: tuple[State, ...] = ("interrupted", "failed", "stopped")


@dataclass(frozen=True)
class Status:
    """What is so about a run at one moment.

    Attributes:
        state: one of the seven states.
        pid: the worker's process id while it is alive, else None.
        step, steps: optimizer steps done, and planned (0 while not known).
        last: the newest ``done`` or ``failed`` event, if the newest attempt ended with one.
    """

    state: State
    pid: int | None
    step: int
    steps: int
    last: Event | None


@dataclass(frozen=True)
class Run:
    """A run's folder, with a name for each of its files."""

    folder: Path

    @property
    def id(self) -> str:
        return self.folder.name

    @property
    def recipe_file(self) -> Path:
        return self.folder / "recipe.json"

    @property
    def train_file(self) -> Path:
        return self.folder / "train.parquet"

    @property
    def heldout_file(self) -> Path:
        return self.folder / "heldout.parquet"

    @property
    def queued_file(self) -> Path:
        return self.folder / "queued"

    @property
    def launched_file(self) -> Path:
        return self.folder / "launched.json"

    @property
    def stop_file(self) -> Path:
        return self.folder / "stop"

    @property
    def events_file(self) -> Path:
        return self.folder / "events.jsonl"

    @property
    def log_file(self) -> Path:
        return self.folder / "log.txt"

    @property
    def checkpoints(self) -> Path:
        return self.folder / "checkpoints"

    @property
    def model(self) -> Path:
        return self.folder / "model"

    @property
    def report_file(self) -> Path:
        return self.folder / "report.json"

    def settings(self) -> dict[str, Any]:
        """What ``recipe.json`` holds ({} where it is missing or damaged)."""
        return read_json(self.recipe_file) or {}

    def report(self) -> dict[str, Any] | None:
        """The held-out verdict, or None while there is none."""
        return read_json(self.report_file)

    def events(self, after: int = 0) -> tuple[list[Event], int]:
        """The events after byte ``after``, and the byte to go on from."""
        return read_events(self.events_file, after)

    def log_tail(self, characters: int = 8000) -> str:
        """The end of the worker's output."""
        try:
            with self.log_file.open("rb") as file:
                file.seek(0, 2)
                file.seek(max(0, file.tell() - characters))
                return file.read().decode("utf-8", errors="replace")
        except FileNotFoundError:
            return ""

    def status(self, events: list[Event] | None = None) -> Status:
        """The run's state, derived; give ``events`` (all of them) to save reading them again."""
        events = self.events()[0] if events is None else events
        starts = [index for index, event in enumerate(events) if event["kind"] == "start"]
        attempt = events[starts[-1]:] if starts else []
        launched = read_json(self.launched_file)
        if launched and attempt and attempt[0].get("pid") != launched.get("pid"):
            attempt = []  # the newest worker has not said anything yet: what is there is an older attempt's
        step = max((event.get("step", 0) for event in attempt if event["kind"] in ("start", "step")), default=0)
        steps = next((event["steps"] for event in reversed(events) if event["kind"] == "plan"), 0)
        if self.queued_file.exists():
            return Status("queued", None, step, steps, None)
        last = next((event for event in reversed(attempt) if event["kind"] in ("done", "failed")), None)
        pid = self._alive(launched or (attempt[0] if attempt else None))
        if pid is not None and last is None:
            return Status("stopping" if self.stop_file.exists() else "running", pid, step, steps, None)
        if last is not None and last["kind"] == "done":
            return Status("stopped" if last.get("stopped") else "done", None, step, steps, last)
        if last is not None:
            return Status("failed", None, step, steps, last)
        if not launched and not attempt:
            return Status("stopped", None, step, steps, None)  # taken out of the queue before it began
        return Status("interrupted", None, step, steps, None)

    @staticmethod
    def _alive(named: dict[str, Any] | None) -> int | None:
        """The pid in ``named``, if that very process (same create time) is alive and not a zombie."""
        try:
            process = psutil.Process(int(named["pid"]))
            same = abs(process.create_time() - float(named["created"])) < 2
            return process.pid if same and process.status() != psutil.STATUS_ZOMBIE else None
        except (psutil.Error, KeyError, TypeError, ValueError):
            return None

    def delete(self) -> None:
        """Remove the run with all it holds.

        Raises:
            WorkbenchError: the run is queued or its worker is alive.
        """
        if self.status().state in ACTIVE:
            raise WorkbenchError(f"{self.id} is still at work.", "", "Stop it first, then delete it.")
        shutil.rmtree(self.folder)


def find_run(workspace: Workspace, run_id: str) -> Run:
    """The run called ``run_id``; the id may come from a link, so its form is checked first.

    Raises:
        WorkbenchError: there is no such run in this workspace.
    """
    run = Run(workspace.runs / run_id)
    if not RUN_ID.fullmatch(run_id) or not run.recipe_file.exists():
        raise WorkbenchError(f"There is no run called “{run_id}”.", f"The workspace is {workspace.root}.", "List the runs to see their names.")
    return run


def all_runs(workspace: Workspace) -> list[Run]:
    """Every run of the workspace, newest first."""
    runs = [Run(folder) for folder in workspace.runs.iterdir() if RUN_ID.fullmatch(folder.name)]
    return sorted((run for run in runs if run.recipe_file.exists()), key=lambda run: run.recipe_file.stat().st_mtime, reverse=True)


def new_run_id(workspace: Workspace, name: str) -> str:
    """A free id made of ``name``, e.g. ``bedrock-faq-quick-2``."""
    stem = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40].strip("-") or "run"
    number = 1
    while (workspace.runs / f"{stem}-{number}").exists():
        number += 1
    return f"{stem}-{number}"
