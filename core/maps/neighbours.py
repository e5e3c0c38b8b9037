"""Which texts are nearest to which, in the full space: what a flat picture can only hint at."""

import numpy as np

#: How many neighbours of a text are looked at.
NEAREST = 10
#: The largest block of the similarity matrix, in bytes.
_BLOCK_BYTES = 32 * 2**20


def nearest(vectors: np.ndarray, rows: np.ndarray | None = None, k: int = NEAREST) -> np.ndarray:
    """The ``k`` texts nearest to each by cosine, itself left out, nearest first.

    Args:
        vectors: [n, d], rows of any length.
        rows: whose neighbours are asked for (indices); None for all.

    Returns:
        Indices [rows, min(k, n - 1)].
    """
    import torch

    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors = (vectors / np.where(lengths > 0, lengths, 1)).astype(np.float32, copy=False)
    rows = np.arange(len(vectors)) if rows is None else np.asarray(rows)
    k = min(k, len(vectors) - 1)
    found = np.empty((len(rows), k), dtype=np.int64)
    if k < 1:
        return found
    block = max(1, _BLOCK_BYTES // (4 * len(vectors)))
    every = torch.from_numpy(vectors)
    for start in range(0, len(rows), block):
        some = torch.from_numpy(rows[start : start + block])
        cosines = every[some] @ every.T
        cosines[torch.arange(len(some)), some] = -torch.inf
        found[start : start + block] = cosines.topk(k).indices.numpy()
    return found


def share_kept(base_vectors: np.ndarray, tuned_vectors: np.ndarray, k: int = NEAREST) -> np.ndarray:
    """For each text the share (0..1) of its nearest texts that are the same under both models; 1 where it has none.

    Args:
        base_vectors, tuned_vectors: [n, d] and [n, e], the same texts in the same order.
    """
    base, tuned = nearest(base_vectors, k=k), nearest(tuned_vectors, k=k)
    if not base.shape[1]:
        return np.ones(len(base))
    both = np.sort(np.concatenate([base, tuned], axis=1), axis=1)
    return np.asarray(np.count_nonzero(both[:, 1:] == both[:, :-1], axis=1) / base.shape[1])
