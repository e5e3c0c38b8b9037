"""One pair, or one text, looked at closely: what each model ranks above the right answer, and whose company it keeps."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.evaluation.pool import Pool
from core.evaluation.ranks import TIE, unit
from core.maps.neighbours import nearest

#: How many answers above the right one are named.
ABOVE = 5


@dataclass(frozen=True)
class Side:
    """What one model makes of a pair: the right answer's rank and cosine, and the first wrong answers above it."""

    rank: int
    cosine: float
    above: list[tuple[str, float]]


@dataclass(frozen=True)
class Neighbours:
    """The nearest texts of one text, nearest first: those under the base model alone, those under the tuned one alone,
    and how many are the same."""

    lost: list[str]
    gained: list[str]
    kept: int


def side(pool: Pool, vectors: np.ndarray, pair: int) -> Side:
    """One model on the pair at position ``pair`` of ``pool.pairs``, ranked as the comparison ranks: other right answers
    do not count, and a tie counts against the right answer.

    Args:
        vectors: [queries + corpus, d] of ``pool.queries`` and then ``pool.corpus``.
    """
    query, answer = (int(pool.pairs[name].iloc[pair]) for name in ("query", "answer"))
    first = len(pool.queries)
    cosines = unit(vectors[first:]) @ unit(vectors[query : query + 1])[0]
    own = float(cosines[answer])
    wrong = np.ones(len(cosines), dtype=bool)
    wrong[pool.right[query]] = False
    above = np.flatnonzero(wrong & ~(cosines < own - TIE))
    above = above[np.argsort(-cosines[above], kind="stable")]
    return Side(1 + len(above), own, [(pool.corpus[at], float(cosines[at])) for at in above[:ABOVE]])


def company(texts: Sequence[str], base: np.ndarray, tuned: np.ndarray, at: int) -> Neighbours:
    """The neighbours that text ``at`` lost and gained, looked for in the full spaces [texts, d] and [texts, e]."""
    before, after = (nearest(vectors, [at])[0].tolist() for vectors in (base, tuned))
    return Neighbours(
        [texts[one] for one in before if one not in after],
        [texts[one] for one in after if one not in before],
        len(set(before) & set(after)),
    )
