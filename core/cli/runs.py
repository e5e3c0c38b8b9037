"""``runs``: every run of the workspace with its state."""

from argparse import Namespace
from typing import Any

from core.cli.output import say, write_json
from core.cli.trainers import look_after
from core.runs.job import read_record
from core.runs.run import Run, all_runs
from core.workspace import Workspace


def run(options: Namespace) -> int:
    workspace = Workspace.at(options.workspace)
    look_after(workspace)
    rows = [row_of(one) for one in all_runs(workspace)]
    if options.json:
        write_json(rows)
    elif not rows:
        say("There are no runs yet. Start one with: python -m core train FILE")
    else:
        width = max(len(row["run"]) for row in rows)
        for row in rows:
            steps = f"step {row['step']:,} of {row['steps']:,}" if row["steps"] else ""
            where = "" if row["on"] == "here" else f"on SageMaker, {_cost(row['cost'])}"
            say(f"{row['run']:{width}}  {row['state']:11}  {', '.join(part for part in (steps, where) if part)}".rstrip())
    return 0


def row_of(one: Run) -> dict[str, Any]:
    """A run as ``runs --json`` shows it; ``cost`` is in US dollars so far, null where it is not known."""
    status, record = one.status(), read_record(one)
    return {
        "run": one.id, "state": status.state, "pid": status.pid, "step": status.step, "steps": status.steps,
        "name": one.settings().get("name"), "folder": str(one.folder),
        "on": one.on, "cost": round(record.dollars, 4) if record and record.dollars is not None else
        None if record else 0.0,
    }


def _cost(dollars: float | None) -> str:
    return "cost not known" if dollars is None else f"${dollars:,.2f} so far"
