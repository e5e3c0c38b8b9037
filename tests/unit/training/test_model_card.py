"""The model's card says what its report says."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from core.evaluation.comparison import compare_vectors
from core.evaluation.pool import build_pool
from core.evaluation.report import report
from core.training.saving import model_card

MODEL = SimpleNamespace(max_seq_length=256, get_embedding_dimension=lambda: 384)
SETTINGS = {"recipe": {"epochs": 3}, "source": {"name": "faq.csv"}, "base": {"name": "all-MiniLM-L6-v2"}, "name": "my-run"}


@pytest.fixture
def figures():
    rows = pd.DataFrame({"row": range(1, 41), "anchor": [f"question {n}" for n in range(40)],
                         "positive": [f"answer {n}" for n in range(40)], "component": range(40)})
    pool, random = build_pool(rows, rows), np.random.default_rng(0)
    corpus = random.normal(size=(40, 16))
    base, tuned = (corpus + noise * random.normal(size=corpus.shape) for noise in (2, 0.5))
    return report(compare_vectors(pool, (base, corpus), (tuned, corpus)))


def test_each_measure_stands_beside_keyword_search_with_its_change(figures):
    card = model_card(SETTINGS, figures, MODEL)
    assert figures["verdict"] in card
    low, high = figures["change"]["interval"]
    assert (
        f"| nDCG@10 | {figures['bm25']['ndcg@10']:.3f} | {figures['base']['ndcg@10']:.3f} | {figures['tuned']['ndcg@10']:.3f} "
        f"| {figures['change']['ndcg@10']:+.3f}, {low:+.3f} to {high:+.3f} |"
    ) in card
    assert all(f"| {words} |" in card for words in ("Right answer first", "Recall@5", "Recall@10", "MRR@10"))


def test_what_a_report_does_not_hold_is_a_dash(figures):
    older = {**figures, "bm25": None, "change": {"ndcg@10": 0.1, "interval": None}}
    older["base"] = {name: value for name, value in figures["base"].items() if name != "recall@5"}
    card = model_card(SETTINGS, older, MODEL)
    assert "| +0.100 |" in card and f"| Recall@5 | – | – | {figures['tuned']['recall@5']:.3f} | – |" in card
