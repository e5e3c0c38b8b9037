"""What the five models of a run made of its texts, kept beside the model that learned from all of them.

    folds.npz    the worker, once, before model/: each fold's vectors of the run's texts at the passes that were chosen for it
"""

import hashlib
import io
import json
from collections.abc import Sequence

import numpy as np
import pandas as pd

from core.evaluation.comparison import Comparison, compare_measured, pool_for
from core.evaluation.crossfit import CrossFit, folds_of
from core.evaluation.measurement import measure_keywords_once, measure_model
from core.evaluation.pool import Pool
from core.evaluation.seen import rows_seen
from core.evaluation.several import MOST, Several
from core.models import ModelRef
from core.pairs.dataset import PairSet, read_rows
from core.runs.run import Run
from core.workspace import Workspace, write_atomically


def write_folds(run: Run, folds: CrossFit) -> None:
    """Write ``folds.npz``, whole or not at all."""
    data = io.BytesIO()
    np.savez(data, vectors=folds.vectors, texts=np.array(_digest(folds.pool)))
    write_atomically(run.folds_file, data.getvalue())


def read_folds(run: Run) -> CrossFit | None:
    """What ``write_folds`` wrote; None where there is none, the file is damaged, or the pool is made in another way now."""
    if not run.folds_file.exists():
        return None
    try:
        rows = pd.read_parquet(run.train_file)
        pool, _ = pool_for(rows, rows)
        with np.load(run.folds_file, allow_pickle=False) as data:
            vectors, texts = data["vectors"], str(data["texts"])
        fold_of = folds_of(pool, rows)
        fits = vectors.ndim == 3 and vectors.shape[1] == len(fold_of) and fold_of.max() < len(vectors)
        return CrossFit(pool, fold_of, vectors) if fits and texts == _digest(pool) else None
    except Exception:  # zipfile, zlib, numpy and pyarrow each have errors of their own for a damaged file
        return None


def _digest(pool: Pool) -> str:
    """Of the texts in their order, which is that of the vectors; it must stay the same, or no older file can be read."""
    return hashlib.sha256(json.dumps([pool.queries, pool.corpus]).encode()).hexdigest()


def folds_of_model(model: ModelRef) -> CrossFit | None:
    """The folds of the run that ``model`` is the model of; None where it is none, or was trained without folds."""
    run = Run(model.path.parent)
    told = (run.report() or {}).get("evidence") if model.path.name == "model" else None
    return read_folds(run) if told == "five folds" else None  # a stopped run that goes on has the model of one fold yet


def compare_folds(base: ModelRef, folds: CrossFit, workspace: Workspace) -> Comparison | None:
    """The models of a run's folds beside ``base``, on all of the run's own pairs; None where ``base`` has learned some."""
    asked = pd.DataFrame({
        side: [texts[at] for at in folds.pool.pairs[column]]
        for side, texts, column in (("anchor", folds.pool.queries, "query"), ("positive", folds.pool.corpus, "answer"))
    })
    if rows_seen(base.path, asked).any():
        return None
    return compare_measured(
        folds.pool, measure_model(base, folds.pool, workspace), folds.measurement, "five folds",
        measure_keywords_once(folds.pool, workspace),
    )


def holds(pool: Pool, pairs: PairSet) -> bool:
    """Whether ``pairs`` are the very pairs that ``pool`` asks about."""
    return len(pairs) > 0 and pool.same_pairs(pool_for(pairs.frame, pairs.frame)[0])


def compare_several_folds(base: ModelRef, models: Sequence[ModelRef], workspace: Workspace) -> Several | None:
    """The table of runs with five folds each, of the same pairs; None for others."""
    folds = [one for model in models[:MOST] if (one := folds_of_model(model)) is not None]
    if not folds or len(folds) < len(models) or len({one.pool.digest() for one in folds}) > 1:
        return None
    found = [comparison for one in folds if (comparison := compare_folds(base, one, workspace)) is not None]
    return Several(found) if len(found) == len(folds) else None


def rows_of(run: Run) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows that the run's model learned from, and those that it never saw.

    A run with folds that was stopped has the model of one fold, which its report names.

    Raises:
        WorkbenchError: they cannot be read.
    """
    train, held_out = read_rows(run.train_file), read_rows(run.heldout_file)
    if fold := (run.report() or {}).get("fold"):
        return train[train["fold"] != fold], train[train["fold"] == fold]
    return train, held_out
