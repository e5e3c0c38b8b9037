"""The line before the one place at which a machine trains: turn by turn between the people who share it.

It can be read off the folders of all of them at any time, so any app, and any number of them, can move it; that one of
them ends, however it ends, holds nobody up.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from glob import glob
from typing import Any

from core.runs.run import RUN_ID, Run, all_runs
from core.workspace import Workspace, read_object, write_json


@dataclass(frozen=True)
class Turn:
    """One place in the line, or at work.

    Attributes:
        run: whose turn it is.
        owner: the workspace that the run is in.
        starts_in: seconds until it begins, estimated; 0 for what is at work, None where nobody can tell.
        takes: how long it goes on from then, in seconds, estimated; None where nobody can tell.
    """

    run: Run
    owner: Workspace
    starts_in: float | None
    takes: float | None


def waiting(workspace: Workspace) -> list[tuple[int, Run]]:
    """The workspace's own runs that wait, with the time (in ns) at which they were put in the line, the first one first."""
    found = []
    for name in glob("*/queued", root_dir=workspace.runs):
        file = workspace.runs / name
        try:
            run = Run(file.parent)
            if RUN_ID.fullmatch(run.id) and run.status().state == "queued":
                found.append((file.stat().st_mtime_ns, run))
        except FileNotFoundError:  # launched or stopped a moment ago
            continue
    return sorted(found, key=lambda entry: (entry[0], entry[1].id))


def in_order(workspace: Workspace) -> list[tuple[Workspace, Run]]:
    """Everybody's runs that wait, in the order in which they will begin.

    The next turn is that of whoever has had none for the longest time, and of two such the one who came first; so many runs
    of one person hold up another's by one run at most.
    """
    queues = {one: runs for one in workspace.neighbours() if (runs := waiting(one))}
    had = {one: float(_turns(workspace).get(one.root.name) or 0) for one in queues}
    order = []
    while queues:
        owner = min(queues, key=lambda one: (had[one], queues[one][0][0], one.root.name))
        order.append((owner, queues[owner].pop(0)[1]))
        had[owner] = max(time.time(), *had.values()) + 1
        if not queues[owner]:
            del queues[owner]
    return order


def at_work(workspace: Workspace) -> tuple[Workspace, Run] | None:
    """The run whose worker is alive on this machine, whoever's it is."""
    return next(((one, run) for one in workspace.neighbours() for run in all_runs(one) if occupied(run)), None)


def occupied(run: Run) -> bool:
    """Whether the run has a worker on this machine, or is about to have one."""
    if run.settled() or run.job_file.exists():  # over, or it trains elsewhere
        return False
    return run.worker() is not None or run.status().state in ("running", "stopping")


def took_turn(owner: Workspace) -> None:
    """Remember that it was ``owner``'s turn, where others have turns as well. Called by whoever holds the lock of the line."""
    if owner.house == owner.root:
        return
    turns = {**_turns(owner), owner.root.name: time.time()}
    write_json(owner.house / "turns.json", turns)


def whole_line(workspace: Workspace) -> list[Turn]:
    """What is at work, and then what waits, with estimates."""
    now = at_work(workspace)
    turns: list[Turn] = []
    starts_in: float | None = 0.0
    for owner, run in [*([now] if now else []), *in_order(workspace)]:
        takes = _takes(run)
        turns.append(Turn(run, owner, starts_in, takes))
        starts_in = None if starts_in is None or takes is None else starts_in + takes
    return turns


def own_places(turns: Sequence[Turn], workspace: Workspace) -> dict[str, int]:
    """The place in the line (1 is next) of each run of this workspace that waits."""
    waits = [turn for turn in turns if turn.run.status().state == "queued"]
    return {turn.run.id: place for place, turn in enumerate(waits, 1) if turn.owner == workspace}


def _takes(run: Run) -> float | None:
    """How long the run will go on, by its plan and what it has done of it; an estimate."""
    expected, status = run.settings().get("expected_seconds"), run.status()
    if not isinstance(expected, (int, float)) or expected <= 0:
        return None
    return expected * (1 - status.step / status.steps) if status.steps else float(expected)


def _turns(workspace: Workspace) -> dict[str, Any]:
    return read_object(workspace.house / "turns.json")
