"""Starting a run's training job: ``python -m core.runs.sending RUN_DIR`` sends the data and asks SageMaker for the job.

A process of its own, as a worker on this machine is one: it goes on when the app or the terminal is closed, and it alone
imports SageMaker's SDK. What it intends is in ``job.json`` before each request.
"""

import contextlib
import os
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.aws import buckets, tags, training
from core.aws.account import Account
from core.aws.errors import AwsError
from core.aws.images import training_image
from core.aws.prices import price_of
from core.aws.session import Connection, connect
from core.errors import WorkbenchError
from core.evaluation.general import PROBES
from core.models import model_files
from core.process import name_process
from core.runs.job import Record, only_one, read_record, save, tell
from core.runs.run import Run
from core.runs.target import max_seconds, target_of

#: What of the program goes to the container: the worker, and what it imports.
PROGRAM = ("__init__.py", "errors.py", "workspace.py", "shapes.py", "process.py", "libraries.py", "recipe.py", "forward", "models",
           "pairs", "evaluation", "runs", "training")
CORE = Path(__file__).resolve().parents[1]

#: Seconds that whoever asked for this may still hold the lock.
_PATIENCE = 30.0


class Cancelled(Exception):
    """The person has stopped the run before its job was there."""


@dataclass(frozen=True)
class Asking:
    """How a job is asked for, once all it needs has been sent.

    Attributes:
        kind: its tag; see ``core.aws.tags``.
        words: what is said meanwhile.
        build: makes the request.
        create, describe, stop: of ``core.aws.training``, or as these.
    """

    kind: str
    words: str
    build: Callable[[Account, training.JobSpec], dict[str, Any]]
    create: Callable[[Connection, dict[str, Any]], None]
    describe: Callable[[Connection, str], Any]
    stop: Callable[[Connection, str], None]


TRAINING = Asking(
    "training", "Asking SageMaker for the training.", training.build_request, training.create, training.describe,
    training.stop,
)


def main(run: Run, asking: Asking = TRAINING) -> int:
    """Send the run and ask for its job; whatever goes wrong ends in a ``failed`` event."""
    with only_one(run, _PATIENCE) as alone:
        record = read_record(run)
        if not alone or record is None or record.phase != "sending":
            return 1
        record.sender = name_process(os.getpid())
        save(run, record)
        try:
            account = Account(connect(record.profile, record.region), record.role, record.bucket, None)
            send(run, record, account, asking)
            return 0
        except Cancelled:
            record.phase, record.words = "over", "Stopped before it was started; it has cost nothing."
            tell(run, record, "stage", stage="stopped", text=record.words)
        except WorkbenchError as error:
            give_up(run, record, error)
        except Exception as error:
            traceback.print_exc()
            give_up(run, record, WorkbenchError(
                "The training could not be started because of a fault in the workbench or one of its libraries.",
                f"{type(error).__name__}: {error}"[:500],
                f"Resume the run. If it fails again, report it with {run.folder / 'sending.txt'}.",
            ))
        return 1


