"""A new run: its plan is made, its files are written out of sight, and it appears at once and whole."""

import errno
import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from core.errors import WorkbenchError
from core.pairs.dataset import ROLES, PairSet
from core.recipe import Recipe, make_recipe
from core.runs.run import Run, new_run_id, no_run
from core.runs.target import Target
from core.runs.versions import versions
from core.workspace import Workspace, unless_deleted, write_json, writing


def create_run(
    workspace: Workspace, pairs: PairSet, recipe: Recipe, *, name: str | None = None, source: dict[str, Any],
    near_duplicates: Iterable[Sequence[int]] = (), plan: Any = None, target: Target | None = None,
) -> Run:
    """Make a run that is ready to be submitted.

    Args:
        pairs: the rows in use, without empty sides.
        recipe: as asked for; what it leaves open is chosen by ``core.plan``.
        name: what the run is called on the screen; made of the set's name and the effort where it is None.
        source: where the rows come from: ``name``, ``digest``, ``rows``, ``set`` (a stored set's id or None).
        near_duplicates: groups of row numbers that must not cross the split.
        plan: the ``core.plan.Plan`` of exactly these arguments, where it was made already (to be shown).
        target: where it shall train; here, where it is None.

    Raises:
        WorkbenchError: the plan cannot be made, or the disk is full.
    """
    from core.plan import make_plan

    plan = plan or make_plan(recipe, pairs, workspace, near_duplicates)
    name = " ".join((name or "").split())[:80] or f"{Path(pairs.name).stem} {plan.recipe.effort}"
    settings = {
        "name": name,
        "created": round(time.time(), 3),
        "kind": pairs.kind,
        "columns": pairs.columns,
        "source": source,
        "recipe": plan.recipe.model_dump(mode="json"),
        "reasons": plan.reasons,
        "base": {
            "name": plan.base.name, "path": str(plan.base.path), "digest": plan.base.digest, "seen": plan.seen,
        },
        "threads": None,
        "expected_seconds": round(float(plan.seconds)),
        "versions": versions(),
        "target": (target or Target()).model_dump(mode="json"),
    }
    with writing(f"The run could not be written to {workspace.root}."):
        return _write(workspace, plan.split, settings)


def _write(workspace: Workspace, split: Any, settings: dict[str, Any]) -> Run:
    hidden = Path(tempfile.mkdtemp(dir=workspace.runs, prefix=".new-"))
    try:
        for rows, file in ((split.train, "train.parquet"), (split.held_out, "heldout.parquet")):
            columns = ["row", *(role for role in ROLES if role in rows), "component", *(["fold"] if "fold" in rows else [])]
            rows[columns].to_parquet(hidden / file, index=False)
            _to_disk(hidden / file)
        return publish(workspace, hidden, settings)
    finally:
        shutil.rmtree(hidden, ignore_errors=True)  # nothing is there any more when all went well


def publish(workspace: Workspace, hidden: Path, settings: dict[str, Any]) -> Run:
    """Write ``settings`` into the finished folder and rename it to the first free id; another program may take the same
    one at the same moment."""
    while True:
        run_id = new_run_id(workspace, settings["name"])
        write_json(hidden / "recipe.json", {"id": run_id, **settings})
        try:
            hidden.rename(workspace.runs / run_id)
        except OSError as error:
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                raise
            continue
        _to_disk(workspace.runs)
        return Run(workspace.runs / run_id)


def _to_disk(path: Path) -> None:
    """Wait until the file or folder has really been written, so that not even a power cut leaves half a run."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def pairs_of(run: Run, changes: dict[str, Any]) -> tuple[PairSet, Recipe, list[list[int]]]:
    """The rows and the recipe of a run, to start another like it.

    Args:
        changes: recipe fields to change, name -> value; None lets the workbench choose again.

    Returns:
        All rows of the run, its recipe with the changes, and the groups of rows that its split kept together.

    Raises:
        WorkbenchError: a change is not allowed, the run's files are damaged, or it was deleted.
    """
    with unless_deleted(run.folder, no_run(run)):
        return _pairs_of(run, changes)


def _pairs_of(run: Run, changes: dict[str, Any]) -> tuple[PairSet, Recipe, list[list[int]]]:
    import pandas as pd

    settings = run.settings()
    try:
        rows = pd.concat([pd.read_parquet(run.train_file), pd.read_parquet(run.heldout_file)]).sort_values("row")
        recipe = make_recipe({"evidence": "held-out", **settings["recipe"], **changes})
        groups = [group["row"].tolist() for _, group in rows.groupby("component") if len(group) > 1]
        frame = rows.drop(columns=["component", "fold"], errors="ignore").reset_index(drop=True)
        pairs = PairSet(settings["source"]["name"], settings["kind"], settings["columns"], frame)
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise WorkbenchError(
            f"The files of {run.id} are damaged.", f"Reading them failed: {error}.", "Start a new run from the pairs."
        ) from error
    return pairs, recipe, groups
