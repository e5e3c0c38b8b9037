"""Which rows a model learned from: asking about these would praise it for its memory."""

from pathlib import Path

import numpy as np
import pandas as pd

from core.pairs.dataset import read_rows
from core.pairs.text import fold_codes
from core.shapes import REPORT, SETTINGS, read_shaped


def rows_seen(model: Path, rows: pd.DataFrame) -> np.ndarray:
    """Which of ``rows`` share a text, as question or as answer, with what ``model`` was trained on (bool, one a row).

    A run's model lies in the run's folder, beside ``train.parquet``; what the model it started from was trained on
    counts too. A model from anywhere else says nothing about that, so none of the rows counts as seen.

    Args:
        model: the model's folder, e.g. ``ModelRef.path``.
        rows: with ``anchor`` and ``positive``.
    """
    train_file = model.parent / "train.parquet"
    if model.name != "model" or not train_file.exists():
        return np.zeros(len(rows), dtype=bool)
    trained = read_rows(train_file)
    if left_out := read_shaped(model.parent / "report.json", REPORT).get("fold"):  # stopped: the model of one fold
        trained = trained[trained["fold"] != left_out]
    trained = trained[["anchor", "positive"]]
    both = pd.concat([trained, rows[["anchor", "positive"]]], ignore_index=True)
    questions, answers = fold_codes(both["anchor"], both["positive"])
    learned = np.concatenate([questions[: len(trained)], answers[: len(trained)]])
    seen = np.isin(questions[len(trained) :], learned) | np.isin(answers[len(trained) :], learned)
    base = read_shaped(model.parent / "recipe.json", SETTINGS).get("base", {})
    start = Path(base.get("path", ""))
    if not start.is_dir():  # the workspace was copied here: a run of its own it knows by its name
        start = model.parents[1] / str(base.get("name")) / "model"
    return np.asarray(seen | rows_seen(start, rows))
