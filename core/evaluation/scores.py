"""The few figures that the worker follows while a model learns."""

from typing import TypedDict

import numpy as np

from core.evaluation.metrics import metrics
from core.evaluation.pool import Pool
from core.evaluation.ranks import masked_ranks, unit
from core.evaluation.similarity import matched_cosines, mismatched_mean

Scores = TypedDict(
    "Scores", {"hit@1": float, "mrr@10": float, "ndcg@10": float, "matched": float, "mismatched": float | None}
)


def score(query_vectors: np.ndarray, corpus_vectors: np.ndarray, pool: Pool) -> Scores:
    """Mean held-out measures of one model; milliseconds for a usual pool.

    Args:
        query_vectors, corpus_vectors: the vectors [n, d] of ``pool.queries`` and ``pool.corpus``, of any length.
        pool: with at least one query.

    Returns:
        Means over queries of hit@1, mrr@10 and ndcg@10, over held-out pairs of the cosine of their two texts, and over
        all questions and wrong answers of theirs (None where there is no wrong answer).
    """
    query_vectors, corpus_vectors = unit(query_vectors), unit(corpus_vectors)
    per_query = metrics(masked_ranks(query_vectors, corpus_vectors, pool))
    return {
        "hit@1": float(per_query["hit@1"].mean()),
        "mrr@10": float(per_query["mrr@10"].mean()),
        "ndcg@10": float(per_query["ndcg@10"].mean()),
        "matched": float(matched_cosines(query_vectors, corpus_vectors, pool).mean()),
        "mismatched": mismatched_mean(query_vectors, corpus_vectors, pool),
    }
