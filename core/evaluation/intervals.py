"""How sure each difference between two models is: worked out once, and kept beside their measurements."""

import hashlib
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from core.evaluation import sizes
from core.evaluation.keywords import Keywords
from core.evaluation.measurement import VERSION, Measurement
from core.evaluation.metrics import METRICS
from core.evaluation.pool import Pool
from core.evaluation.statistics import Interval, paired_bootstrap, paired_bootstraps, sign_flip_ps
from core.workspace import Workspace, read_object, write_json

#: Part of the file name: a change in what is worked out makes old files unread.
_VERSION = 1


@dataclass(frozen=True)
class Intervals:
    """The differences between two models on one pool, with 95 % intervals.

    Attributes:
        changes: tuned minus base, for each of ``METRICS``.
        ps: two-sided sign-flip p of each change.
        against_bm25: ndcg@10 of "base" and of "tuned" minus that of keyword search; empty where that was not asked.
        sizes: tuned minus base in ndcg@10 with smaller vectors, by the name of the size, where both have it.
    """

    changes: dict[str, Interval]
    ps: dict[str, float]
    against_bm25: dict[str, Interval]
    sizes: dict[str, Interval]


def intervals_of(pool: Pool, base: Measurement, tuned: Measurement, bm25: Keywords | None) -> Intervals:
    """Resample the questions of ``pool``."""
    differences = np.column_stack([tuned.metrics[name] - base.metrics[name] for name in METRICS])
    some = sizes.asked(pool)
    return Intervals(
        changes=dict(zip(METRICS, paired_bootstraps(differences, pool.components), strict=True)),
        ps=dict(zip(METRICS, sign_flip_ps(differences, pool.components), strict=True)),
        against_bm25={} if bm25 is None else {
            name: paired_bootstrap(side.metrics["ndcg@10"] - bm25.metrics["ndcg@10"], pool.components)
            for name, side in (("base", base), ("tuned", tuned))
        },
        sizes={
            name: paired_bootstrap(values[1] - values[0], pool.components[some])
            for name, values in sizes.of_both(pool, base, tuned).items()
            if values[0] is not None and values[1] is not None
        },
    )


def intervals_once(
    models: str, pool: Pool, base: Measurement, tuned: Measurement, bm25: Keywords | None, workspace: Workspace
) -> Intervals:
    """``intervals_of``, kept in the workspace's cache by ``models`` (the digests of both) and the pool with its components."""
    groups = hashlib.sha256(np.ascontiguousarray(pool.components, dtype=np.int64).tobytes()).hexdigest()
    path = workspace.cache / "comparisons" / f"{VERSION}.{_VERSION}-{models}-{pool.digest()[:32]}-{groups[:16]}.json"
    known = _read(path)
    if known is None:
        known = intervals_of(pool, base, tuned, bm25)
        _keep(path, known)
    return known


def _read(path: Path) -> Intervals | None:
    """What is kept in ``path``; None where there is nothing or it is damaged."""
    try:
        known = read_object(path)
        parts = {
            name: {key: Interval(**value) for key, value in known[name].items()} for name in ("changes", "against_bm25", "sizes")
        }
        return Intervals(ps={name: float(known["ps"][name]) for name in METRICS}, **parts)
    except (TypeError, ValueError, KeyError, AttributeError):
        return None


def _keep(path: Path, found: Intervals) -> None:
    """Write ``found``; on a full disk it is not kept."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, asdict(found))
    except OSError:
        pass
