"""``runs``: every run of the workspace with its state."""

from argparse import Namespace
from typing import Any

from core.cli.output import say, write_json
from core.runs.run import Run, all_runs
from core.workspace import Workspace


def run(options: Namespace) -> int:
    rows = [row_of(one) for one in all_runs(Workspace.at(options.workspace))]
    if options.json:
        write_json(rows)
    elif not rows:
        say("There are no runs yet. Start one with: python -m core train FILE")
    else:
        width = max(len(row["run"]) for row in rows)
        for row in rows:
            steps = f"step {row['step']:,} of {row['steps']:,}" if row["steps"] else ""
            say(f"{row['run']:{width}}  {row['state']:11}  {steps}".rstrip())
    return 0


def row_of(one: Run) -> dict[str, Any]:
    """A run as ``runs --json`` shows it."""
    status = one.status()
    return {
        "run": one.id, "state": status.state, "pid": status.pid, "step": status.step, "steps": status.steps,
        "name": one.settings().get("name"), "folder": str(one.folder),
    }
