"""The state of each embedding space beside what it can do: is there room between related and unrelated texts?"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from core.evaluation.ranks import BLOCK_BYTES

if TYPE_CHECKING:
    from core.evaluation.measurement import Measurement

#: Neighbours of a text that are looked at.
NEIGHBOURS = 10
#: Texts whose neighbours are looked for (among all), and texts whose distances are taken two by two.
SAMPLE = 2000


@dataclass(frozen=True)
class Figure:
    """One line of the health of both spaces; None where it cannot be told.

    Attributes:
        name: as the literature calls it.
        base, tuned: the value of each model. The share of neighbours kept is one figure for both: ``base`` is None.
        meaning: a plain sentence: what it is, and which way is good.
    """

    name: str
    base: float | None
    tuned: float | None
    meaning: str


def alignment(matched: np.ndarray) -> float:
    """The mean squared distance of the two texts of a pair, from the pairs' cosines; 0 is best, 4 the largest.

    Wang and Isola, "Understanding Contrastive Representation Learning through Alignment and Uniformity", ICML 2020,
    with alpha = 2; on vectors of length 1 it is 2 - 2 times the mean cosine.
    """
    return float(np.mean(2 - 2 * matched.astype(np.float64))) if len(matched) else float("nan")


def uniformity(vectors: np.ndarray) -> float:
    """How evenly vectors of length 1 [n, d] fill the sphere: from 0 (all in one place) down to -4 (in many dimensions).

    Wang and Isola (as above) with t = 2: the logarithm of the mean of exp(-2 squared distance) over all pairs of
    different texts. NaN for fewer than two texts.
    """
    if len(vectors) < 2:
        return float("nan")
    cosines = vectors @ vectors.T
    pairs = cosines[np.triu_indices(len(vectors), 1)].astype(np.float64)
    return float(np.log(np.mean(np.exp(-2 * np.maximum(0, 2 - 2 * pairs)))))


def sampled(texts: int, seed: int = 0) -> np.ndarray:
    """Which of so many texts are looked at (ascending): all up to ``SAMPLE``, else so many by chance, always the same."""
    if texts <= SAMPLE:
        return np.arange(texts)
    return np.sort(np.random.default_rng(seed).choice(texts, size=SAMPLE, replace=False))


def rows_of(query_vectors: np.ndarray, corpus_vectors: np.ndarray, texts: np.ndarray) -> np.ndarray:
    """The vectors of some texts, counted over the questions and then the answers."""
    first = len(query_vectors)
    return np.concatenate([query_vectors[texts[texts < first]], corpus_vectors[texts[texts >= first] - first]])


def neighbours(
    query_vectors: np.ndarray, corpus_vectors: np.ndarray, asked: np.ndarray, count: int = NEIGHBOURS
) -> np.ndarray:
    """The texts nearest to some of them, in no order, among all other questions and answers.

    Args:
        query_vectors, corpus_vectors: [n, d] and [m, d], rows of length 1.
        asked: indices (ascending, over questions and then answers) of the texts whose neighbours are looked for.

    Returns:
        Indices of the same kind, int32 [asked, count]; fewer columns where there are fewer other texts.
    """
    texts = len(query_vectors) + len(corpus_vectors)
    count = min(count, max(0, texts - 1))
    found = np.empty((len(asked), count), dtype=np.int32)
    block = max(1, BLOCK_BYTES // (4 * max(1, texts)))
    for start in range(0, len(asked) if count else 0, block):
        some = asked[start : start + block]
        vectors = rows_of(query_vectors, corpus_vectors, some)
        cosines = np.concatenate([vectors @ query_vectors.T, vectors @ corpus_vectors.T], axis=1)
        cosines[np.arange(len(some)), some] = -np.inf
        found[start : start + len(some)] = np.argpartition(cosines, -count, axis=1)[:, -count:]
    return found


def kept(base: np.ndarray, tuned: np.ndarray) -> np.ndarray:
    """For each text the share (0 to 1) of its neighbours under ``base`` that are neighbours under ``tuned`` too."""
    if not base.shape[1]:
        return np.full(len(base), np.nan)
    return np.asarray((base[:, :, None] == tuned[:, None, :]).any(axis=2).mean(axis=1))


def figures(base: "Measurement", tuned: "Measurement", kept: float) -> list[Figure]:
    """The health of both spaces, in the order in which it is read.

    Args:
        kept: the mean share of neighbours that training left in place, NaN where there are none.
    """
    sides = (base, tuned)

    def line(name: str, values: list[float | None], meaning: str) -> Figure:
        known = [None if value is None or not np.isfinite(value) else float(value) for value in values]
        return Figure(name, known[0], known[1], meaning)

    return [
        line("matched mean", [side.matched.mean() if len(side.matched) else None for side in sides],
             "How alike the two texts of a pair are, on average; it says nothing without the floor below it."),
        line("floor", [side.floor.mean if side.floor else None for side in sides],
             "How alike unrelated texts are, on average; near 0 is best, near 1 every text looks the same."),
        line("lift", [side.lift for side in sides],
             "How far pairs are above the floor; larger leaves more room to tell right from wrong."),
        line("AUC", [side.auc for side in sides],
             "How often a pair scores above an unrelated one; 1 is always, 0.5 is chance."),
        line("alignment", [side.alignment for side in sides],
             "How far apart the two texts of a pair are (mean squared distance); nearer 0 is better, beside uniformity."),
        line("uniformity", [side.uniformity for side in sides],
             "How evenly all texts fill the space; lower is more even (to about −4), 0 is everything in one place."),
        line("neighbours kept", [None, kept],
             f"The share of a text's {NEIGHBOURS} nearest texts that are the same under both models; 1 is an unchanged "
             "space, and a low share means that the whole space was rearranged."),
    ]