def send(run: Run, record: Record, account: Account, asking: Asking) -> None:
    """Send what the job needs, then ask for it.

    Raises:
        Cancelled: the run was stopped meanwhile.
        WorkbenchError: something a person can mend; no job is there.
    """
    target = target_of(run)
    price = price_of(account.connection, target.instance_type, account.connection.region, "training")
    record.an_hour, record.price_source = (price.an_hour, price.source) if price else (None, None)
    record.max_seconds = max_seconds(target, price)
    _say(run, record, "sending", "Sending the pairs to S3.")
    _send_files(run, record, account, "run", [run.recipe_file, run.train_file, run.heldout_file], run.folder)
    base = Path(run.settings()["base"]["path"])
    _say(run, record, "sending", "Sending the model to start from to S3.")
    _send_files(run, record, account, "base", model_files(base), base)
    _say(run, record, "sending", "Sending the training program to S3.")
    folder = Path(tempfile.mkdtemp(prefix="workbench-program-"))
    try:
        request = asking.build(account, training.JobSpec(
            name=record.name, image=training_image(account.connection.region, target.instance_type),
            source=stage_program(folder), channels={name: f"{record.folder}{name}/" for name in ("run", "base")},
            folder=record.folder, instance_type=target.instance_type, instance_count=target.instance_count,
            spot=target.spot, keep_warm_seconds=60 * target.keep_warm_minutes, max_seconds=record.max_seconds,
            volume_gb=target.volume_gb, subnets=target.subnets, security_groups=target.security_groups,
            kms_key=target.kms_key, tags={
                **target.own_tags(), **tags.make_tags(asking.kind, account.owner, run.settings()["id"]),
                tags.ATTEMPT: str(record.attempt),
            },
        ))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    _unless_stopped(run)
    record.phase = "creating"
    _say(run, record, "asking", asking.words)
    _create(run, record, account, request, asking)
    if run.stop_file.exists():
        with contextlib.suppress(AwsError):  # the job is there, and whoever looks after it asks it again
            asking.stop(account.connection, record.name)


def _create(run: Run, record: Record, account: Account, request: dict[str, Any], asking: Asking) -> None:
    """Ask for the job; afterwards it is known whether there is one, or ``job.json`` says that it is not."""
    try:
        asking.create(account.connection, request)
    except AwsError as error:
        if error.kind not in ("unreachable", "throttled"):
            raise
        try:
            there = asking.describe(account.connection, record.name)
        except AwsError:  # nobody knows whether the job is there: it may cost, so it stays on the list until AWS has said
            raise error from None
        if there is None:
            raise
    record.phase, record.status = "created", "InProgress"
    save(run, record)


def _send_files(run: Run, record: Record, account: Account, channel: str, files: list[Path], root: Path) -> None:
    """Send the files that are not there yet, by their names below ``root``."""
    uri = f"{record.folder}{channel}/"
    there = {one.uri: one.size for one in buckets.list_prefix(account.connection, uri)}
    wanted = [(file, f"{uri}{file.relative_to(root).as_posix()}") for file in files]
    # The settings are sent again even at the same size: a resumed run's may differ.
    missing = [(file, to) for file, to in wanted if there.get(to) != file.stat().st_size or file == run.recipe_file]
    everything, before, shown = sum(file.stat().st_size for file, _ in missing), 0, time.monotonic()

    def progress(done: int, _: int) -> None:
        nonlocal shown
        if time.monotonic() - shown >= 1:
            shown = time.monotonic()
            record.words = f"Sending to S3: {(before + done) >> 20} of {everything >> 20} MB."
            save(run, record)

    for file, to in missing:
        _unless_stopped(run)
        buckets.upload(account.connection, file, to, progress)
        before += file.stat().st_size


def stage_program(folder: Path) -> Path:
    """Copy the worker and its requirements into ``folder``, as the container's source code."""
    for name in PROGRAM:
        source, target = CORE / name, folder / "core" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "*.template"))
        else:
            shutil.copy(source, target)
    shutil.copy(CORE / "training" / "requirements-container.txt", folder / "requirements.txt")
    (folder / "data").mkdir()
    shutil.copy(PROBES, folder / "data")
    return folder


def give_up(run: Run, record: Record, error: WorkbenchError) -> None:
    """End the attempt with a ``failed`` event. A request that may have reached AWS is left to whoever looks next."""
    if record.phase == "creating" and isinstance(error, AwsError) and error.kind in ("unreachable", "throttled"):
        record.trouble = error.as_dict()
        save(run, record)
        return
    record.phase, record.words = "over", error.what
    tell(run, record, "failed", **error.as_dict(), offer=None)


def _say(run: Run, record: Record, stage: str, words: str) -> None:
    record.words, record.since = words, time.time()
    tell(run, record, "stage", stage=stage, text=words)


def _unless_stopped(run: Run) -> None:
    if run.stop_file.exists():
        raise Cancelled


if __name__ == "__main__":
    sys.exit(main(Run(Path(sys.argv[1]).resolve())))
