"""``resume``: go on with a run that did not finish; a run that waits or trains already is only followed."""

from argparse import Namespace

from core.cli.follow import command, follow
from core.cli.output import note
from core.cli.trainers import trainers_of
from core.errors import WorkbenchError
from core.runs.explain import half_the_batch
from core.runs.run import ACTIVE, find_run
from core.workspace import Workspace


def run(options: Namespace) -> int:
    workspace = Workspace.at(options.workspace)
    one = find_run(workspace, options.name)
    trainer = trainers_of(workspace, one)
    if options.half:
        if one.status().state in ACTIVE:
            raise WorkbenchError(f"{one.id} is still at work.", "", f"Stop it first: {command('stop', one)}")
        half = half_the_batch(one)
        if half is None:
            raise WorkbenchError(
                f"{one.id} cannot be started with fewer pairs a step.", "Its settings name no more than three.",
                "Close other programs, then resume it without --half.",
            )
        one, after = trainer.restart_with(one, half), 0
        note(f"{one.id} is a new run with {half['batch_size']} pairs a step.")
    elif one.status().state in ACTIVE:
        note(f"{one.id} is at work already; this follows it.")
        after = 0
    else:
        after = one.events()[1]
        trainer.resume(one)
    return follow(trainer, one, after, as_json=options.json)
