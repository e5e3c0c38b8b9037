"""This machine and, where there is an account, SageMaker, as one place that trains."""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from core.aws.account import Account
from core.errors import WorkbenchError
from core.rights import recorded
from core.runs.create import create_run, pairs_of
from core.runs.events import Event
from core.runs.job import Record, read_record
from core.runs.line import Turn, whole_line
from core.runs.local import WORKER, LocalTrainer
from core.runs.run import Run, all_runs
from core.runs.sagemaker import SageMakerTrainer
from core.runs.target import Target, target_of
from core.workspace import Workspace


@dataclass(frozen=True)
class RunningCost:
    """What a run's job costs at this moment.

    Attributes:
        an_hour, so_far: US dollars, at most (spot is cheaper); None where no price is known.
    """

    run: Run
    an_hour: float | None
    so_far: float | None


class Trainers:
    """Routes by where a run trains. May be used by several threads.

    Args:
        workspace: whose runs.
        account: gives the account to train in, or None where there is none (yet); is called often and must ask nobody.
        command: the local worker's program, to which the run's folder is added.

    Attributes:
        local: the runs on this machine.
    """

    def __init__(
        self, workspace: Workspace, account: Callable[[], Account | None], command: Sequence[str] = WORKER
    ):
        self.workspace = workspace
        self.local = LocalTrainer(workspace, command)
        self._account = account
        self._lock = threading.Lock()
        self._there: SageMakerTrainer | None = None

    @property
    def sagemaker(self) -> SageMakerTrainer | None:
        """The runs in the account; None where there is no account."""
        account = self._account()
        with self._lock:
            if account is None:
                self._there = None
            elif self._there is None or self._there.account is not account:
                self._there = SageMakerTrainer(self.workspace, account)
            return self._there

    def submit(self, run: Run) -> None:
        """See ``Trainer.submit``; a run on this machine waits for its turn, see ``launch_next``.

        Raises:
            WorkbenchError: also where the run trains on SageMaker and there is no account.
        """
        if run.on == "here":
            self.local.submit(run)
            return
        with recorded(self.workspace, "train", run.id, costs=True) as entry:
            self._of(run).submit(run)
            if record := read_record(run):
                entry |= {"machine": record.instance_type, "dollars_an_hour": record.dollars_an_hour, "job": record.name}

    #: Going on with an interrupted, failed or stopped run.
    resume = submit

    def stop(self, run: Run) -> None:
        """See ``Trainer.stop``."""
        self._of(run).stop(run)

    def events(self, run: Run, after: int = 0) -> tuple[list[Event], int]:
        """The run's events after byte ``after``, and the byte to go on from."""
        return run.events(after)

    def delete(self, run: Run) -> None:
        """Delete a run with all that belongs to it, in the account as well.

        Raises:
            WorkbenchError: it is still at work, or something could not be deleted; then the run stays.
        """
        there = read_record(run) is not None
        with recorded(self.workspace, "delete", run.id, costs=there):
            self._far(run).delete(run) if there else run.delete()

    def launch_next(self) -> Run | None:
        """See ``LocalTrainer.launch_next``."""
        return self.local.launch_next()

    def prepare(self) -> None:
        """See ``LocalTrainer.prepare``."""
        self.local.prepare()

    def queue(self) -> list[Run]:
        """The runs that wait for their turn on this machine, the next one first."""
        return self.local.queue()

    def line(self) -> list[Turn]:
        """What trains on this machine and what waits for it, of everybody who shares it."""
        return whole_line(self.workspace)

    def at_work(self) -> Run | None:
        """The run whose worker is alive on this machine, if there is one."""
        return self.local.at_work()

    def refresh(self) -> None:
        """Look after the runs on SageMaker once; does nothing where none is at work or there is no account."""
        if any(record.phase in ("creating", "created") for _, record in self._records()) and (there := self.sagemaker):
            there.refresh()

    def adopt(self) -> list[Run]:
        """See ``SageMakerTrainer.adopt``; none where there is no account."""
        there = self.sagemaker
        return there.adopt() if there else []

    def running_costs(self) -> list[RunningCost]:
        """What costs at this moment, by what AWS said last. Asks nobody."""
        return [
            RunningCost(run, record.dollars_an_hour, record.dollars)
            for run, record in self._records()
            if record.phase in ("creating", "created") and record.ended is None
        ]

    def restart_with(self, run: Run, changes: dict[str, Any], target: Target | None = None) -> Run:
        """A new run like ``run`` (same rows, same settings) but for ``changes`` to its recipe, submitted.

        Args:
            target: where it trains; where ``run`` did, if it is None.

        Raises:
            WorkbenchError: a change is not allowed, the old run's files are damaged, or it cannot be submitted.
        """
        settings, where = run.settings(), target or target_of(run)  # before the pairs, which say so when the run is gone
        pairs, recipe, groups = pairs_of(run, changes)
        fresh = create_run(
            self.workspace, pairs, recipe, name=settings["name"], source=settings["source"], near_duplicates=groups, target=where,
        )
        self.submit(fresh)
        return fresh

    def _records(self) -> Iterator[tuple[Run, Record]]:
        """The runs that have a job, with it; most of many runs have none."""
        for run in all_runs(self.workspace):
            if run.job_file.exists() and (record := read_record(run)):
                yield run, record

    def _of(self, run: Run) -> LocalTrainer | SageMakerTrainer:
        # What its settings say may be lost; whose job it is, its record says.
        return self.local if run.on == "here" and read_record(run) is None else self._far(run)

    def _far(self, run: Run) -> SageMakerTrainer:
        there = self.sagemaker
        if there is None:
            raise WorkbenchError(
                f"{run.id} trains on SageMaker.", "There is no connection to an AWS account.",
                "Make one on the Endpoints tab or with “python -m core aws”, then try again.",
            )
        return there
