"""What smaller vectors would cost in quality: fewer dimensions, or fewer bits a number."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from core.evaluation.metrics import metrics
from core.evaluation.pool import Pool
from core.evaluation.ranks import masked_ranks, unit
from core.evaluation.statistics import Interval

if TYPE_CHECKING:
    from core.evaluation.measurement import Measurement

#: Dimensions to which vectors are cut, where they have more.
DIMENSIONS = (384, 256, 128, 64)
#: At most this many questions are asked of each size, by chance where there are more.
SAMPLE = 2000
WHOLE = "whole"


@dataclass(frozen=True)
class Size:
    """Both models with vectors of one size.

    Attributes:
        name: "whole", "256 dimensions", "int8" (a byte a number), "binary" (a bit a number).
        bytes: what one vector takes, base and tuned; None where a model's own vectors are no longer than that.
        base, tuned: mean nDCG@10 of each model at this size; None as above.
        change: tuned minus base with its interval; None where one of them is missing.
    """

    name: str
    bytes: tuple[int | None, int | None]
    base: float | None
    tuned: float | None
    change: Interval | None


def asked(pool: Pool, seed: int = 0) -> np.ndarray:
    """Which queries of ``pool`` are asked of each size: the same for every model."""
    if len(pool.queries) <= SAMPLE:
        return np.arange(len(pool.queries))
    return np.sort(np.random.default_rng(seed).choice(len(pool.queries), size=SAMPLE, replace=False))


def quality(query_vectors: np.ndarray, corpus_vectors: np.ndarray, pool: Pool) -> dict[str, np.ndarray]:
    """nDCG@10 of the ``asked`` queries at each size that is smaller than the vectors' own, by name.

    Args:
        query_vectors, corpus_vectors: rows of length 1, of all of ``pool.queries`` and ``pool.corpus``.
    """
    some = asked(pool)
    queries, part = query_vectors[some], pool.only(some)
    return {
        name: metrics(masked_ranks(shrink(queries), shrink(corpus_vectors), part))["ndcg@10"]
        for name, shrink in _shrinkers(corpus_vectors)
    }


def _shrinkers(corpus: np.ndarray) -> list[tuple[str, Callable[[np.ndarray], np.ndarray]]]:
    cuts = [(f"{size} dimensions", _cut(size)) for size in DIMENSIONS if size < corpus.shape[1]]
    largest = float(np.abs(corpus).max(initial=0))
    return [*cuts, ("int8", lambda vectors: int8(vectors, largest)), ("binary", binary)]


def _cut(size: int) -> Callable[[np.ndarray], np.ndarray]:
    return lambda vectors: unit(vectors[:, :size])


def int8(vectors: np.ndarray, largest: float) -> np.ndarray:
    """Every number rounded to one of 255 steps between -``largest`` and ``largest``, as float32 rows of length 1.

    One scale for all numbers, so that dot products of the bytes are those of the vectors up to rounding.
    """
    steps = np.clip(np.rint(vectors * (127 / largest if largest else 0)), -127, 127)
    return unit(steps.astype(np.float32, copy=False))


def binary(vectors: np.ndarray) -> np.ndarray:
    """Every number as its sign alone, as float32 rows of length 1: they rank as the Hamming distance does.

    Texts at the same distance are a tie, and a tie counts against the right answer; a system that reads the whole
    vectors of the best hits again loses less.
    """
    return unit(np.where(vectors > 0, np.float32(1), np.float32(-1)))


def of_both(pool: Pool, base: "Measurement", tuned: "Measurement") -> dict[str, tuple[np.ndarray | None, np.ndarray | None]]:
    """nDCG@10 of the ``asked`` queries of both models at every size that at least one has; the whole vectors first."""
    some = asked(pool)
    found = [{WHOLE: side.metrics["ndcg@10"][some], **side.sizes} for side in (base, tuned)]
    names = [WHOLE, *(f"{size} dimensions" for size in DIMENSIONS), "int8", "binary"]
    both = {name: (found[0].get(name), found[1].get(name)) for name in names}
    return {name: values for name, values in both.items() if values[0] is not None or values[1] is not None}


def size_table(pool: Pool, base: "Measurement", tuned: "Measurement", changes: dict[str, Interval]) -> list[Size]:
    """Both models at every size that at least one of them has; the whole vectors first, asked the same queries.

    Args:
        changes: tuned minus base with its interval, by the name of the size.
    """
    table = []
    for name, values in of_both(pool, base, tuned).items():
        takes = [vector_bytes(name, side.dimensions) for side in (base, tuned)]
        means = [None if value is None or not len(value) else float(value.mean()) for value in values]
        table.append(Size(name, (takes[0], takes[1]), means[0], means[1], changes.get(name)))
    return table


def vector_bytes(name: str, dimensions: int) -> int | None:
    """What a vector of a model with ``dimensions`` takes at the size ``name``; None where it is no smaller."""
    if name == WHOLE:
        return 4 * dimensions
    if name == "int8":
        return dimensions
    if name == "binary":
        return -(-dimensions // 8)
    size = int(name.split()[0])
    return 4 * size if size < dimensions else None
