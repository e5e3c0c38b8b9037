"""The standard measures of a ranking, one value a query, so that two models can be compared query by query."""

import numpy as np

#: The measures that are reported, in this order.
METRICS = ("hit@1", "recall@5", "recall@10", "mrr@10", "ndcg@10")
#: What each of them says, for people who do not know them.
MEANINGS = {
    "hit@1": "the right answer comes first", "recall@5": "right answers among the first 5",
    "recall@10": "right answers among the first 10", "mrr@10": "1 / rank of the first right answer, 0 beyond 10",
    "ndcg@10": "how high the right answers stand among the first 10",
}


def metrics(ranks: list[np.ndarray]) -> dict[str, np.ndarray]:
    """Each of ``METRICS`` for each query, from the masked ranks of its right answers.

    The i-th best right answer (from 1) of masked rank r stands at position r + i - 1 of the whole list. hit@1: a right
    answer is at position 1; recall@5 and @10: the share of right answers up to that position; mrr@10: 1 / the first right
    position, 0 beyond 10; ndcg@10: sum of 1 / log2(1 + position) over right answers up to 10, divided by its largest
    possible value (Järvelin and Kekäläinen, 2002, with binary gains).
    """
    counts = np.array([len(one) for one in ranks], dtype=np.int64)
    if not len(counts):
        return {name: np.empty(0) for name in METRICS}
    starts = np.cumsum(counts) - counts
    nth = np.arange(counts.sum()) - np.repeat(starts, counts)  # 0 for the best right answer of each query
    position = np.concatenate([np.sort(one) for one in ranks]) + nth
    first = position[starts]
    top = position <= 10
    gains = np.where(top, 1 / np.log2(1 + position), 0)
    ideal = np.cumsum(1 / np.log2(np.arange(2, 12)))[np.minimum(counts, 10) - 1]
    return {
        "hit@1": (first == 1).astype(float),
        "recall@5": np.add.reduceat((position <= 5).astype(float), starts) / counts,
        "recall@10": np.add.reduceat(top.astype(float), starts) / counts,
        "mrr@10": np.where(first <= 10, 1 / first, 0),
        "ndcg@10": np.add.reduceat(gains, starts) / ideal,
    }
