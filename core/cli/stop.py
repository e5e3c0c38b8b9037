"""``stop``: a running run stops after its current step; a waiting one leaves the queue."""

from argparse import Namespace

from core.cli.output import say, write_json
from core.cli.runs import row_of
from core.cli.trainers import trainers_of
from core.errors import WorkbenchError
from core.runs.run import ACTIVE, find_run
from core.workspace import Workspace


def run(options: Namespace) -> int:
    workspace = Workspace.at(options.workspace)
    one = find_run(workspace, options.name)
    state = one.status().state
    if state not in ACTIVE:
        raise WorkbenchError(f"{one.id} is not at work.", f"Its state is “{state}”.", "There is nothing to stop.")
    trainers_of(workspace, one).stop(one)
    if options.json:
        write_json(row_of(one))
    elif state == "queued":
        say(f"{one.id} has left the queue.")
    else:
        say(f"{one.id} stops after its current step and keeps its best model.")
    return 0
