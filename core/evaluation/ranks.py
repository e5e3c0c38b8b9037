"""Where the right answers stand among the wrong ones."""

from collections.abc import Callable

import numpy as np

from core.evaluation.pool import Pool

#: Scores closer than this are equal: float32 rounding must not decide who is first.
TIE = 1e-6
#: The largest block of the similarity matrix, in bytes.
BLOCK_BYTES = 64 * 2**20


def unit(vectors: np.ndarray) -> np.ndarray:
    """The rows of ``vectors`` [n, d] scaled to length 1 as float32; a row of zeros stays zeros."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.where(lengths > 0, lengths, 1)).astype(np.float32, copy=False)


def masked_ranks(query_vectors: np.ndarray, corpus_vectors: np.ndarray, pool: Pool) -> list[np.ndarray]:
    """``masked_ranks_by`` the cosine.

    Args:
        query_vectors: [queries, d], rows of length 1.
        corpus_vectors: [corpus, d], rows of length 1.
    """
    return masked_ranks_by(lambda start, end: query_vectors[start:end] @ corpus_vectors.T, pool)


def masked_ranks_by(scores: Callable[[int, int], np.ndarray], pool: Pool) -> list[np.ndarray]:
    """For each query, for each of its right answers: 1 + the number of wrong answers that score at least as high.

    Other right answers are left out of the count. A tie counts against the right answer, and so does a value that is
    not a number: a model that gives every text the same vector ranks last, not first.

    Args:
        scores: ``scores(start, end)`` of these queries and every answer, [end - start, corpus] float32, to be changed.

    Returns:
        One int array a query, in the order of ``pool.right``; values from 1 to 1 + the number of wrong answers.
    """
    queries, answers = pool.right_pairs
    ends = np.cumsum([len(right) for right in pool.right], dtype=np.int64)
    nth = np.arange(len(answers)) - np.concatenate([[0], ends])[queries]  # 0 for the first right answer of each query
    wrong = len(pool.corpus) - np.diff(ends, prepend=0)[queries]
    ranks = np.empty(len(answers), dtype=np.int64)
    block = max(1, BLOCK_BYTES // (4 * max(1, len(pool.corpus))))
    for start in range(0, len(pool.queries), block):
        found = scores(start, min(start + block, len(pool.queries)))
        first, last = np.searchsorted(queries, [start, start + block])
        at = queries[first:last] - start, answers[first:last]
        to_beat = found[at] - TIE
        found[at] = np.nan  # what is not a number is below nothing, and nothing is below it
        for turn in range(nth[first:last].max() + 1):  # all first right answers together, then all second ones, ...
            now = np.flatnonzero(nth[first:last] == turn)
            below = np.count_nonzero(found[at[0][now]] < to_beat[now, None], axis=1)
            ranks[first + now] = 1 + wrong[first + now] - below
    return np.split(ranks, ends[:-1]) if len(ends) else []


def of_pairs(ranks: list[np.ndarray], pool: Pool) -> tuple[np.ndarray, np.ndarray]:
    """The best rank of each query [queries], and the rank of each held-out pair's own answer [pairs]."""
    queries, answers = pool.right_pairs
    # Both lists of pairs as one number each; right_pairs is sorted by it.
    place = np.searchsorted(
        queries * len(pool.corpus) + answers, pool.pairs["query"] * len(pool.corpus) + pool.pairs["answer"]
    )
    best = np.array([one.min() for one in ranks], dtype=np.int64)
    return best, np.concatenate([*ranks, np.empty(0, dtype=np.int64)])[place]
