"""``resume``: go on with a run that did not finish; a run that waits or trains already is only followed."""

from argparse import Namespace

from core.cli.follow import follow
from core.cli.output import note
from core.cli.trainers import trainers_of
from core.runs.run import ACTIVE, find_run
from core.workspace import Workspace


def run(options: Namespace) -> int:
    workspace = Workspace.at(options.workspace)
    one = find_run(workspace, options.name)
    trainer = trainers_of(workspace, one)
    if one.status().state in ACTIVE:
        note(f"{one.id} is at work already; this follows it.")
        after = 0
    else:
        after = one.events()[1]
        trainer.resume(one)
    return follow(trainer, one, after, as_json=options.json)
