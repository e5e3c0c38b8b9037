"""Looking after a run's training job: what AWS says goes into ``job.json``, what the worker printed into events and log,
and what it made into the run's folder.

Every step may be broken off anywhere and is done again by whoever looks next, in this program or another.
"""

import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from core.aws import buckets, logs, training
from core.aws.errors import AwsError, is_gone
from core.aws.failures import explain_failure
from core.aws.session import Connection
from core.errors import WorkbenchError
from core.models import local_ref
from core.runs.events import Event, read_events
from core.runs.explain import half_the_batch
from core.runs.job import Record, append, read_record, save, tell
from core.runs.run import Run
from core.unpack import unpack
from core.workspace import read_object

#: The last lines of a log may come in after the job has ended; so long they are waited for. In seconds.
_LAST_LINES = 15.0
#: The lines of the log in which a reason is looked for, and what SageMaker's script leaves where it knows none.
TAIL, _NO_REASON = 30, "Training Execution failed"


def look(run: Run, connection: Connection) -> bool:
    """Bring the run's files up to date; to be called with its lock held.

    Returns:
        Whether the job has ended and its result can be fetched.

    Raises:
        AwsError: AWS refuses, or cannot be reached; nothing is lost.
    """
    record = read_record(run)
    if record is None or record.phase in ("sending", "over"):
        return False
    job = training.describe(connection, record.name)
    if job is None:
        _not_there(run, record)
        return False
    record.phase, record.heard = "created", time.time()
    if not job.over:  # else it may be that its model could not be fetched
        record.trouble = None
    _tell_transitions(run, record, job)
    record.status, record.secondary = job.status, job.secondary
    record.words = training.IN_WORDS.get(job.secondary, job.secondary)
    record.started, record.ended, record.billable_seconds = job.started, job.ended, job.billable_seconds
    save(run, record)  # how it is, and what it costs, is known whatever else may not be asked
    refusal = _stop_if_asked(run, connection, record.name, job)
    lines: list[logs.Line] = []
    try:
        lines, record.position = logs.follow(connection, training.LOG_GROUP, f"{record.name}/", record.position)
    except AwsError as error:
        if error.kind != "denied":
            raise
        refusal = refusal or error  # without its log the training goes on all the same, and its model can be fetched
    if refusal:
        record.trouble = refusal.as_dict()
    append(run, record, [line.text for line in lines])
    if not job.over:
        return False
    complete = record.last_word is not None or job.started is None or job.status == "Completed"
    return complete or time.time() - (job.ended or 0) > _LAST_LINES


def _stop_if_asked(run: Run, connection: Connection, name: str, job: training.Job) -> AwsError | None:
    """Ask the job to stop where that was wanted when AWS could not be reached, or before the job was there; why AWS refuses."""
    if run.stop_file.exists() and job.status == "InProgress":
        try:
            training.stop(connection, name)
        except AwsError as error:
            return error
    return None


def finish(run: Run, connection: Connection) -> None:
    """Fetch what an ended job has made and say how it ended; to be called with the lock held, after ``look``.

    Raises:
        AwsError: AWS refuses, or cannot be reached; it can be tried again.
        WorkbenchError: the disk is full.
    """
    record = read_record(run)
    if record is None or record.phase != "created":
        return
    job = training.describe(connection, record.name)
    if job is None:
        _not_there(run, record)
        return
    if not job.over:
        return
    if job.status == "Failed":
        _end(run, record, failed(run, record, job.reason))
        return
    record.words = "Fetching the model."
    save(run, record)
    done, problem = None, None
    try:
        done = _fetch(run, connection, job.artifacts)
    except WorkbenchError as error:
        if is_gone(error):
            problem = error
        else:
            raise
    if done is not None:
        _end(run, record, done)
    elif job.status == "Stopped" and job.secondary != "MaxWaitTimeExceeded":
        record.phase, record.words = "over", "Stopped before there was a model."
        save(run, record)
    else:
        why = training.IN_WORDS.get(job.secondary, "") if job.status == "Stopped" else problem.why if problem else ""
        _end(run, record, _failed("The training has brought no model.", why, "Resume the run."))


def _fetch(run: Run, connection: Connection, uri: str) -> Event | None:
    """Bring model and report into the run's folder; the worker's last event, None where it left no model."""
    for leftover in run.folder.glob(".fetched-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(dir=run.folder, prefix=".fetched-"))
    try:
        archive = buckets.download(connection, uri, folder)[0]
        unpack(archive, folder / "out")
        archive.unlink()
        found = Run(folder / "out")
        last = next((event for event in reversed(read_events(found.events_file)[0]) if event["kind"] == "done"), None)
        if last is None or not read_object(found.report_file):
            return None
        local_ref(run.id, found.model)  # weights that could run code are refused
        shutil.rmtree(run.model, ignore_errors=True)
        found.model.rename(run.model)
        if found.folds_file.is_file():
            found.folds_file.replace(run.folds_file)
        found.report_file.replace(run.report_file)
        return {**last, "run": run.id, "folder": str(run.folder), "model": str(run.model)}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def failed(run: Run, record: Record, reason: str) -> Event:
    """The ``failed`` event of a job: the worker's own words where it had any, else those for SageMaker's reason."""
    said = record.last_word
    if said is not None and said["kind"] == "failed":
        return said
    tail = "\n".join(run.log_tail(4000).splitlines()[-TAIL:])
    # What SageMaker's own script says where it, not the worker, has failed, says nothing: the log does.
    why, what_to_do = explain_failure(tail if _NO_REASON in reason else reason)
    return _failed("The training on SageMaker failed.", why, what_to_do, half_the_batch(run) if "memory" in why else None)


def _failed(what: str, why: str, what_to_do: str, offer: dict[str, Any] | None = None) -> Event:
    return {"kind": "failed", "what": what, "why": why, "what_to_do": what_to_do, "offer": offer}


def _end(run: Run, record: Record, last: Event) -> None:
    """The run's last event; from here on it is over."""
    record.phase, record.trouble = "over", None
    record.words = training.IN_WORDS.get(record.secondary, record.words)
    tell(run, record, last["kind"], **{name: value for name, value in last.items() if name not in ("t", "kind")})


def _not_there(run: Run, record: Record) -> None:
    """AWS knows no such job: the request never came, or somebody has deleted it."""
    if record.phase == "creating":
        record.phase, record.words = "sending", "The request was broken off; nothing was started."
        save(run, record)
    else:
        _end(run, record, _failed(
            "The training is not in the account any more.", "Somebody may have deleted it.", "Start a new run.",
        ))


def _tell_transitions(run: Run, record: Record, job: training.Job) -> None:
    """One stage event for each state that the job has entered since the last look."""
    for secondary, since in job.transitions[record.told :]:
        record.told += 1
        record.since = since
        if secondary not in training.ENDED:
            tell(run, record, "stage", stage=secondary, text=training.IN_WORDS.get(secondary, secondary))
