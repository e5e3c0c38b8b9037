"""All that the Compare tab draws of two models, worked out once for all who look."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from core.errors import WorkbenchError
from core.evaluation.comparison import Comparison, Example, compare, example_pairs, pairs_table
from core.evaluation.crossfit import CrossFit
from core.evaluation.general import general_language
from core.evaluation.likeness import Likeness, likeness_of
from core.evaluation.ranks import unit
from core.evaluation.report import report
from core.evaluation.seen import rows_seen
from core.maps.kept import map_of
from core.maps.projection import Map
from core.models import ModelRef, embed
from core.pairs.store import open_set
from core.runs.folds import compare_folds, folds_of_model, rows_of
from core.runs.run import Run
from core.workspace import Workspace
from workbench.charts import space as kinds
from workbench.once import computed_once


@dataclass(frozen=True, eq=False)
class Shown:
    """All that the tab draws of two models.

    Attributes:
        table: the pairs, worst first, with ``pair``: their position in ``comparison.pool.pairs``.
        groups: the group that the data names for a text, where it names one.
        folds: where the pairs were asked of the models of five folds, what these make of all texts.
        likeness: some of the pairs, each question with each answer.
    """

    comparison: Comparison
    report: dict
    table: pd.DataFrame
    examples: list[Example]
    map: Map
    groups: dict[str, str]
    folds: CrossFit | None
    likeness: Likeness

    @cached_property
    def texts(self) -> list[str]:
        """The questions and then the answers: a text's place here is its id on the map."""
        return [*self.comparison.pool.queries, *self.comparison.pool.corpus]

    @cached_property
    def ends(self) -> tuple[np.ndarray, np.ndarray]:
        """The two texts (ids) of each row of ``table``."""
        pairs = self.comparison.pool.pairs.iloc[self.table["pair"]]
        return pairs["query"].to_numpy(), pairs["answer"].to_numpy() + len(self.comparison.pool.queries)

    def rows_touching(self, ids: Iterable[int]) -> np.ndarray:
        """For each row of ``table`` whether one of its texts is among ``ids``."""
        wanted = np.asarray(list(ids), dtype=np.int64)
        return np.isin(self.ends[0], wanted) | np.isin(self.ends[1], wanted)

    def change_kinds(self) -> list[kinds.Kind]:
        """What happened to the right answers of each text on the map; of several the worst."""
        worst = np.full(len(self.texts), np.iinfo(np.int64).max)
        for ends in self.ends:
            np.minimum.at(worst, ends, self.table["change"].to_numpy())
        return [
            kinds.NOT_ASKED if change == np.iinfo(np.int64).max
            else kinds.WENT_UP if change > 0 else kinds.WENT_DOWN if change < 0 else kinds.AS_BEFORE
            for change in worst[self.map.shown].tolist()
        ]

    def side_kinds(self) -> list[kinds.Kind]:
        """Questions and answers."""
        return [kinds.QUESTION if at < len(self.comparison.pool.queries) else kinds.ANSWER for at in self.map.shown]

    def group_kinds(self) -> list[kinds.Kind]:
        """The largest groups of the data, each in a colour and shape of its own; the rest as other texts."""
        names = [self.groups.get(self.texts[at], "") for at in self.map.shown]
        largest = pd.Series([name for name in names if name]).value_counts().index[: len(kinds.GROUP_KINDS)]
        known = {name: kinds.Kind(name[:40], *look) for name, look in zip(largest, kinds.GROUP_KINDS, strict=False)}
        return [known.get(name, kinds.OTHER) for name in names]

    def found_kinds(self, found: np.ndarray) -> list[kinds.Kind]:
        """The texts of the rows of ``table`` that a search found."""
        ids = set(self.ends[0][found].tolist()) | set(self.ends[1][found].tolist())
        return [kinds.FOUND if at in ids else kinds.OTHER for at in self.map.shown.tolist()]


def trained_one(base: ModelRef, tuned: ModelRef) -> ModelRef | None:
    """The model whose run's data is asked about: ``tuned``, or else ``base``; None for two models from elsewhere."""
    return next((model for model in (tuned, base) if Run(model.path.parent).train_file.exists()), None)


def rows_for(workspace: Workspace, base: ModelRef, tuned: ModelRef, set_id: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows to ask about (neither model trained on them) and all rows of the data.

    The data is the one that ``tuned``, or else ``base``, was trained on; for two models from elsewhere the set in use.
    """
    if model := trained_one(base, tuned):
        run = Run(model.path.parent)
        train, held_out = rows_of(run)
        everything = pd.concat([train, held_out], ignore_index=True)
        other = base if model is tuned else tuned
        return held_out[~rows_seen(other.path, held_out)], everything
    if not set_id:
        raise WorkbenchError("There are no pairs to compare these models on.", "", "Bring pairs on the Pairs tab.")
    everything = open_set(workspace, set_id).used_pairs().frame
    return everything, everything


@computed_once(kept=4)
def shown_of(workspace: Workspace, base: ModelRef, tuned: ModelRef, set_id: str, stamp: str) -> Shown:
    """Everything about two models. ``stamp`` changes when the rows in use do."""
    del stamp
    # Another thread may be importing torch, and scikit-learn cannot be imported while torch is half there: wait for it.
    import torch  # noqa: F401

    held_out, everything = rows_for(workspace, base, tuned, set_id)
    folds = folds_of_model(tuned)
    comparison = compare_folds(base, folds, workspace) if folds else None
    if comparison is None:
        folds, comparison = None, compare(base, tuned, held_out, everything, workspace)
    pool = comparison.pool
    texts = [*pool.queries, *pool.corpus]
    table = pairs_table(comparison, with_places=True)
    return Shown(
        comparison, report(comparison), table, example_pairs(comparison), map_of(base, tuned, texts, pool.digest(), workspace),
        _groups(everything), folds, likeness_of(table, pool, base, tuned, workspace, folds),
    )


@computed_once(kept=4)
def general_of(workspace: Workspace, base: ModelRef, tuned: ModelRef) -> dict[str, Any]:
    """What became of general language between two models."""
    import torch  # noqa: F401  # as above

    return general_language(base, tuned, workspace)


@computed_once(kept=1)
def _vectors(workspace: Workspace, base: ModelRef, tuned: ModelRef, shown: Shown) -> tuple[np.ndarray, np.ndarray]:
    """The vectors of ``shown.texts`` under both models, from the cache: too large to keep for every comparison."""
    return embed(base, shown.texts, workspace), embed(tuned, shown.texts, workspace)


def vectors_of(
    workspace: Workspace, base: ModelRef, tuned: ModelRef, shown: Shown, text: int
) -> tuple[np.ndarray, np.ndarray]:
    """The vectors of ``shown.texts`` under both models; with five folds, after is the model that never saw ``text``."""
    before, after = _vectors(workspace, base, tuned, shown)
    return before, after if shown.folds is None else unit(shown.folds.of(text))


def _groups(rows: pd.DataFrame) -> dict[str, str]:
    if "group" not in rows:
        return {}
    return {
        text: group
        for side in ("anchor", "positive")
        for text, group in zip(rows[side], rows["group"], strict=True)
        if group
    }
