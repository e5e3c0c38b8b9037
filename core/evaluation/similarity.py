"""How alike related and unrelated texts are to a model: a similarity means something only beside its floor."""

from dataclasses import dataclass

import numpy as np

from core.evaluation.pool import Pool
from core.evaluation.ranks import unit

#: How many (question, wrong answer) pairs are looked at one by one; the mean is exact without them.
SAMPLE = 20_000


@dataclass(frozen=True)
class Floor:
    """How alike texts are that do not belong together.

    Attributes:
        mean: the mean cosine of all questions with all their wrong answers.
        high: 95 of 100 such pairs stay below this cosine.
        looked_at: how many pairs ``high`` rests on.
        sampled: whether these were a random sample.
    """

    mean: float
    high: float
    looked_at: int
    sampled: bool


def matched_cosines(query_vectors: np.ndarray, corpus_vectors: np.ndarray, pool: Pool) -> np.ndarray:
    """The cosine of every held-out pair, in the order of ``pool.pairs``. Rows of the vectors have length 1."""
    return cosines(query_vectors, corpus_vectors, pool.pairs["query"].to_numpy(), pool.pairs["answer"].to_numpy())


def mismatched_mean(query_vectors: np.ndarray, corpus_vectors: np.ndarray, pool: Pool) -> float | None:
    """The exact mean cosine of every question with every wrong answer; None where there is no wrong answer.

    The sum over all pairs is one dot product of two sums, so nothing needs to be sampled.
    """
    queries, answers = pool.right_pairs
    wrong = len(pool.queries) * len(pool.corpus) - len(queries)
    if wrong == 0:
        return None
    total = query_vectors.sum(axis=0, dtype=np.float64) @ corpus_vectors.sum(axis=0, dtype=np.float64)
    right = cosines(query_vectors, corpus_vectors, queries, answers).sum(dtype=np.float64)
    return float(np.clip((total - right) / wrong, -1, 1))


def mismatched_pairs(pool: Pool, limit: int = SAMPLE, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Questions and wrong answers as two index arrays: all of them up to ``limit``, else about ``limit`` by chance.

    The same pool and seed give the same pairs, so two models are looked at on the same ones.
    """
    queries, answers = pool.right_pairs
    width = len(pool.corpus)
    total = len(pool.queries) * width
    right = queries * width + answers
    if total <= limit:
        wrong = np.setdiff1d(np.arange(total), right, assume_unique=True)
    else:
        drawn = np.unique(np.random.default_rng(seed).integers(total, size=limit))
        wrong = drawn[~np.isin(drawn, right)]
    return wrong // max(1, width), wrong % max(1, width)


def cosines(
    query_vectors: np.ndarray, corpus_vectors: np.ndarray, queries: np.ndarray, answers: np.ndarray
) -> np.ndarray:
    """The cosine of query ``queries[i]`` with answer ``answers[i]`` for each i, in blocks of bounded memory."""
    block = 8192
    parts = [
        np.einsum("nd,nd->n", query_vectors[queries[at : at + block]], corpus_vectors[answers[at : at + block]])
        for at in range(0, len(queries), block)
    ]
    # Rounding can carry the cosine of a text with itself past 1.
    return np.clip(np.concatenate(parts), -1, 1) if parts else np.empty(0, dtype=np.float32)


def auc(matched: np.ndarray, mismatched: np.ndarray) -> float | None:
    """How often a matched pair scores above a mismatched one (a tie is half); 0.5 is chance. None where one is empty.

    This is the area under the ROC curve, as the Mann-Whitney statistic.
    """
    if not len(matched) or not len(mismatched):
        return None
    ordered = np.sort(mismatched)
    below = np.searchsorted(ordered, matched, side="left") + np.searchsorted(ordered, matched, side="right")
    return float(below.mean() / 2 / len(ordered))


def floor(query_vectors: np.ndarray, corpus_vectors: np.ndarray, pool: Pool) -> Floor | None:
    """The floor of one model on a pool; None where no wrong answer was found. Vectors may have any length."""
    query_vectors, corpus_vectors = unit(query_vectors), unit(corpus_vectors)
    sample = cosines(query_vectors, corpus_vectors, *mismatched_pairs(pool))
    return floor_of(mismatched_mean(query_vectors, corpus_vectors, pool), sample, pool)


def floor_of(mean: float | None, sample: np.ndarray, pool: Pool) -> Floor | None:
    """A floor from its exact mean and the cosines of ``mismatched_pairs``."""
    if mean is None or not len(sample):
        return None
    wrong = len(pool.queries) * len(pool.corpus) - len(pool.right_pairs[0])
    return Floor(mean, float(np.quantile(sample, 0.95)), len(sample), len(sample) < wrong)
