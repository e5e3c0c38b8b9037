"""A run's training job: ``job.json`` in the run's folder, and what is copied beside it from the job's log.

    job.json     what was intended and what AWS last said; see ``Record``
    .job.lock    held by whoever works on the job: one program at a time, however many look after the same workspace

The file is written before each request that makes something, so that an app which dies in between leaves a trace. Reading
needs no lock. Nothing in here is secret: credentials are boto3's own business.
"""

import json
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

import filelock

from core.process import alive
from core.runs.events import Event, parse_events
from core.runs.run import Run
from core.shapes import JOB, read_shaped
from core.workspace import write_json

#: "sending": data goes up, nothing that costs is there. "creating": the request may or may not have reached AWS.
#: "created": AWS knows the job. "over": it has ended, and what it made is here.
Phase = Literal["sending", "creating", "created", "over"]


@dataclass
class Record:
    """What is known of a run's newest job.

    Attributes:
        name: the job's name; ``names`` also holds those of the earlier attempts.
        attempt: counts the jobs of this run, from 1.
        folder: the s3:// address, ending with a slash, that holds all that belongs to the run.
        profile, region, role, bucket: where and as whom it was started.
        instance_type, instance_count, spot, max_seconds: what it runs on, and for how long at most (None: not decided).
        keep_warm_seconds: how long its instances are kept afterwards.
        an_hour: the price in US dollars of one instance; None where it is not known. ``price_source`` says where from.
        phase: see ``Phase``. ``sender``: the process that sends and creates.
        asked: when this attempt was asked for, in seconds since 1970.
        status, secondary: as AWS said last; ``words`` the same for people, ``since`` when it began.
        started, ended: when billing began and ended. ``billable_seconds``: of each instance, when AWS has said it.
        told: how many of the job's transitions have been told as events.
        position: how far the log has been read.
        events_bytes, log_bytes: how long the copies were when ``position`` was written; what is beyond was written by a
            program that died, and is written again.
        last_word: the worker's ``done`` or ``failed`` event, kept until its model is here.
        trouble: why AWS could not be asked last, as three sentences; None where it could.
        heard: when AWS last said how the job is, in seconds since 1970; 0 where it has not yet.
    """

    name: str
    attempt: int
    folder: str
    profile: str | None
    region: str
    role: str
    bucket: str
    instance_type: str
    instance_count: int
    spot: bool
    keep_warm_seconds: int
    names: list[str] = field(default_factory=list)
    max_seconds: int | None = None
    an_hour: float | None = None
    price_source: str | None = None
    phase: Phase = "sending"
    sender: dict[str, Any] = field(default_factory=dict)
    asked: float = 0.0
    status: str = ""
    secondary: str = ""
    words: str = "Getting ready to send the data."
    since: float = 0.0
    started: float | None = None
    ended: float | None = None
    billable_seconds: int | None = None
    told: int = 0
    position: dict[str, str] = field(default_factory=dict)
    events_bytes: int = 0
    log_bytes: int = 0
    last_word: Event | None = None
    trouble: dict[str, str] | None = None
    heard: float = 0.0

    @property
    def dollars(self) -> float | None:
        """What it has cost so far, at most while it runs (spot is cheaper) and where its machines were kept warm (another
        job may have taken them over); None where no price is known."""
        if self.started is None:
            return 0.0
        if self.an_hour is None:
            return None
        seconds = (self.ended or time.time()) - self.started if self.billable_seconds is None else self.billable_seconds
        if self.ended is not None:
            seconds += min(self.keep_warm_seconds, max(0.0, time.time() - self.ended))
        return seconds / 3600 * self.an_hour * self.instance_count

    @property
    def dollars_an_hour(self) -> float | None:
        """What it costs an hour at this moment; 0 when nothing runs, None where no price is known."""
        if self.phase not in ("creating", "created") or self.ended is not None:
            return 0.0
        return None if self.an_hour is None else self.an_hour * self.instance_count


def read_record(run: Run) -> Record | None:
    """The run's job; None where it has none, or the file is damaged."""
    kept = read_shaped(run.job_file, JOB)
    known = {one.name for one in fields(Record)}
    try:
        return Record(**{name: value for name, value in kept.items() if name in known}) if kept else None
    except TypeError:
        return None


def sender_is_alive(record: Record) -> bool:
    """Whether the process that sends the data is at work."""
    return alive(record.sender) is not None


@contextmanager
def only_one(run: Run, seconds: float) -> Iterator[bool]:
    """Work on the job alone; False where another program still does after ``seconds``, or the run has been deleted."""
    lock = filelock.FileLock(run.folder / ".job.lock")
    try:
        if not run.folder.is_dir():  # the lock would make it again
            raise FileNotFoundError(run.folder)
        lock.acquire(timeout=seconds)
    except (filelock.Timeout, OSError):
        yield False
        return
    try:
        yield True
    finally:
        lock.release()


def save(run: Run, record: Record) -> None:
    """Write the record; to be called with the lock held."""
    write_json(run.job_file, asdict(record))


def append(run: Run, record: Record, lines: Sequence[str]) -> None:
    """Add lines to the run's log, and those among them that are events to its events; then save the record.

    A ``done`` or ``failed`` is not added but kept as ``last_word``: the run is over when its model is here.
    """
    events = list(parse_events(lines))
    for event in events:
        if event["kind"] in ("done", "failed"):
            record.last_word = event
        elif event["kind"] == "start":
            record.last_word = None  # a new worker, after the spot instance of the one before was taken
    told = [event for event in events if event["kind"] not in ("done", "failed")]
    record.log_bytes = _extend(run.log_file, record.log_bytes, list(lines))
    record.events_bytes = _extend(run.events_file, record.events_bytes, [json.dumps(event) for event in told])
    save(run, record)


def tell(run: Run, record: Record, kind: str, /, **values: Any) -> None:
    """Add an event of the app's own; then save the record."""
    event = {"t": round(time.time(), 3), "kind": kind, **values}
    record.events_bytes = _extend(run.events_file, record.events_bytes, [json.dumps(event)])
    save(run, record)


def _extend(path: Path, size: int, lines: list[str]) -> int:
    """Cut the file to ``size`` bytes, add the lines, and return its new size."""
    if not lines:
        return size
    with path.open("ab") as file:
        if file.tell() > size:
            os.ftruncate(file.fileno(), size)
        file.write("".join(line + "\n" for line in lines).encode("utf-8", errors="replace"))
        file.flush()
        return file.seek(0, os.SEEK_END)
