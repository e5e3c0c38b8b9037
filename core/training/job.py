"""What a run folder asks for."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from core.errors import WorkbenchError
from core.recipe import Recipe, make_recipe
from core.runs.run import Run


@dataclass(frozen=True)
class Job:
    """What a run folder asks for.

    Attributes:
        train, held_out: rows with ``component``; with five folds ``train`` has ``fold`` too, and nothing is held out.
    """

    settings: dict[str, Any]
    recipe: Recipe
    train: pd.DataFrame
    held_out: pd.DataFrame

    @property
    def in_folds(self) -> bool:
        return self.recipe.evidence == "five folds"  # a run from before there were any says nothing


def read_job(run: Run) -> Job:
    """The recipe and the rows of a run.

    Raises:
        WorkbenchError: a file is missing or damaged, or there are fewer than two rows to train on.
    """
    settings = run.settings()
    try:
        recipe = make_recipe(settings["recipe"])
        train, held_out = pd.read_parquet(run.train_file), pd.read_parquet(run.heldout_file)
        job = Job(settings, recipe, train, held_out)
        missing = {"row", "anchor", "positive", "component", *(["fold"] if job.in_folds else [])} - set(train.columns)
        if missing or settings["base"]["name"] is None:
            raise KeyError(", ".join(sorted(missing)))
    except (KeyError, TypeError, ValueError, OSError, WorkbenchError) as error:
        raise WorkbenchError(
            "The run's folder is damaged.",
            f"recipe.json, train.parquet or heldout.parquet cannot be read ({type(error).__name__}: {error}).",
            "Start a new run from the pairs.",
        ) from error
    if len(train) < 2:
        raise WorkbenchError("There are too few pairs.", "Training needs at least two.", "Bring more pairs.")
    return job
