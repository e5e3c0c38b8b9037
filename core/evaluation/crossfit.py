"""Five models as one: each question is asked of the model that never saw its pair.

Cross-fitting: the pairs are divided into folds, a model is trained without each of them,
and what the five say of their own fold is put together. So every pair is asked, and none by a model that learned it.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from core.evaluation import sizes
from core.evaluation.health import sampled
from core.evaluation.measurement import Measurement, measure
from core.evaluation.pool import Pool
from core.evaluation.ranks import unit
from core.evaluation.similarity import floor_of, mismatched_mean, mismatched_pairs


@dataclass(frozen=True, eq=False)
class CrossFit:
    """What the models of all folds make of the texts of one pool.

    Attributes:
        pool: every question of the run and every answer.
        fold_of: int [queries + corpus]: the model, from 0, that never saw the text; first the questions, then the answers.
        vectors: float32 [folds, queries + corpus, d], each model's, in the same order.
    """

    pool: Pool
    fold_of: np.ndarray
    vectors: np.ndarray

    def of(self, text: int) -> np.ndarray:
        """The vectors [queries + corpus, d] under the model that never saw ``text`` (its place among all texts)."""
        own: np.ndarray = self.vectors[self.fold_of[text]]
        return own

    @cached_property
    def measurement(self) -> Measurement:
        """What the five models do together: what is known of a text, a pair or a question is its own model's.

        The floor is the mean over all questions with their wrong answers; uniformity, which is of a whole space, is the
        mean of the five.
        """
        pool, first = self.pool, len(self.pool.queries)
        parts = [measure(pool, one[:first], one[first:]) for one in self.vectors]
        of_query = self.fold_of[:first]
        of_pair = of_query[pool.pairs["query"]]

        def own(values: list[np.ndarray], fold: np.ndarray) -> np.ndarray:
            """Of each fold's values the ones of its own rows."""
            rows: np.ndarray = np.stack(values)[fold, np.arange(len(fold))]
            return rows

        mismatched = own([part.mismatched for part in parts], of_query[mismatched_pairs(pool)[0]])
        return Measurement(
            metrics={name: own([part.metrics[name] for part in parts], of_query) for name in parts[0].metrics},
            rank=own([part.rank for part in parts], of_query),
            pair_rank=own([part.pair_rank for part in parts], of_pair),
            matched=own([part.matched for part in parts], of_pair),
            mismatched=mismatched,
            floor=floor_of(self._mismatched_mean(), mismatched, pool),
            uniformity=float(np.mean([part.uniformity for part in parts])),
            neighbours=own([part.neighbours for part in parts], self.fold_of[sampled(len(self.fold_of))]),
            dimensions=parts[0].dimensions,
            sizes={
                name: own([part.sizes[name] for part in parts], of_query[sizes.asked(pool)]) for name in parts[0].sizes
            },
        )

    def _mismatched_mean(self) -> float | None:
        first, total, wrong = len(self.pool.queries), 0.0, 0
        for fold, vectors in enumerate(self.vectors):
            some = np.flatnonzero(self.fold_of[:first] == fold)
            part = self.pool.only(some)
            mean = mismatched_mean(unit(vectors[some]), unit(vectors[first:]), part) if len(some) else None
            if mean is not None:
                pairs = len(some) * len(part.corpus) - sum(map(len, part.right))
                total, wrong = total + mean * pairs, wrong + pairs
        return total / wrong if wrong else None


def folds_of(pool: Pool, rows: pd.DataFrame) -> np.ndarray:
    """``CrossFit.fold_of`` of a pool made of ``rows``, whose column ``fold`` counts from 1."""
    fold = rows["fold"].to_numpy() - 1
    answers: dict[str, int] = {}
    for side in ("negative", "positive"):  # a text that is a right answer somewhere belongs with its question
        if side in rows:
            answers |= dict(zip(rows[side][::-1], fold[::-1].tolist(), strict=True))
    questions = dict(zip(rows["anchor"], fold.tolist(), strict=True))
    return np.array([*(questions[text] for text in pool.queries), *(answers[text] for text in pool.corpus)], dtype=np.int64)
