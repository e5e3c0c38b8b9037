"""What a run folder asks for."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pandas as pd
import pyarrow.parquet as pq

from core.errors import WorkbenchError
from core.recipe import Recipe, make_recipe
from core.runs.run import Run


@dataclass(frozen=True)
class Job:
    """What a run folder asks for.

    Attributes:
        pairs: how many rows there are to train on.
    """

    run: Run
    settings: dict[str, Any]
    recipe: Recipe
    pairs: int

    @property
    def in_folds(self) -> bool:
        return self.recipe.evidence == "five folds"  # a run from before there were any says nothing

    def train(self) -> pd.DataFrame:
        """The rows to train on, with ``component``, and ``fold`` where there are five; read anew each time: a million of them
        take 0.3 GB, which whoever has them gives back when only their tokens are needed.

        Raises:
            WorkbenchError: the file is damaged.
        """
        with _readable():
            return pd.read_parquet(self.run.train_file)

    def held_out(self) -> pd.DataFrame:
        """The rows kept aside, with ``component``; none with five folds.

        Raises:
            WorkbenchError: the file is damaged.
        """
        with _readable():
            return pd.read_parquet(self.run.heldout_file)


def read_job(run: Run) -> Job:
    """The recipe of a run, whose rows are looked at and not read yet.

    Raises:
        WorkbenchError: a file is missing or damaged, or there are fewer than two rows to train on.
    """
    settings = run.settings()
    with _readable():
        with pq.ParquetFile(run.train_file) as file:
            columns, pairs = set(file.schema_arrow.names), file.metadata.num_rows
        job = Job(run, settings, make_recipe(settings["recipe"]), pairs)
        missing = {"row", "anchor", "positive", "component", *(["fold"] if job.in_folds else [])} - columns
        if missing or settings["base"]["name"] is None:
            raise KeyError(", ".join(sorted(missing)))
    if pairs < 2:
        raise WorkbenchError("There are too few pairs.", "Training needs at least two.", "Bring more pairs.")
    return job


@contextmanager
def _readable() -> Iterator[None]:
    """Say in words what is wrong with a run's files."""
    try:
        yield
    except (KeyError, TypeError, ValueError, OSError, WorkbenchError) as error:
        raise WorkbenchError(
            "The run's folder is damaged.",
            f"recipe.json, train.parquet or heldout.parquet cannot be read ({type(error).__name__}: {error}).",
            "Start a new run from the pairs.",
        ) from error
