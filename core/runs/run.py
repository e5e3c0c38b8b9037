"""A run: one folder, in which every file has one writer. Its state is derived from what is there, never stored.

    recipe.json      the app, once: recipe, data, versions, target
    train.parquet    the app, once: the rows to train on
    heldout.parquet  the app, once: the rows kept aside (may have no rows)
    queued           the app: there while the run waits for its turn; its time of change is its place in the queue, it holds
                     what launched.json said in ``asked``
    launched.json    the app: process id and create time of the newest worker; written first without them, just before
                     that worker is started, so that an app that dies in between leaves a trace
    stop             the app: asks the worker to stop after this step and keep the best model
    events.jsonl     the worker, append-only
    log.txt          the worker's standard output and error
    job.json         of a run on SageMaker, whoever works on its job (see job.py), which then also writes events.jsonl,
                     log.txt, report.json and model/, as the job's log and its result come in; no worker is here
    checkpoints/     the worker: what it can go on from
    folds.npz        the worker: what the models of the folds made of the texts, see folds.py
    model/           the worker, renamed into place when complete
    report.json      the worker: the held-out verdict
"""

import os
import re
import shutil
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import reduce
from pathlib import Path
from typing import Any, Literal

from core.errors import WorkbenchError
from core.process import alive
from core.runs.events import Event, parse_progress, read_events
from core.runs.following import Follower
from core.shapes import JOB, PROCESS, REPORT, SETTINGS, read_shaped
from core.workspace import Stamp, Workspace, stamp_of, writing

State = Literal["queued", "running", "stopping", "stopped", "done", "failed", "interrupted"]

#: A run's id is also its folder's name and part of links: lower-case letters, digits and single dashes.
RUN_ID = re.compile(r"(?=.{1,80}\Z)[a-z0-9]+(-[a-z0-9]+)*")
#: A worker writes its first event within this many seconds of being started, however loaded the machine is.
START_GRACE = 20

ACTIVE: tuple[State, ...] = ("queued", "running", "stopping")
RESUMABLE: tuple[State, ...] = ("interrupted", "failed", "stopped")

#: Seconds that a worker may need to end after its last event.
_LAST_MOMENTS = 20.0


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


@dataclass
class _Attempt:
    """What the events say about the newest worker that said anything; ``starts``: how many workers did."""

    starts: int = 0
    start: Event | None = None
    step: int = 0
    steps: int = 0
    last: Event | None = None


def _take(attempt: _Attempt, event: Event) -> _Attempt:
    """What is known of the newest attempt after one more event; gives back the same object, changed."""
    match event["kind"]:
        case "step":
            attempt.step = event.get("step", attempt.step)
        case "attempt":
            attempt.last = None
        case "start":
            attempt.starts, attempt.start, attempt.step, attempt.last = attempt.starts + 1, event, event.get("step", 0), None
        case "plan":
            attempt.steps = event.get("steps", 0)
        case "stage" if "before" in event:  # another training of the run begins, or goes on
            attempt.step = event["before"] + event.get("done", 0)
        case "done" | "failed":
            attempt.last = event
    return attempt


#: Of so many runs is remembered what was found last: of more than a workspace has, or each look reads them all again.
_KEPT = 5000
#: The newest attempts of the runs looked at last.
_attempts = Follower(_Attempt, _take, _KEPT, parse_progress)

#: How the files by which a run's state is known were; None for one that is not there.
_Stamps = tuple[Stamp | None, ...]
#: Seconds in which two changes of a file may bear the same time on some disks.
_SAME_TIME = 2.0
#: The runs that are over with no process left, by their folders: nothing but a change of those files changes that.
_settled: dict[str, tuple[_Stamps, "Status"]] = {}


