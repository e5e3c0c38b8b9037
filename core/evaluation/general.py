"""What training costs elsewhere: everyday questions that have nothing to do with the pairs, asked before and after."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from core.evaluation.comparison import Comparison, compare_measured
from core.evaluation.measurement import Measurement, measure_model
from core.evaluation.pool import Pool, build_pool
from core.models import ModelRef
from core.workspace import Workspace

#: The questions and their answers; see data/README.md.
PROBES = Path(__file__).resolve().parents[2] / "data" / "general.jsonl"


@cache
def general_rows() -> pd.DataFrame:
    """The probe pairs as a split makes rows, each a component of its own."""
    rows = [json.loads(line) for line in PROBES.read_text(encoding="utf-8").splitlines()]
    frame = pd.DataFrame(rows).rename(columns={"query": "anchor"})[["anchor", "positive"]]
    return frame.assign(row=range(1, len(frame) + 1), component=range(len(frame)))


@cache
def general_pool() -> Pool:
    """Each everyday question, to be ranked against the answers to all of them."""
    return build_pool(general_rows(), general_rows())


def general_language(base: ModelRef, tuned: ModelRef, workspace: Workspace) -> dict[str, Any]:
    """``forgetting`` of two models by name; what was measured before is read from the workspace's cache.

    Raises:
        WorkbenchError: a model cannot be loaded.
    """
    pool = general_pool()
    return forgetting(measure_model(base, pool, workspace), measure_model(tuned, pool, workspace))


def forgetting(base: Measurement, tuned: Measurement) -> dict[str, Any]:
    """What ``report.json`` says under ``general``.

    Args:
        base, tuned: what each model does on ``general_pool()``.

    Returns:
        ``base`` and ``tuned`` (nDCG@10), ``change`` (tuned minus base), ``interval`` (95 %, low and high),
        ``better`` (as of a comparison: None where it cannot be told), ``questions`` (how many were asked), and
        ``sentence``.
    """
    comparison = compare_measured(general_pool(), base, tuned)
    change = comparison.changes["ndcg@10"]
    assert change.ends is not None  # there are enough of these questions
    before, after = (float(one.metrics["ndcg@10"].mean()) for one in (base, tuned))
    return {
        "base": round(before, 6),
        "tuned": round(after, 6),
        "change": round(change.mean, 6),
        "interval": [round(end, 6) for end in change.ends],
        "better": comparison.better,
        "questions": len(comparison.pool.queries),
        "sentence": _sentence(comparison, before, after, change.ends),
    }


def _sentence(comparison: Comparison, before: float, after: float, interval: tuple[float, float]) -> str:
    change, questions = comparison.changes["ndcg@10"], len(comparison.pool.queries)
    if change.mean == 0 and not comparison.improved and not comparison.worse:
        return f"Everyday questions: {before:.2f} before and after; nothing was forgotten (nDCG@10 on {questions} questions)."
    figures = (
        f"{before:.2f} before, {after:.2f} after{{}} (nDCG@10 on {questions} questions about other things; 95 % interval of the"
        f" change {' to '.join(map(_signed, interval))})."
    )
    if comparison.better is None:
        return "Everyday questions: " + figures.format("; no clear change")
    if comparison.better:
        return "General language got better, too. Everyday questions: " + figures.format("")
    return "Some general language was forgotten. Everyday questions: " + figures.format("")


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "−")
