"""``train``: a file becomes a run; the run is followed to its end."""

import time
from argparse import Namespace

from core.aws.prices import price_of
from core.cli.follow import command, follow
from core.cli.output import note, say, write_json
from core.cli.pairs_file import as_json, near_duplicates, read_pairs, source_of, usable
from core.cli.trainers import trainers_for
from core.pairs.issue import count
from core.plan import make_plan
from core.recipe import parse_settings
from core.runs.create import create_run
from core.runs.target import estimate, parse_target
from core.workspace import Workspace


def run(options: Namespace) -> int:
    recipe = parse_settings(options.set)
    target = parse_target(options.on, options.target)
    workspace = Workspace.at(options.workspace)
    trainer = trainers_for(workspace, target.on)
    if target.on == "here":
        trainer.prepare()  # the worker loads its libraries while this process reads and plans
    table, pairs = read_pairs(options.file, options.skip_broken, options.column)
    used, left_out = usable(pairs)
    source = source_of(options.file, pairs)
    note("Planning: which questions ask nearly the same, what to keep aside, how long it takes.")
    plan = make_plan(recipe, used, workspace, near_duplicates(used, workspace))
    if there := trainer.sagemaker:
        connection = there.account.connection
        price = price_of(connection, target.instance_type, connection.region, "training")
        note(estimate(target, plan, price).words)
    one = create_run(workspace, used, recipe, name=options.name, source=source, plan=plan, target=target)

    settings = one.settings()
    if options.json:
        write_json({
            "t": round(time.time(), 3), "kind": "created", "run": one.id, "folder": str(one.folder),
            "rows": len(pairs), "used": len(used), "left_out": as_json(left_out),
            "broken": [broken.line for broken in table.broken], "recipe": settings["recipe"],
            "reasons": settings["reasons"],
        })
    else:
        say(f"{one.id}: {count(len(used), 'pair')} of {source['name']}")
        for name, reason in settings["reasons"].items():
            say(f"  {name} = {settings['recipe'][name]}: {reason}")
    trainer.submit(one)
    note(f"The run trains on its own; Ctrl-C leaves it going. Stop it: {command('stop', one)}")
    return follow(trainer, one, 0, as_json=options.json)
