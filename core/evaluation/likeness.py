"""How alike two models find each question and each answer of some pairs: the squares of the heat-map."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.evaluation.crossfit import CrossFit
from core.evaluation.pool import Pool
from core.evaluation.ranks import unit
from core.models import ModelRef, embed
from core.workspace import Workspace

#: The most pairs that are looked at, one with another.
MOST_PAIRS = 40


@dataclass(frozen=True, eq=False)
class Likeness:
    """Some pairs of a table, each question with each answer.

    Attributes:
        questions, answers: the texts of the pairs, [n] each.
        base, tuned: cosines [n, n] under each model; the right answer of row i is column i.
    """

    questions: list[str]
    answers: list[str]
    base: np.ndarray
    tuned: np.ndarray


def likeness_of(
    table: pd.DataFrame, pool: Pool, base: ModelRef, tuned: ModelRef, workspace: Workspace, folds: CrossFit | None = None
) -> Likeness:
    """The likeness of up to ``MOST_PAIRS`` pairs, taken evenly from the first row to the last.

    Args:
        table: what ``pairs_table`` made with places.
        folds: where the pairs were asked of the models of five folds: each row is as the model sees it that never saw
            its question.
    """
    rows = np.unique(np.linspace(0, len(table) - 1, min(MOST_PAIRS, len(table))).round().astype(int))
    some = table.iloc[rows]
    questions, answers = some["question"].tolist(), some["answer"].tolist()

    def cosines(model: ModelRef) -> np.ndarray:
        vectors = embed(model, [*questions, *answers], workspace)
        return np.asarray(vectors[: len(rows)] @ vectors[len(rows) :].T)

    if folds is None:
        return Likeness(questions, answers, cosines(base), cosines(tuned))
    pairs = pool.pairs.iloc[some["pair"]]
    places, others = pairs["query"].to_numpy(), pairs["answer"].to_numpy() + len(pool.queries)
    spaces = [unit(one) for one in folds.vectors]
    of_folds = np.stack([
        spaces[fold][place] @ spaces[fold][others].T for place, fold in zip(places, folds.fold_of[places], strict=True)
    ])
    return Likeness(questions, answers, cosines(base), of_folds)