@dataclass(frozen=True)
class Run:
    """A run's folder, with a name for each of its files."""

    folder: Path

    @property
    def id(self) -> str:
        return self.folder.name

    @property
    def workspace(self) -> Workspace:
        """The one that the run lies in."""
        return Workspace(self.folder.parent.parent)

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
    def job_file(self) -> Path:
        return self.folder / "job.json"

    @property
    def stop_file(self) -> Path:
        return self.folder / "stop"

    @property
    def events_file(self) -> Path:
        return self.folder / "events.jsonl"

    def helper_events(self, place: int) -> Path:
        """The events of a process that helps the first one, by its place among them: to tell why it failed."""
        return self.folder / f"events-{place}.jsonl"

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
    def folds_file(self) -> Path:
        return self.folder / "folds.npz"

    @property
    def report_file(self) -> Path:
        return self.folder / "report.json"

    def settings(self) -> dict[str, Any]:
        """What ``recipe.json`` holds ({} where it is missing or damaged)."""
        return read_shaped(self.recipe_file, SETTINGS)

    @property
    def on(self) -> Literal["here", "sagemaker"]:
        """Where it trains; here, where its settings do not say."""
        target = self.settings().get("target")
        return "sagemaker" if isinstance(target, dict) and target.get("on") == "sagemaker" else "here"

    def report(self) -> dict[str, Any] | None:
        """The held-out verdict, or None while there is none."""
        return read_shaped(self.report_file, REPORT) or None

    def launched(self) -> dict[str, Any]:
        """What the app wrote when it started the newest worker: ``pid`` and ``created`` (seconds since 1970), ``asked``
        (when it was about to), ``starts`` (how many workers had spoken before); {} where it never did."""
        return read_shaped(self.launched_file, PROCESS)

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
        """The run's state, derived; give ``events`` (all of them) where they have been read already."""
        if events is not None:
            return self._derived(events)
        stamp = self._stamp()
        if (kept := _settled.get(str(self.folder))) and kept[0] == stamp:
            return kept[1]
        status = self._derived()
        if status.state not in ACTIVE and self.worker() is None:
            newest = max((facts[2] for facts in stamp if facts), default=0) / 1e9
            if _SAME_TIME < time.time() - newest:
                if len(_settled) >= _KEPT:
                    _settled.clear()
                _settled[str(self.folder)] = stamp, status
        return status

    def settled(self) -> bool:
        """Whether the run was found to be over, with no process left, and nothing has changed since: the cheap question."""
        return (kept := _settled.get(str(self.folder))) is not None and kept[0] == self._stamp()

    def _stamp(self) -> _Stamps:
        """What decides the state, besides processes that are alive."""
        folder = str(self.folder)
        return tuple(stamp_of(folder + name) for name in _DECIDING)

    def _derived(self, events: list[Event] | None = None) -> Status:
        attempt = self._attempt() if events is None else reduce(_take, events, _Attempt())
        if job := read_shaped(self.job_file, JOB):
            return self._of_job(job, attempt)
        launched = self.launched()
        start = attempt.start
        # While the newest worker has not said anything, the events are an older one's.
        silent = bool(launched) and attempt.starts <= launched.get("starts", 0)
        last = None if silent else attempt.last
        step, steps = attempt.step, attempt.steps
        pid = alive(launched, self.folder) or (None if silent else alive(start, self.folder))
        starting = silent and "pid" not in launched and abs(time.time() - launched.get("asked", 0)) < START_GRACE
        if (pid is not None or starting) and last is None:
            return Status("stopping" if self.stop_file.exists() else "running", pid, step, steps, None)
        if self._waits(None if silent else launched.get("asked", 0)):
            return Status("queued", None, step, steps, None)
        if last is not None and last["kind"] == "done":
            return Status("stopped" if last.get("stopped") else "done", None, step, steps, last)
        if last is not None:
            return Status("failed", None, step, steps, last)
        if not launched and start is None:
            return Status("stopped", None, step, steps, None)  # taken out of the queue before it began
        return Status("interrupted", None, step, steps, None)

    def _of_job(self, job: dict[str, Any], attempt: _Attempt) -> Status:
        """The state of a run on SageMaker: by what AWS said last, and by whether its data is being sent."""
        step, steps, phase = attempt.step, attempt.steps, job.get("phase")
        if phase == "over":
            if attempt.last is None:
                return Status("stopped", None, step, steps, None)  # before it had begun
            ended: State = "stopped" if attempt.last.get("stopped") else "done"
            return Status("failed" if attempt.last["kind"] == "failed" else ended, None, step, steps, attempt.last)
        starting = abs(time.time() - job.get("asked", 0)) < START_GRACE and not job.get("sender")
        if phase == "sending" and not starting and alive(job.get("sender")) is None:
            return Status("interrupted", None, step, steps, None)
        return Status("stopping" if self.stop_file.exists() else "running", None, step, steps, None)

    def worker(self) -> int | None:
        """The pid of the run's newest worker while that process is alive, even when it has said its last word; None for
        a run that is not on this machine."""
        if self.job_file.exists():
            return None
        return alive(self.launched(), self.folder) or alive(self._attempt().start, self.folder)

    def enqueue(self) -> None:
        """Put the run in the queue. The entry names the newest worker until then, by when it was asked for: which came first
        is known whatever the clock does."""
        self.queued_file.write_text(repr(self.launched().get("asked", 0)), encoding="ascii")

    def _waits(self, since: float | None) -> bool:
        """Whether the run has been put in the queue after ``since``, when the newest worker that spoke was started (None:
        none has).

        An app that died right after starting that worker has left an older entry behind.
        """
        try:
            entry = self.queued_file.read_text(encoding="ascii", errors="replace")
            if since is None or entry == repr(since):
                return True
            return not entry and self.queued_file.stat().st_mtime > since  # an entry from before they named it
        except OSError:
            return False

    def speakers(self) -> int:
        """How many workers have said anything in this run so far: one more for every time it was started."""
        return self._attempt().starts

    def _attempt(self) -> _Attempt:
        return _attempts.look(self.events_file, replace)  # a copy, which nobody changes

    def delete(self) -> None:
        """Remove the run with all it holds.

        Raises:
            WorkbenchError: the run is queued or its worker is alive.
        """
        if self.status().state in ACTIVE:
            raise WorkbenchError(f"{self.id} is still at work.", "", "Stop it first, then delete it.")
        last_moments = time.monotonic() + _LAST_MOMENTS
        while self.worker() is not None:  # it has said its last word, and its process is about to be gone
            if time.monotonic() > last_moments:
                raise WorkbenchError(
                    f"The process of {self.id} has not ended yet.", "", "Wait a moment, then delete it again."
                )
            time.sleep(0.1)
        hidden = self.folder.with_name(f".deleted-{self.id}-{time.time_ns()}")
        with writing(f"{self.id} could not be deleted."):
            os.replace(self.folder, hidden)  # gone at once for every reader, even if removing the files takes a while
        shutil.rmtree(hidden, ignore_errors=True)


