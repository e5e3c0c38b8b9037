"""Runs on Amazon SageMaker: each is a training job that goes on whatever happens to this machine.

What is known of a job is in its run's folder, so any number of apps and command lines can look after the same workspace;
``refresh`` brings it up to date, and is to be called every second or so while runs are at work.
"""

import contextlib
import logging
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

from core.aws import buckets, logs, training
from core.aws.account import Account
from core.aws.names import training_job_name
from core.errors import WorkbenchError
from core.runs.adopting import adopt
from core.runs.events import Event
from core.runs.job import Record, only_one, read_record, save, sender_is_alive, tell
from core.runs.looking import finish, look
from core.runs.run import ACTIVE, Run, all_runs
from core.runs.target import target_of
from core.workspace import Workspace

log = logging.getLogger(__name__)

REPOSITORY = Path(__file__).resolve().parents[2]
#: Seconds to wait for a program that works on the same job, and between two tries to fetch a model.
_PATIENCE, _AGAIN = 10.0, 20.0


class SageMakerTrainer:
    """Trains the runs of one workspace in one account. May be used by several threads.

    Attributes:
        account: where.
    """

    def __init__(self, workspace: Workspace, account: Account):
        self.workspace = workspace
        self.account = account
        self._children: list[subprocess.Popen[bytes]] = []
        self._fetching: dict[str, threading.Thread] = {}
        self._not_before: dict[str, float] = {}
        self._known: set[str] = set()

    def submit(self, run: Run) -> None:
        """Have ``run`` trained, from its last checkpoint if it has one. Returns at once: a process of its own sends the
        data and asks SageMaker for the job.

        Raises:
            WorkbenchError: the run is at work already, or is finished.
        """
        with only_one(run, _PATIENCE) as alone:
            state = run.status().state
            if not alone or state in ACTIVE:
                raise WorkbenchError(f"{run.id} is still at work.", "", "Wait for it to end, or stop it.")
            if state == "done":
                raise WorkbenchError(
                    f"{run.id} is finished.", "A finished run cannot go on.", "Start a new one from its settings."
                )
            self._require_here(run)
            record = self._next_attempt(run)
            run.stop_file.unlink(missing_ok=True)
            tell(run, record, "attempt", attempt=record.attempt, on="sagemaker")
        self._send(run)

    #: Going on is a new job that begins at the last checkpoint.
    resume = submit

    def _next_attempt(self, run: Run) -> Record:
        """The record of a job that is about to be asked for."""
        target, old = target_of(run), read_record(run)
        connection = self.account.connection
        # The name of a job that was never there can be used; that of one that was there cannot.
        attempt = 1 if old is None else old.attempt + bool(old.status)
        created = run.settings().get("created")
        owner = f"{self.account.owner}\n{created}"  # two workspaces may have runs of the same id
        name = training_job_name(run.id, owner, attempt)
        names = [*(old.names if old else []), name]
        return Record(
            name=name, attempt=attempt, names=list(dict.fromkeys(names)),
            folder=old.folder if old else f"s3://{self.account.bucket}/{buckets.TRAINING}{name}/",
            profile=connection.profile, region=connection.region, role=self.account.role, bucket=self.account.bucket,
            instance_type=target.instance_type, instance_count=target.instance_count, spot=target.spot,
            keep_warm_seconds=60 * target.keep_warm_minutes, asked=time.time(), since=time.time(),
            events_bytes=_size(run.events_file), log_bytes=_size(run.log_file),
        )

    def _send(self, run: Run) -> None:
        """Start the process that sends the run; where the system refuses, the run has failed and says so."""
        self._children = [child for child in self._children if child.poll() is None]  # no zombies
        path = os.pathsep.join(part for part in (str(REPOSITORY), os.environ.get("PYTHONPATH")) if part)
        try:
            with (run.folder / "sending.txt").open("ab") as output:
                self._children.append(subprocess.Popen(
                    [sys.executable, "-m", "core.runs.sending", str(run.folder)], cwd=REPOSITORY,
                    env={**os.environ, "PYTHONPATH": path}, start_new_session=True, stdin=subprocess.DEVNULL,
                    stdout=output, stderr=subprocess.STDOUT,
                ))
        except OSError as error:
            raise WorkbenchError(
                f"{run.id} could not be started.", f"The system says: {error.strerror or error}.",
                "Close other programs or make room on the disk, then resume the run.",
            ) from error

    def events(self, run: Run, after: int = 0) -> tuple[list[Event], int]:
        """The run's events after byte ``after``, and the byte to go on from."""
        return run.events(after)

    def stop(self, run: Run) -> None:
        """Ask ``run`` to stop after its current step and keep the best model so far; one whose job is not there yet is
        not started. Does nothing to a run that is over.

        Raises:
            AwsError: AWS cannot be asked now; ``refresh`` asks again.
        """
        if run.status().state not in ("running", "stopping"):
            return
        self._require_here(run)
        run.stop_file.touch()
        with only_one(run, 0) as alone:
            record = read_record(run)
            if not alone or record is None:
                return  # whoever works on it sees the file
            if record.phase == "sending" and not sender_is_alive(record) and time.time() - record.asked > _AGAIN:
                record.phase, record.words = "over", "Stopped before it was started; it has cost nothing."
                save(run, record)
            elif record.phase in ("creating", "created"):
                training.stop(self.account.connection, record.name)

    def refresh(self) -> None:
        """Look after every run of the workspace that is at work in this account. What AWS does not answer is kept as the
        run's ``trouble``; models are fetched by another thread."""
        self._children = [child for child in self._children if child.poll() is None]
        for run in all_runs(self.workspace):
            record = read_record(run)
            if record is None or record.phase in ("sending", "over") or not self._is_here(record):
                continue
            with only_one(run, 0) as alone:
                if alone and self._look(run):
                    self._fetch(run)

    def _is_here(self, record: Record) -> bool:
        """Whether the job is in the connected account and region; another bucket may have been chosen meanwhile."""
        connection = self.account.connection
        return record.region == connection.region and f"::{connection.identity().account}:" in record.role

    def _require_here(self, run: Run) -> None:
        """Refuse a run whose job belongs to another account or region than the one that is connected."""
        record = read_record(run)
        if record is not None and not self._is_here(record):
            raise WorkbenchError(
                f"{run.id} trains elsewhere.", f"Its region is {record.region} and its role {record.role}.",
                "Connect to that account and region, then try again.",
            )

    def _look(self, run: Run) -> bool:
        try:
            return look(run, self.account.connection)
        except WorkbenchError as error:
            record = read_record(run)
            if record is not None and record.trouble != error.as_dict():
                record.trouble = error.as_dict()
                save(run, record)
            return False

    def _fetch(self, run: Run) -> None:
        """Start the thread that fetches the run's model, unless there is one, or the last one has just failed."""
        thread = self._fetching.get(run.id)
        if (thread and thread.is_alive()) or time.monotonic() < self._not_before.get(run.id, 0):
            return

        def fetch() -> None:
            with only_one(run, _PATIENCE) as alone:
                if not alone:
                    return
                try:
                    finish(run, self.account.connection)
                except Exception as error:
                    self._not_before[run.id] = time.monotonic() + _AGAIN
                    if not isinstance(error, WorkbenchError):
                        log.exception("The model of %s could not be fetched.", run.id)
                        error = WorkbenchError(f"The model of {run.id} could not be fetched.", str(error)[:300], "")
                    record = read_record(run)
                    if record is not None:
                        record.trouble = error.as_dict()
                        save(run, record)

        self._fetching[run.id] = threading.Thread(target=fetch, name=f"fetch {run.id}", daemon=True)
        self._fetching[run.id].start()

    def adopt(self) -> list[Run]:
        """Make the runs here whose jobs this account's owner has started from another workspace: those that are at work,
        and those that ended within the last days. ``refresh`` then follows them like its own.

        Raises:
            AwsError: AWS refuses, or cannot be reached.
        """
        return adopt(self.workspace, self.account, self._known)

    def delete(self, run: Run) -> None:
        """Delete the run with all that belongs to it: what is on S3, the job's log, what is kept warm, the folder here.

        Raises:
            WorkbenchError: it is still at work, or something in the account could not be deleted; then the run stays.
        """
        if run.status().state in ACTIVE:
            raise WorkbenchError(f"{run.id} is still at work.", "", "Stop it first, then delete it.")
        self._require_here(run)
        if record := read_record(run):
            connection = self.account.connection
            for name in record.names:
                if record.keep_warm_seconds:
                    training.end_warm_pool(connection, name)
                logs.delete_streams(connection, training.LOG_GROUP, f"{name}/")
                training.delete(connection, name)
            buckets.delete_prefix(connection, record.folder)
        with contextlib.suppress(FileNotFoundError):
            run.delete()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
