"""Which rows share a step. In a ranking loss every other answer of a batch counts as wrong, so no two rows of a batch
may share a text, and batches should be about equally large: a last batch of four teaches little."""

import math
from collections import Counter
from collections.abc import Iterator

import numpy as np
from sentence_transformers.base.sampler import DefaultBatchSampler

#: Batches are made this much smaller at most so that rows with a much repeated text all find a place.
_SHRINK = 4


class BalancedBatches(DefaultBatchSampler):
    """Shuffled batches of nearly equal size, the same for the same seed and pass.

    Args:
        rows: how many rows there are.
        batch_size: the most rows of a batch.
        texts: int [rows, sides]; rows with an equal number anywhere share a text and never share a batch. None: any
            rows may meet. A row for which no batch is free is left out of this pass (chosen anew each pass).
        seed: with the pass (``set_epoch``) it settles the order.
        place, places: which of how many equal shares of every batch is given: processes that train together take one
            each. What cannot be divided, fewer rows than there are places, is left out of this pass.
    """

    def __init__(
        self, rows: int, batch_size: int, texts: np.ndarray | None, seed: int, place: int = 0, places: int = 1
    ):
        super().__init__(range(rows), batch_size=batch_size, drop_last=False, seed=seed)
        self._rows = rows
        self._place_here, self._places = place, places
        self._texts = texts
        self._batches = math.ceil(rows / batch_size)
        self._shared = np.zeros(rows, dtype=bool)
        if texts is not None and rows:
            counts = np.bincount(texts.ravel())[texts].max(axis=1)
            self._shared = counts > 1
            self._batches = max(self._batches, min(int(counts.max()), math.ceil(_SHRINK * rows / batch_size)))

    def __len__(self) -> int:
        return self._batches

    def __iter__(self) -> Iterator[list[int]]:
        order = np.random.default_rng([self.seed, self.epoch]).permutation(self._rows)
        batches = self._place(order[self._shared[order]].tolist())
        rest = order[~self._shared[order]]
        room = _room(np.array([len(batch) for batch in batches]), len(rest))
        parts = np.split(rest, np.cumsum(room)[:-1])
        for placed, part in zip(batches, parts, strict=True):
            batch = placed + part.tolist()  # not before it is asked for: a million numbers take 40 MB as Python's own
            yield batch[self._place_here : len(batch) // self._places * self._places : self._places]

    @property
    def least(self) -> int:
        """The rows of the smallest batch, about: batches are nearly equal."""
        return self._rows // self._batches

    def _place(self, rows: list[int]) -> list[list[int]]:
        """Put the rows that share a text with others into batches, each where none of its texts is yet."""
        if self._texts is None:
            return [[] for _ in range(self._batches)]
        batches: list[list[int]] = [[] for _ in range(self._batches)]
        taken: list[set[int]] = [set() for _ in range(self._batches)]
        held: Counter[int] = Counter()  # in how many batches a text is: in all of them, there is nowhere to look
        most = math.ceil(self._rows / self._batches)
        for first, row in enumerate(rows):
            texts = set(self._texts[row].tolist())
            if any(held[text] == self._batches for text in texts):
                continue
            for turn in range(self._batches):
                at = (first + turn) % self._batches
                if len(batches[at]) < most and texts.isdisjoint(taken[at]):
                    batches[at].append(row)
                    taken[at] |= texts
                    held.update(texts)
                    break
        return batches


def _room(sizes: np.ndarray, more: int) -> np.ndarray:
    """How many of ``more`` to add to each of ``sizes`` so that they end as equal as can be: the emptiest fill first."""
    low, high = 0, int(sizes.max(initial=0)) + more
    while low < high:  # the lowest level up to which all of them can be filled
        level = (low + high) // 2
        if np.maximum(level - sizes, 0).sum() >= more:
            high = level
        else:
            low = level + 1
    room: np.ndarray = np.maximum(low - sizes, 0)
    room[np.flatnonzero(room)[: int(room.sum()) - more]] -= 1
    return room
