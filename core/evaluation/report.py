"""A comparison as the JSON that ``report.json``, ``compare --json`` and the model card hold."""

import math
from typing import Any

from core.evaluation.comparison import Comparison
from core.evaluation.measurement import Measurement
from core.evaluation.metrics import METRICS
from core.evaluation.statistics import Interval
from core.evaluation.verdict import Kept, causes, keyword_sentence, verdict, warning


def report(comparison: Comparison, kept: Kept | None = None, training_pairs: int | None = None) -> dict[str, Any]:
    """The report: plain numbers, null where there is none.

    ``evidence`` says of which kind it is (see ``Comparison``), ``held_out`` counts distinct questions that were asked of a
    model which had not seen their pairs (0 where the figures are of training pairs), ``pool`` the distinct
    answers each was ranked against. ``better`` is null where it cannot be told. ``change`` is tuned minus base: each
    measure, its 95 % ``interval`` and sign-flip ``p`` (those without a name are of ndcg@10). ``bm25`` is keyword
    search on the same questions, ``ahead`` how far each model is above it; ``health`` and ``sizes`` are tables.

    Args:
        kept: which model a training run kept; with "base", ``tuned`` holds the figures of the best checkpoint.
        training_pairs: how many pairs it was trained on, where known.
    """
    changes = comparison.changes
    questions = len(comparison.pool.queries)
    answer: dict[str, Any] = {
        "held_out": questions if comparison.unseen else 0,
        "pool": len(comparison.pool.corpus),
        "better": comparison.better,
        "base": _figures(comparison.base),
        "tuned": _figures(comparison.tuned),
        "change": {
            "ndcg@10": _number(changes["ndcg@10"].mean),
            "interval": _interval(changes["ndcg@10"]),
            "p": _number(comparison.p),
            **{name: _number(changes[name].mean) for name in METRICS},
            **{f"{name} interval": _interval(changes[name]) for name in METRICS},
            **{f"{name} p": _number(comparison.ps[name]) for name in METRICS},
        },
        "verdict": verdict(comparison, kept, training_pairs),
        "evidence": comparison.evidence,
        "questions": questions,
        "first": {
            "base": int(comparison.base.metrics["hit@1"].sum()),
            "tuned": int(comparison.tuned.metrics["hit@1"].sum()),
        },
        "improved": comparison.improved,
        "worse": comparison.worse,
        "stayed": comparison.stayed,
        "auc": {"base": _number(comparison.base.auc), "tuned": _number(comparison.tuned.auc)},
        "warning": warning(comparison),
        "independent": comparison.independent,
        "bm25": _keywords(comparison),
        "health": [
            {"name": one.name, "base": _number(one.base), "tuned": _number(one.tuned), "meaning": one.meaning}
            for one in comparison.health
        ],
        "sizes": [
            {
                "name": size.name,
                "bytes": {"base": size.bytes[0], "tuned": size.bytes[1]},
                "base": _number(size.base),
                "tuned": _number(size.tuned),
                "change": _number(size.change.mean) if size.change else None,
                "interval": _interval(size.change) if size.change else None,
            }
            for size in comparison.sizes
        ],
    }
    if kept is not None:
        answer["kept"] = kept
    if kept == "base":
        answer["causes"] = causes(comparison, training_pairs)
    return answer


def _keywords(comparison: Comparison) -> dict[str, Any] | None:
    """The figures of keyword search, and by how much each model is above it in nDCG@10."""
    if comparison.bm25 is None:
        return None
    return {
        **{name: _number(comparison.bm25.metrics[name].mean()) for name in METRICS},
        "ahead": {
            name: {"ndcg@10": _number(lead.mean), "interval": _interval(lead)}
            for name, lead in comparison.against_bm25.items()
        },
        "sentence": keyword_sentence(comparison),
    }


def _figures(measurement: Measurement) -> dict[str, float | None]:
    floor = measurement.floor
    return {
        **{name: _number(measurement.metrics[name].mean()) for name in METRICS},
        "matched": _number(measurement.matched.mean()),
        "mismatched": _number(floor.mean if floor else None),
        "mismatched 95 %": _number(floor.high if floor else None),
    }


def _interval(interval: Interval) -> list[float | None] | None:
    return None if interval.low is None else [_number(interval.low), _number(interval.high)]


def _number(value: float | None) -> float | None:
    """A plain float that JSON can hold; six digits are more than any of these figures can carry."""
    return None if value is None or not math.isfinite(value) else round(float(value), 6)
