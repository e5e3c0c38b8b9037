"""What one model does on a pool: computed once, kept on disk, and read by everything that compares."""

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from core.evaluation import sizes
from core.evaluation.health import alignment, neighbours, rows_of, sampled, uniformity
from core.evaluation.keywords import Keywords, measure_keywords
from core.evaluation.metrics import METRICS, metrics
from core.evaluation.pool import Pool
from core.evaluation.ranks import masked_ranks, of_pairs, unit
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
VERSION = 2


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
        uniformity: how evenly the texts fill the space (see ``health``); NaN for fewer than two texts.
        neighbours: the nearest texts of ``sampled`` ones, among questions and then answers [sampled, up to 10].
        dimensions: how many numbers a vector has.
        sizes: nDCG@10 of the queries in ``sizes.asked(pool)`` with smaller vectors, by the name of the size.
        auc: how often a matched pair scores above a mismatched one; None without mismatched pairs.
        alignment: how near the texts of a pair are (see ``health``).
    """

    metrics: dict[str, np.ndarray]
    rank: np.ndarray
    pair_rank: np.ndarray
    matched: np.ndarray
    mismatched: np.ndarray
    floor: Floor | None
    uniformity: float
    neighbours: np.ndarray
    dimensions: int
    sizes: dict[str, np.ndarray]
    auc: float | None = field(init=False)
    alignment: float = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "auc", auc(self.matched, self.mismatched))
        object.__setattr__(self, "alignment", alignment(self.matched))

    @property
    def lift(self) -> float | None:
        """How far the texts of a pair are above unrelated ones; None where there are no unrelated ones."""
        return float(self.matched.mean()) - self.floor.mean if self.floor else None


def measure(pool: Pool, query_vectors: np.ndarray, corpus_vectors: np.ndarray) -> Measurement:
    """Measure one model from its vectors [n, d] (any length) of ``pool.queries`` and ``pool.corpus``."""
    query_vectors, corpus_vectors = unit(query_vectors), unit(corpus_vectors)
    ranks = masked_ranks(query_vectors, corpus_vectors, pool)
    best, of_each_pair = of_pairs(ranks, pool)
    sample = cosines(query_vectors, corpus_vectors, *mismatched_pairs(pool))
    quality = sizes.quality(query_vectors, corpus_vectors, pool)
    looked_at = sampled(len(pool.queries) + len(pool.corpus))
    return Measurement(
        metrics=metrics(ranks),
        rank=best,
        pair_rank=of_each_pair,
        matched=matched_cosines(query_vectors, corpus_vectors, pool),
        mismatched=sample,
        floor=floor_of(mismatched_mean(query_vectors, corpus_vectors, pool), sample, pool),
        uniformity=uniformity(rows_of(query_vectors, corpus_vectors, looked_at)),
        neighbours=neighbours(query_vectors, corpus_vectors, looked_at),
        dimensions=corpus_vectors.shape[1],
        sizes=quality,
    )


def measure_model(
    ref: ModelRef, pool: Pool, workspace: Workspace, progress: Callable[[int, int], None] | None = None
) -> Measurement:
    """``measure`` for a model by name, kept in the workspace's cache by the digests of model and pool."""
    path = workspace.cache / "comparisons" / f"{VERSION}-{ref.digest[:32]}-{pool.digest()[:32]}.npz"
    known = _read(path)
    if known is not None:
        return known
    vectors = embed(ref, [*pool.queries, *pool.corpus], workspace, progress)
    measurement = measure(pool, vectors[: len(pool.queries)], vectors[len(pool.queries) :])
    _write(path, measurement)
    return measurement


def measure_keywords_once(pool: Pool, workspace: Workspace) -> Keywords:
    """``measure_keywords``, kept in the workspace's cache by the digest of the pool."""
    path = workspace.cache / "comparisons" / f"{VERSION}-keywords-{pool.digest()[:32]}.npz"
    try:
        with np.load(path, allow_pickle=False) as data:
            return Keywords({name: data[name] for name in METRICS}, data["rank"], data["pair_rank"])
    except Exception:  # as below
        found = measure_keywords(pool)
    _keep(path, rank=found.rank, pair_rank=found.pair_rank, **found.metrics)
    return found


def _write(path: Path, measurement: Measurement) -> None:
    """Keep ``measurement``."""
    floor = measurement.floor
    _keep(
        path,
        rank=measurement.rank,
        pair_rank=measurement.pair_rank,
        matched=measurement.matched,
        mismatched=measurement.mismatched,
        floor=np.array([floor.mean, floor.high, floor.looked_at, floor.sampled] if floor else [], dtype=np.float64),
        uniformity=np.array(measurement.uniformity),
        neighbours=measurement.neighbours,
        dimensions=np.array(measurement.dimensions),
        **{f"size {name}": values for name, values in measurement.sizes.items()},
        **measurement.metrics,
    )


def _keep(path: Path, **arrays: np.ndarray) -> None:
    """Write ``arrays`` whole or not at all; on a full disk they are not kept."""
    data = io.BytesIO()
    np.savez(data, allow_pickle=False, **arrays)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, data.getvalue())
    except OSError:
        pass


def _read(path: Path) -> Measurement | None:
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
                uniformity=float(data["uniformity"]),
                neighbours=data["neighbours"],
                dimensions=int(data["dimensions"]),
                sizes={name.removeprefix("size "): data[name] for name in data.files if name.startswith("size ")},
            )
    except Exception:  # zipfile, zlib and numpy each have errors of their own for a damaged file
        return None
