"""What one model does on a pool: computed once, kept on disk, and read by everything that compares."""

import io
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from core.evaluation.metrics import METRICS, metrics
from core.evaluation.pool import Pool
from core.evaluation.ranks import masked_ranks, unit
from core.evaluation.similarity import (
    Floor,
    auc,
    cosines,
    floor_of,
    matched_cosines,
    mismatched_mean,
    mismatched_pairs,
)
from core.models import ModelRef, embed
from core.workspace import Workspace, write_atomically

#: Part of the file name: a change in what is measured makes old files unread.
_VERSION = 1


@dataclass(frozen=True)
class Measurement:
    """One model on one pool.

    Attributes:
        metrics: each of ``METRICS`` as an array [queries].
        rank: the best masked rank among the right answers of each query [queries].
        pair_rank: the masked rank of each held-out pair's own answer, in the order of ``pool.pairs``.
        matched: the cosine of each held-out pair.
        mismatched: the cosines of ``mismatched_pairs(pool)``, a sample where there are many.
        floor: how alike unrelated texts are; None where no question has a wrong answer.
        auc: how often a matched pair scores above a mismatched one; None without mismatched pairs.
    """

    metrics: dict[str, np.ndarray]
    rank: np.ndarray
    pair_rank: np.ndarray
    matched: np.ndarray
    mismatched: np.ndarray
    floor: Floor | None
    auc: float | None = field(init=False)

    def __post_init__(self):
        object.__setattr__(self, "auc", auc(self.matched, self.mismatched))


def measure(pool: Pool, query_vectors: np.ndarray, corpus_vectors: np.ndarray) -> Measurement:
    """Measure one model from its vectors [n, d] (any length) of ``pool.queries`` and ``pool.corpus``."""
    query_vectors, corpus_vectors = unit(query_vectors), unit(corpus_vectors)
    ranks = masked_ranks(query_vectors, corpus_vectors, pool)
    queries, answers = pool.right_pairs
    # Both lists of pairs as one number each; right_pairs is sorted by it.
    place = np.searchsorted(
        queries * len(pool.corpus) + answers, pool.pairs["query"] * len(pool.corpus) + pool.pairs["answer"]
    )
    sample = cosines(query_vectors, corpus_vectors, *mismatched_pairs(pool))
    return Measurement(
        metrics=metrics(ranks),
        rank=np.array([one.min() for one in ranks], dtype=np.int64),
        pair_rank=np.concatenate([*ranks, np.empty(0, dtype=np.int64)])[place],
        matched=matched_cosines(query_vectors, corpus_vectors, pool),
        mismatched=sample,
        floor=floor_of(mismatched_mean(query_vectors, corpus_vectors, pool), sample, pool),
    )


def measure_model(
    ref: ModelRef, pool: Pool, workspace: Workspace, progress: Callable[[int, int], None] | None = None
) -> Measurement:
    """``measure`` for a model by name, kept in the workspace's cache by the digests of model and pool."""
    path = workspace.cache / "comparisons" / f"{_VERSION}-{ref.digest[:32]}-{pool.digest()[:32]}.npz"
    known = _read(path)
    if known is not None:
        return known
    vectors = embed(ref, [*pool.queries, *pool.corpus], workspace, progress)
    measurement = measure(pool, vectors[: len(pool.queries)], vectors[len(pool.queries) :])
    _write(path, measurement)
    return measurement


def _write(path, measurement: Measurement) -> None:
    """Keep ``measurement``; on a full disk it is not kept."""
    floor = measurement.floor
    data = io.BytesIO()
    np.savez(
        data,
        rank=measurement.rank,
        pair_rank=measurement.pair_rank,
        matched=measurement.matched,
        mismatched=measurement.mismatched,
        floor=np.array([floor.mean, floor.high, floor.looked_at, floor.sampled] if floor else [], dtype=np.float64),
        **measurement.metrics,
    )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, data.getvalue())
    except OSError:
        pass


def _read(path) -> Measurement | None:
    """The measurement kept in ``path``; None where there is none or the file is damaged."""
    try:
        with np.load(path, allow_pickle=False) as data:
            floor = data["floor"]
            return Measurement(
                metrics={name: data[name] for name in METRICS},
                rank=data["rank"],
                pair_rank=data["pair_rank"],
                matched=data["matched"],
                mismatched=data["mismatched"],
                floor=Floor(float(floor[0]), float(floor[1]), int(floor[2]), bool(floor[3])) if len(floor) else None,
            )
    except Exception:  # zipfile, zlib and numpy each have errors of their own for a damaged file
        return None