#: The files by which the state of a run that is over is known.
_DECIDING = ("/events.jsonl", "/launched.json", "/queued", "/job.json")


def run_called(workspace: Workspace, run_id: str) -> Run | None:
    """The run called ``run_id``, None where there is none of that name."""
    run = Run(workspace.runs / run_id) if RUN_ID.fullmatch(run_id) else None
    return run if run and run.recipe_file.exists() else None


def find_run(workspace: Workspace, run_id: str) -> Run:
    """The run called ``run_id``; the id may come from a link, so its form is checked first.

    Raises:
        WorkbenchError: there is no such run in this workspace.
    """
    run = run_called(workspace, run_id)
    if run is None:
        raise no_run(Run(workspace.runs / run_id))
    return run


def no_run(run: Run) -> WorkbenchError:
    """That there is no such run, or no longer."""
    return WorkbenchError(
        f"There is no run called “{run.id}”.", f"The workspace is {run.workspace.root}.", "List the runs to see their names."
    )


def all_runs(workspace: Workspace) -> list[Run]:
    """Every run of the workspace, newest first. A run whose recipe.json is damaged is among them."""
    dated, names = [], []
    with suppress(FileNotFoundError):  # somebody's workspace that is being made, or removed
        names = os.listdir(workspace.runs)
    for name in names:
        facts = stamp_of(f"{workspace.runs}/{name}/recipe.json") if RUN_ID.fullmatch(name) else None
        if facts is not None:  # else not a run, or deleted a moment ago
            dated.append((facts[2], name))
    dated.sort(key=lambda pair: pair[0], reverse=True)
    return [Run(workspace.runs / name) for _, name in dated]


def trained_runs(workspace: Workspace) -> list[Run]:
    """The runs that have a model, newest first: what can be compared, or started from."""
    return [run for run in all_runs(workspace) if run.model.exists()]


def new_run_id(workspace: Workspace, name: str) -> str:
    """A free id made of ``name``, e.g. ``bedrock-faq-quick-2``."""
    stem = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40].strip("-") or "run"
    number = 1
    while (workspace.runs / f"{stem}-{number}").exists():
        number += 1
    return f"{stem}-{number}"
