"""A search: a folder with one file that names its trials, which are runs like any other.

    searches/<id>/search.json    once, before the first trial is put in the queue: where, its goal, trials and their runs
                  deleted.json   the rows of trials whose runs were deleted, so that the table stays whole

    on SageMaker (see remote.py), which chooses the trials:
                  prototype/     a run that is never trained: what is sent, and the tuning job in its job.json
                  trials.json    the runs of the training jobs that SageMaker has started so far

Its state is read off its runs and the tuning job, and never stored.
"""

import os
import re
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import WorkbenchError
from core.pairs.dataset import PairSet
from core.plan import Plan, varied
from core.recipe import Recipe
from core.runs.create import create_run
from core.runs.job import Record, read_record
from core.runs.run import ACTIVE, RUN_ID, Run
from core.runs.trainer import Trainer
from core.search.space import Changes, Space, draw
from core.shapes import SEARCH, read_shaped
from core.workspace import Workspace, listed, read_json, unless_deleted, write_json, writing


@dataclass(frozen=True)
class Trial:
    """One combination of settings: its place in the order of starting (from 1), what it changes, and its run."""

    number: int
    changes: Changes
    run: Run


@dataclass(frozen=True)
class Search:
    """A search's folder; ``runs`` is the folder in which its trials are."""

    folder: Path
    runs: Path

    @property
    def id(self) -> str:
        return self.folder.name

    @property
    def file(self) -> Path:
        return self.folder / "search.json"

    @property
    def prototype(self) -> Run:
        """What a search on SageMaker sends; its job is the tuning job."""
        return Run(self.folder / "prototype")

    @property
    def trials_file(self) -> Path:
        return self.folder / "trials.json"

    def facts(self) -> dict[str, Any]:
        """What search.json holds: ``id``, ``created``, ``on``, ``source``, ``goal``, ``planned`` (the
        settings that were planned without a search); ``trials`` here, ``space`` and ``most`` (trials) on SageMaker."""
        return read_shaped(self.file, SEARCH)

    def job(self) -> Record | None:
        """The tuning job; None for a search on this machine."""
        return read_record(self.prototype)

    def trials(self) -> list[Trial]:
        """Its trials in the order of starting; on SageMaker those that have been started."""
        facts = self.facts()
        listed = facts.get("trials") if facts.get("on") == "here" else read_json(self.trials_file)
        return [
            Trial(number, one["changes"], Run(self.runs / one["run"]))
            for number, one in enumerate(listed if isinstance(listed, list) else [], start=1)
            if RUN_ID.fullmatch(str(one.get("run")))
        ]

    def most(self) -> int:
        """How many trials there will be, at most."""
        facts = self.facts()
        return len(self.trials()) if facts.get("on") == "here" else int(facts.get("most", 0))

    def active(self) -> list[Trial]:
        """The trials that wait or train."""
        return [one for one in self.trials() if one.run.recipe_file.exists() and one.run.status().state in ACTIVE]

    def working(self) -> bool:
        """Whether a trial waits or trains, or another may be started."""
        job = self.job()
        return bool(self.active()) or (job is not None and self.prototype.status().state in ACTIVE)

    def start(self, trainer: Trainer) -> None:
        """Put every trial that has not finished in the queue, in order: the first start, and going on after a stop.

        A trial that was stopped and kept a model is left as it is.

        Raises:
            WorkbenchError: as ``trainer.submit``.
        """
        for trial in self.unfinished():
            trainer.submit(trial.run)

    def unfinished(self) -> list[Trial]:
        """The trials that have no model yet and are not at work: what ``start`` puts in the queue."""
        there = [one for one in self.trials() if one.run.recipe_file.exists() and not one.run.model.exists()]
        return [one for one in there if one.run.status().state not in (*ACTIVE, "done")]

    def stop(self, trainer: Trainer) -> None:
        """Take its waiting trials out of the queue and stop the one at work, which keeps its best model so far."""
        for trial in sorted(self.active(), key=lambda one: one.run.status().state != "queued"):
            trainer.stop(trial.run)

    def forget(self) -> None:
        """Remove the search; its trials stay as runs of their own.

        Raises:
            WorkbenchError: a trial waits or trains, or somebody else has removed it.
        """
        if self.working():
            raise WorkbenchError(f"{self.id} is still at work.", "", "Stop it first.")
        hidden = self.folder.with_name(f".deleted-{self.id}-{time.time_ns()}")
        with unless_deleted(self.folder, no_search(self.id)), writing(f"{self.id} could not be removed."):
            os.replace(self.folder, hidden)
        shutil.rmtree(hidden, ignore_errors=True)


