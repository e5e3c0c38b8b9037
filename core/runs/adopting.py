"""Runs that were started from another machine: found in the account by their tags, and made anew from what is on S3."""

import shutil
import tempfile
import time
from pathlib import Path

from core.aws import buckets, inventory, tags, training
from core.aws.account import Account
from core.aws.errors import AwsError, is_gone
from core.aws.prices import price_of
from core.errors import WorkbenchError
from core.runs.job import Record, read_record, save
from core.runs.run import RUN_ID, Run, all_runs
from core.runs.target import target_of
from core.workspace import Workspace, write_json

#: Jobs that ended longer ago than this are left alone. In seconds.
_RECENT = 7 * 86_400.0
_FILES = ("recipe.json", "train.parquet", "heldout.parquet")


def adopt(workspace: Workspace, account: Account, known: set[str]) -> list[Run]:
    """See ``SageMakerTrainer.adopt``.

    Args:
        known: names of jobs that need no second look; added to.

    Raises:
        AwsError: AWS refuses, or cannot be reached.
    """
    records = [record for run in all_runs(workspace) if (record := read_record(run))]
    known |= {name for record in records for name in record.names}
    folders = {record.folder for record in records}
    found: dict[str, tuple[training.Job, int, str]] = {}  # by folder: the newest attempt
    for made in inventory.made_here(account.connection):
        mine = made.tags.get(tags.KIND) == "training" and made.tags.get(tags.OWNER) == tags.make_tags(
            "training", account.owner, ""
        )[tags.OWNER]
        if made.kind != "training-job" or made.name in known or not mine:
            continue
        job = training.describe(account.connection, made.name)
        folder = _folder_of(job, account) if job else None
        if job is None or folder is None or folder in folders or (job.ended or time.time()) < time.time() - _RECENT:
            known.add(made.name)
            continue
        attempt = made.tags.get(tags.ATTEMPT, "1")
        number = int(attempt) if attempt.isdigit() else 1
        if folder not in found or found[folder][1] < number:
            found[folder] = job, number, made.tags.get(tags.RUN, "")
    return [
        run for folder, (job, attempt, name) in found.items()
        if (run := _make(workspace, account, folder, job, attempt, name, known))
    ]


def _folder_of(job: training.Job, account: Account) -> str | None:
    """The run's folder on S3; None for a job that the workbench cannot have started so."""
    uri = job.channels.get("run", "")
    ours = f"s3://{account.bucket}/{buckets.TRAINING}"
    return uri.removesuffix("run/") if uri.startswith(ours) and uri.endswith("/run/") else None


def _make(
    workspace: Workspace, account: Account, folder: str, job: training.Job, attempt: int, name: str, known: set[str]
) -> Run | None:
    """Fetch the run's files out of sight, then let it appear whole; None where they are not on S3 any more."""
    known.add(job.name)
    hidden = Path(tempfile.mkdtemp(dir=workspace.runs, prefix=".new-"))
    try:
        buckets.download(account.connection, f"{folder}run/", hidden)
        if not all((hidden / file).is_file() for file in _FILES) or not Run(hidden).settings():
            return None
        run = _publish(workspace, hidden, name)
    except AwsError as error:
        if is_gone(error):
            return None
        known.discard(job.name)
        raise
    except WorkbenchError:
        return None
    finally:
        shutil.rmtree(hidden, ignore_errors=True)
    connection = account.connection
    stem = job.name.removesuffix(f"-{attempt}")
    price = price_of(connection, job.instance_type, connection.region, "training")
    save(run, Record(
        name=job.name, attempt=attempt, names=[f"{stem}-{number}" for number in range(1, attempt + 1)],
        folder=folder, profile=connection.profile,
        region=connection.region, role=account.role, bucket=account.bucket, instance_type=job.instance_type,
        instance_count=job.instance_count, spot=job.spot, keep_warm_seconds=60 * target_of(run).keep_warm_minutes,
        phase="created", status=job.status,
        asked=job.transitions[0][1] if job.transitions else time.time(), since=time.time(),
        an_hour=price.an_hour if price else None, price_source=price.source if price else None,
        words=training.IN_WORDS.get(job.secondary, job.secondary),
    ))
    return run


def _publish(workspace: Workspace, hidden: Path, name: str) -> Run:
    """Rename the folder to the run's own id, or to the next that is free."""
    stem = name if RUN_ID.fullmatch(name) else "from-another-machine"
    settings = Run(hidden).settings()
    number = 1
    while True:
        run_id = stem if number == 1 else f"{stem[:70]}-from-aws-{number}"
        target = workspace.runs / run_id
        write_json(hidden / "recipe.json", {**settings, "id": run_id})
        if not target.exists():
            hidden.rename(target)
            return Run(target)
        number += 1
