"""The places that train, as the commands look at them: AWS is asked only where a run is there, or somebody has connected.

What trains is imported only where it is needed: listing runs has no use for pandas.
"""

from typing import TYPE_CHECKING

from core.aws.account import Account, open_account
from core.aws.choices import has_choices, read_choices
from core.cli.output import note
from core.errors import WorkbenchError
from core.runs.job import read_record
from core.runs.run import Run, all_runs
from core.workspace import Workspace

if TYPE_CHECKING:
    from core.runs.trainers import Trainers


def trainers_for(workspace: Workspace, on: str) -> "Trainers":
    """What trains on ``on``, here or on SageMaker.

    Raises:
        WorkbenchError: it is SageMaker, and the account cannot be used.
    """
    from core.runs.trainers import Trainers

    account = None if on == "here" else open_account(read_choices(workspace))
    return Trainers(workspace, lambda: account)


def trainers_of(workspace: Workspace, run: Run) -> "Trainers":
    """What trains where ``run`` does; likewise."""
    return trainers_for(workspace, run.on)


def look_after(workspace: Workspace) -> None:
    """Bring the list of runs up to date: ask for those at work on SageMaker, and for those that another machine has
    started. Without a connection the list is as old as the last look, which is told where it matters."""
    records = [record for run in all_runs(workspace) if (record := read_record(run))]
    at_work = any(record.phase in ("creating", "created") for record in records)
    if not at_work and not has_choices(workspace):
        return
    from core.runs.trainers import Trainers

    account: Account | None = None
    try:
        account = open_account(read_choices(workspace))
        trainers = Trainers(workspace, lambda: account)
        trainers.adopt()
        trainers.refresh()
    except WorkbenchError as error:
        if at_work:
            note(f"The runs on SageMaker are shown as they were last seen. {error}")
