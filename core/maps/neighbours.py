"""Which texts are nearest to which, in the full space: what a flat picture can only hint at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch

#: How many neighbours of a text are looked at.
NEAREST = 10
#: Similarities are worked out in squares of so many texts by as many.
_BLOCK = 2000


def nearest(vectors: np.ndarray, rows: Sequence[int] | None = None, k: int = NEAREST) -> np.ndarray:
    """The ``k`` texts nearest to each by cosine, itself left out, nearest first.

    Args:
        vectors: [n, d], rows of any length.
        rows: whose neighbours are asked for (indices); None for all.

    Returns:
        Indices [rows, min(k, n - 1)].
    """
    import torch

    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    every = torch.from_numpy((vectors / np.where(lengths > 0, lengths, 1)).astype(np.float32, copy=False))
    k = min(k, len(every) - 1)
    if rows is None:
        return _nearest_of_all(every, max(0, k))
    asked = torch.as_tensor(rows)
    cosines = every[asked] @ every.T
    cosines[torch.arange(len(asked)), asked] = -torch.inf
    return np.asarray(cosines.topk(max(0, k)).indices)


def _nearest_of_all(every: torch.Tensor, k: int) -> np.ndarray:
    """``nearest`` for all rows, of length 1. Two texts are as near to each other either way: each cosine is worked out once."""
    import torch

    best = torch.full((len(every), k), -torch.inf)
    found = torch.zeros((len(every), k), dtype=torch.int64)

    def take(one: slice, cosines: torch.Tensor, start: int) -> None:
        new = cosines.topk(min(k, cosines.shape[1]))
        values, at = torch.cat([best[one], new.values], dim=1).topk(k)
        best[one], found[one] = values, torch.cat([found[one], new.indices + start], dim=1).gather(1, at)

    for start in range(0, len(every), _BLOCK):
        one = slice(start, start + _BLOCK)
        for begin in range(start, len(every), _BLOCK):
            other = slice(begin, begin + _BLOCK)
            cosines = every[one] @ every[other].T
            if begin == start:
                cosines.fill_diagonal_(-torch.inf)
            else:
                take(other, cosines.T.contiguous(), start)
            take(one, cosines, begin)
    return np.asarray(found)


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
