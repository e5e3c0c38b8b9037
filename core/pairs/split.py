"""Keep some pairs aside to check the model on, so that nothing of them is in what it trains on.

Rows that share a question, an answer, a group or a near-duplicate form a component; a component is never divided.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from core.pairs.dataset import PairSet
from core.pairs.issue import count
from core.pairs.text import fold_codes

#: Held-out pairs by default: enough to tell a change of 0.03, few enough to check every pass.
MOST_HELD_OUT = 1000
_SHARE = 0.2
#: Into so many parts a small set is divided, each to be asked of a model that learned from the others.
FOLDS = 5
#: With fewer rows than this, nothing is kept aside: one or two pairs tell nothing and are missed in training.
_FEWEST = 5


@dataclass(frozen=True)
class Split:
    """The two sides of a set. Both frames are as ``PairSet.frame`` with a column ``component`` (int), and ``train`` with
    ``fold`` (int, from 1) where it is divided into folds; ``notes`` are sentences for people."""

    train: pd.DataFrame = field(repr=False)
    held_out: pd.DataFrame = field(repr=False)
    notes: tuple[str, ...] = ()


def default_share(rows: int) -> float:
    """The share of ``rows`` to keep aside: a fifth, at most 1,000 rows, nothing of fewer than 5."""
    return 0.0 if rows < _FEWEST else min(_SHARE, MOST_HELD_OUT / rows)


def components(pairs: PairSet, near_duplicates: Iterable[Sequence[int]] = ()) -> np.ndarray:
    """int [rows]: equal for rows that hang together, numbered from 0 in the order of their first rows.

    Rows hang together through a text they share (after folding, as question or as answer), a group, or a group of
    ``near_duplicates`` (row numbers). Blank cells connect nothing.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    rows = len(pairs)
    links: list[np.ndarray] = []  # (row, what it holds); whatever is held is a node after the rows
    nodes = rows
    sides = [pairs.keys["anchor"], pairs.keys["positive"]]
    shared = [sides] + ([fold_codes(pairs.frame["group"])] if "group" in pairs.frame else [])
    for columns in shared:
        for codes in columns:
            filled = np.flatnonzero(codes >= 0)
            links.append(np.stack([filled, codes[filled] + nodes]))
        nodes += max(int(codes.max(initial=-1)) for codes in columns) + 1
    place = dict(zip(pairs.frame["row"].tolist(), range(rows), strict=True))
    for group in near_duplicates:
        there = [place[row] for row in group if row in place]
        links.append(np.stack([there, np.full(len(there), nodes)]).astype(np.int64))
        nodes += 1
    edges = np.concatenate(links, axis=1)
    graph = coo_array((np.ones(edges.shape[1], dtype=np.int8), edges), shape=(nodes, nodes))
    labels: np.ndarray = connected_components(graph, directed=False)[1][:rows]
    return pd.factorize(labels)[0]


def split(pairs: PairSet, share: float, seed: int, near_duplicates: Iterable[Sequence[int]] = ()) -> Split:
    """Keep about ``share`` (0..1) of the pairs aside, whole components chosen at random by ``seed``.

    Rows with a blank text go to neither side. A component larger than the share stays in training; where no other is
    left, the smallest is kept aside if it is at most twice the share. The same arguments always give the same split.
    """
    frame = pairs.frame.assign(component=components(pairs, near_duplicates))
    empty = np.any([keys < 0 for keys in pairs.keys.values()], axis=0)
    notes = []
    if empty.any():
        notes.append(f"{count(int(empty.sum()), 'row has', 'rows have')} an empty text and cannot be used.")
        frame = frame[~empty]
    wanted = round(share * len(frame))
    sizes = frame["component"].value_counts(sort=False).sort_index()
    chosen = _choose(sizes, wanted, np.random.default_rng(seed))
    held = frame["component"].isin(chosen)
    train, held_out = (frame[side].reset_index(drop=True) for side in (~held, held))
    largest = int(sizes.max()) if len(sizes) else 0
    if largest > max(wanted, 1) and wanted:
        notes.append(f"{largest:,} rows hang together through shared texts or groups; they stay in training as one.")
    if wanted and len(held_out) == 0:
        notes.append("No pairs could be kept aside: too many share a question, an answer or a group with each other.")
    elif wanted and abs(len(held_out) - wanted) > max(1, 0.1 * wanted):
        notes.append(
            f"{len(held_out):,} instead of {wanted:,} pairs are kept aside, because pairs that share a text or"
            " group stay together."
        )
    return Split(train, held_out, tuple(notes))


def _choose(sizes: pd.Series, wanted: int, rng: np.random.Generator) -> list[int]:
    """The components to keep aside; ``sizes`` holds the rows of each."""
    if wanted <= 0 or len(sizes) < 2:
        return []
    chosen: list[int] = []
    room = wanted
    for component in sizes.index[rng.permutation(len(sizes))]:
        if sizes[component] <= room:
            chosen.append(component)
            room -= sizes[component]
        if room == 0:
            break
    if not chosen and sizes.min() <= 2 * wanted and sizes.min() < sizes.sum():
        chosen = [sizes.index[int(sizes.argmin())]]
    return chosen[: len(sizes) - 1]  # something is always left to train on


def folds(components: np.ndarray, seed: int) -> np.ndarray:
    """int [rows]: each row's fold, from 1 to ``FOLDS``, about equally many rows in each; no component is divided.

    Components go, the largest first and equals by chance, into the fold with the fewest rows. With fewer components than
    folds some folds stay empty. The same arguments always give the same folds.
    """
    numbers, sizes = np.unique(components, return_counts=True)
    order = np.random.default_rng(seed).permutation(len(numbers))
    order = order[np.argsort(-sizes[order], kind="stable")]
    filled, chosen = np.zeros(FOLDS, dtype=np.int64), np.zeros(len(numbers), dtype=np.int64)
    for at in order:
        chosen[at] = np.argmin(filled)
        filled[chosen[at]] += sizes[at]
    return 1 + chosen[np.searchsorted(numbers, components)]