def for_trials(recipe: Recipe) -> Recipe:
    """``recipe`` for a search: its trials are compared on one held-out part, the same for all, whatever a single training
    would do. Five folds of each would take six times as long."""
    return recipe.model_copy(update={"evidence": "held-out"})


def planned(plan: Plan, space: Space, trials: int) -> list[tuple[Changes, Plan]]:
    """What a search would train: each trial's changes and its plan, all with the same split and seed.

    Raises:
        WorkbenchError: as ``space.draw``, or nothing was kept aside to compare the trials on.
    """
    if not len(plan.split.held_out):
        raise WorkbenchError(
            "A search needs held-out pairs.", "Trials are compared on questions that none of them has seen, and no pair"
            " is kept aside.", "Raise the held-out share, or bring more pairs.",
        )
    return [(changes, varied(plan, changes)) for changes in draw(space, trials, plan)]


def create_search(
    workspace: Workspace, pairs: PairSet, plan: Plan, chosen: Sequence[tuple[Changes, Plan]], *, source: dict[str, Any],
    create: Callable[..., Run] = create_run,
) -> Search:
    """Make a search with its runs, ready for ``Search.start``.

    Args:
        plan: of ``pairs``; its split is that of every trial.
        chosen: as ``planned`` gave them.
        source: as for ``create_run``.
        create: makes a run as ``create_run`` does.

    Raises:
        WorkbenchError: the disk is full; nothing of the search is left then.
    """
    search = Search(new_folder(workspace, Path(pairs.name).stem), workspace.runs)
    made: list[Run] = []
    try:
        for _, one in chosen:
            made.append(create(workspace, pairs, one.recipe, name=f"{search.id} trial", source=source, plan=one))
        write_json(search.file, {
            "id": search.id, "created": round(time.time(), 3), "on": "here", "source": source, "goal": plan.recipe.goal,
            "planned": chosen[0][0],
            "trials": [
                {"run": run.id, "changes": changes} for run, (changes, _) in zip(made, chosen, strict=True)
            ],
        })
    except BaseException:
        for run in made:
            run.delete()
        shutil.rmtree(search.folder, ignore_errors=True)
        raise
    return search


def all_searches(workspace: Workspace) -> list[Search]:
    """Every search of the workspace, newest first."""
    dated = []
    for folder in listed(workspace.searches):
        search = Search(folder, workspace.runs)
        try:
            if RUN_ID.fullmatch(search.id):
                dated.append((search.file.stat().st_mtime_ns, search))
        except OSError:  # being made, or forgotten a moment ago
            continue
    return [search for _, search in sorted(dated, key=lambda pair: pair[0], reverse=True)]


def find_search(workspace: Workspace, search_id: str) -> Search:
    """The search called ``search_id``, which may come from a page.

    Raises:
        WorkbenchError: there is none in this workspace.
    """
    search = Search(workspace.searches / search_id, workspace.runs) if RUN_ID.fullmatch(search_id) else None
    if search is None or not search.file.exists():
        raise no_search(search_id)
    return search


def no_search(search_id: str) -> WorkbenchError:
    """That there is no search of this id, or no longer."""
    return WorkbenchError(f"There is no search called “{search_id}”.", "", "It may have been deleted in another tab.")


def new_folder(workspace: Workspace, name: str) -> Path:
    """A new folder of its own, e.g. ``bedrock-faq-search-1``; short enough that a trial's run id holds it whole."""
    stem = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:20].strip("-") or "pairs"
    number = 1
    while True:
        folder = workspace.searches / f"{stem}-search-{number}"
        try:
            folder.mkdir()
            return folder
        except FileExistsError:
            number += 1
