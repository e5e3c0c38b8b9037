"""Searches on SageMaker: a tuning job, whose training jobs become runs of this workspace when SageMaker has started them.

From then on each of them is looked after as any run on SageMaker is: its events, its log, its cost and its model come in
by themselves. What belongs to the tuning job itself is looked after here.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.aws import buckets, tuning
from core.aws.account import Account
from core.aws.errors import AwsError
from core.aws.names import tuning_job_name
from core.aws.prices import Price
from core.errors import WorkbenchError
from core.pairs.dataset import PairSet
from core.plan import Plan, varied
from core.recipe import make_recipe
from core.rights import recorded
from core.runs.create import create_run
from core.runs.job import Record, only_one, read_record, save
from core.runs.run import ACTIVE, Run, all_runs, new_run_id
from core.runs.target import Cost, Target, estimate, money
from core.search.search import Search, all_searches, new_folder
from core.search.space import FIELDS, Space, combinations
from core.workspace import Workspace, read_json, read_object, write_json

#: Trials at work at the same time, at most: each later one learns from those before.
AT_A_TIME = 2
REPOSITORY = Path(__file__).resolve().parents[2]


def share_of(target: Target, trials: int) -> Target:
    """The place of one trial: its share of the money, and no machine kept warm, which tuning jobs do not offer."""
    each = None if target.max_dollars is None else target.max_dollars / trials
    return target.model_copy(update={"max_dollars": each, "keep_warm_minutes": 0})


def trials_of(space: Space, trials: int) -> int:
    """How many trials SageMaker will start: all combinations where they are no more than asked for."""
    return min(trials, combinations(space))


def foresee(target: Target, plan: Plan, trials: int, price: Price | None) -> Cost:
    """What ``trials`` trainings will cost together.

    Raises:
        WorkbenchError: the money does not last for so many.
    """
    one = estimate(share_of(target, trials), plan, price)
    dollars, most = (None if each is None else each * trials for each in (one.dollars, one.most_dollars))
    known = "Its price is not known." if dollars is None or most is None else (
        f"About {money(dollars)} together, {money(most)} at the latest."
    )
    words = f"{trials} trainings on {target.instance_type}, {min(AT_A_TIME, trials)} at a time. {known}"
    if target.keep_warm_minutes:
        words += " A search keeps no machine warm."
    if target.spot:
        words += " A trial whose spot machine is taken away begins again."
    return Cost(one.hours * trials, dollars, one.most_hours * trials, most, words)


class SageMakerSearches:
    """The searches on SageMaker of one workspace.

    Args:
        account: gives the account that is connected now, or None.
    """

    def __init__(self, workspace: Workspace, account: Callable[[], Account | None]):
        self._workspace = workspace
        self._account = account

    def create(
        self, pairs: PairSet, plan: Plan, space: Space, trials: int, target: Target, source: dict[str, Any]
    ) -> Search:
        """Make a search that is ready to be started. Nothing is sent yet.

        Raises:
            WorkbenchError: there is no account, nothing was kept aside to compare on, or the disk is full.
        """
        account = self._required()
        if not len(plan.split.held_out):
            raise WorkbenchError(
                "A search needs held-out pairs.", "Trials are compared on questions that none of them has seen.",
                "Raise the held-out share, or bring more pairs.",
            )
        fixed = {name: values[0] for name, values in space.items() if len(values) == 1}
        plan, space = varied(plan, fixed), {name: values for name, values in space.items() if name not in fixed}
        if not space:
            raise WorkbenchError(
                "There is nothing to search.", "Every setting has one value only.",
                "Give a setting two values or more, with commas between.",
            )
        most = trials_of(space, trials)
        search = Search(new_folder(self._workspace, Path(pairs.name).stem), self._workspace.runs)
        try:
            made = create_run(
                self._workspace, pairs, plan.recipe, name=f"{search.id} trial", source=source, plan=plan,
                target=share_of(target, most),
            )
            os.replace(made.folder, search.prototype.folder)
            write_json(search.prototype.recipe_file, {**search.prototype.settings(), "id": search.id})
            created = round(time.time(), 3)  # two workspaces may have searches of the same id
            name = tuning_job_name(search.id, f"{account.owner}\n{created}")
            save(search.prototype, Record(
                name=name, attempt=1, folder=f"s3://{account.bucket}/{buckets.TRAINING}{name}/",
                profile=account.connection.profile, region=account.connection.region, role=account.role,
                bucket=account.bucket, instance_type=target.instance_type, instance_count=target.instance_count,
                spot=target.spot, keep_warm_seconds=0,
            ))
            write_json(search.file, {
                "id": search.id, "created": created, "on": "sagemaker", "source": source,
                "goal": plan.recipe.goal, "space": space, "most": most, "at_a_time": min(AT_A_TIME, most),
                "planned": {name: getattr(plan.recipe, name) for name in space},
            })
        except BaseException:
            shutil.rmtree(search.folder, ignore_errors=True)
            raise
        return search

    def start(self, search: Search) -> None:
        """Have it sent and started, by a process of its own; going on after that process was cut off as well.

        Raises:
            WorkbenchError: there is no account, or the search is at work or over.
        """
        self._required()
        with recorded(self._workspace, "train", search.id, costs=True) as entry:
            record = self._begin(search)
            most = read_object(search.file).get("most")
            entry |= {"machine": record.instance_type, "trainings": most, "job": record.name}

    def _begin(self, search: Search) -> Record:
        with only_one(search.prototype, 10) as alone:
            record = search.job()
            state = search.prototype.status().state
            if not alone or record is None or record.status or state in ACTIVE:
                raise WorkbenchError(f"{search.id} has been started already.", "", "Start a new search.")
            search.prototype.stop_file.unlink(missing_ok=True)
            record.phase, record.asked, record.sender = "sending", time.time(), {}
            save(search.prototype, record)
        with (search.folder / "sending.txt").open("ab") as log:
            subprocess.Popen(
                [sys.executable, "-m", "core.search.sending", str(search.folder)], cwd=REPOSITORY, start_new_session=True,
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
            )
        return record

    def stop(self, search: Search) -> None:
        """Start no more trials and end those at work, which leave no model; a search that is being sent is called off.

        Raises:
            AwsError: AWS refuses, or cannot be reached; ``refresh`` asks again.
        """
        search.prototype.stop_file.touch()
        record = search.job()
        if record is not None and record.phase in ("creating", "created"):
            tuning.stop(self._required().connection, record.name)

    def refresh(self) -> None:
        """Look once after every search that is at work: make runs of the training jobs that are new.

        What AWS does not answer is in the job's ``trouble``; the next look tries again.
        """
        account = self._account()
        for search in all_searches(self._workspace):
            record = search.job()
            if account is None or record is None or record.phase not in ("creating", "created"):
                continue
            with only_one(search.prototype, 0) as alone:
                record = search.job()
                if alone and record is not None and record.phase in ("creating", "created"):
                    self._look(search, record, account)

    def _look(self, search: Search, record: Record, account: Account) -> None:
        try:
            job = tuning.describe(account.connection, record.name)
        except AwsError as error:
            record.trouble = error.as_dict()
            save(search.prototype, record)
            return
        record.trouble, record.heard = None, time.time()
        if job is None:
            if record.phase == "created" or search.prototype.status().state not in ACTIVE:
                record.phase, record.words = "over", "SageMaker does not know this search any more."
            save(search.prototype, record)
            return
        record.phase, record.status = "created", job.status
        for name, values in job.trials:
            self._take_over(search, record, name, values)
        record.words = _IN_WORDS.get(job.status, job.status) + (f" {job.reason}" if job.reason else "")
        if job.over:
            record.phase = "over"
        elif job.status == "InProgress" and search.prototype.stop_file.exists():
            try:
                tuning.stop(account.connection, record.name)  # asked for when AWS refused, or could not be reached
            except AwsError as error:
                record.trouble = error.as_dict()
        save(search.prototype, record)

    def _take_over(self, search: Search, record: Record, job: str, values: dict[str, Any]) -> None:
        """Make a run of a training job, unless there is one already."""
        listed = read_json(search.trials_file) or []
        if job in {one["job"] for one in listed}:
            return
        run = next((run for run in all_runs(self._workspace) if (own := read_record(run)) and own.name == job), None)
        changes = {name: values[name] for name in FIELDS if name in values}
        run = run or self._make_run(search, record, job, changes)
        write_json(search.trials_file, [*listed, {"run": run.id, "changes": changes, "job": job}])

    def _make_run(self, search: Search, record: Record, job: str, changes: dict[str, Any]) -> Run:
        settings = search.prototype.settings()
        recipe = make_recipe({**settings["recipe"], **changes}).model_dump(mode="json")
        run_id = new_run_id(self._workspace, f"{search.id} trial")
        hidden = Path(tempfile.mkdtemp(dir=self._workspace.runs, prefix=".new-"))
        for file in (search.prototype.train_file, search.prototype.heldout_file):
            shutil.copy(file, hidden / file.name)
        write_json(hidden / "recipe.json", {**settings, "id": run_id, "created": round(time.time(), 3), "recipe": recipe})
        save(Run(hidden), Record(
            name=job, names=[job], attempt=1, folder=f"{record.folder}output/{job}/", profile=record.profile, region=record.region,
            role=record.role, bucket=record.bucket, instance_type=record.instance_type,
            instance_count=record.instance_count, spot=record.spot, keep_warm_seconds=0, max_seconds=record.max_seconds,
            an_hour=record.an_hour, price_source=record.price_source, phase="created", asked=time.time(),
            status="InProgress", words="Waiting for an instance.",
        ))
        os.replace(hidden, self._workspace.runs / run_id)
        return Run(self._workspace.runs / run_id)

    def clear(self, search: Search) -> None:
        """Delete what was sent for a search that is over; what its trials left belongs to their runs.

        Raises:
            WorkbenchError: this app's person may not spend; AWS refuses, or cannot be reached.
        """
        record = search.job()
        if record is not None:
            with recorded(self._workspace, "delete", search.id, costs=True):
                for part in ("run", "base", "program"):
                    buckets.delete_prefix(self._required().connection, f"{record.folder}{part}/")

    def _required(self) -> Account:
        account = self._account()
        if account is None:
            raise WorkbenchError(
                "SageMaker cannot be used now.", "There is no connection to AWS.",
                "Look at the connection on the Endpoints tab, or with “python -m core aws”.",
            )
        return account


_IN_WORDS = {
    "InProgress": "SageMaker is searching.", "Stopping": "Stopping.", "Completed": "The search is over.",
    "Stopped": "The search was stopped.", "Failed": "The search failed.",
}


def ranges_of(search: Search) -> tuning.Ranges:
    """Where SageMaker takes the values from: the lists themselves where all their combinations are tried; otherwise
    numbers between the least and the greatest value given."""
    facts = search.facts()
    space: Space = {name: tuple(values) for name, values in facts["space"].items()}
    if combinations(space) <= facts["most"]:
        return tuning.Ranges(space, {}, {})
    return tuning.Ranges(
        lists={name: values for name, values in space.items() if name == "batch_size"},
        between={name: (values[0], values[-1]) for name, values in space.items() if name == "learning_rate"},
        whole={name: (values[0], values[-1]) for name, values in space.items() if name == "epochs"},
    )
