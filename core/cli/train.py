"""``train``: a file becomes a run; the run is followed to its end."""

import hashlib
import time
from argparse import Namespace
from pathlib import Path

from core.cli.follow import command, follow
from core.cli.output import note, say, write_json
from core.cli.pairs_file import as_json, near_duplicates, read_pairs, usable
from core.pairs.issue import count
from core.recipe import parse_settings
from core.runs.create import create_run
from core.runs.local import LocalTrainer
from core.workspace import Workspace


def run(options: Namespace) -> int:
    recipe = parse_settings(options.set)
    workspace = Workspace.at(options.workspace)
    trainer = LocalTrainer(workspace)
    trainer.prepare()  # the worker loads its libraries while this process reads and plans
    table, pairs = read_pairs(options.file, options.skip_broken, options.column)
    used, left_out = usable(pairs)
    path = Path(options.file).expanduser()
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    source = {"name": path.name, "digest": digest, "rows": len(pairs), "set": None}
    note("Planning: which questions ask nearly the same, what to keep aside, how long it takes.")
    one = create_run(
        workspace, used, recipe, name=options.name, source=source, near_duplicates=near_duplicates(used, workspace)
    )

    settings = one.settings()
    if options.json:
        write_json({
            "t": round(time.time(), 3), "kind": "created", "run": one.id, "folder": str(one.folder),
            "rows": len(pairs), "used": len(used), "left_out": as_json(left_out),
            "broken": [broken.line for broken in table.broken], "recipe": settings["recipe"],
            "reasons": settings["reasons"],
        })
    else:
        say(f"{one.id}: {count(len(used), 'pair')} of {path.name}")
        for name, reason in settings["reasons"].items():
            say(f"  {name} = {settings['recipe'][name]}: {reason}")
    trainer.submit(one)
    note(f"The run trains on its own; Ctrl-C leaves it going. Stop it: {command('stop', one)}")
    return follow(trainer, one, 0, as_json=options.json)
