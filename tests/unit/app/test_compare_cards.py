"""What the Compare tab says of pairs looked at closely: right ranks, right company, and no text read as markup."""

import dataclasses
import re

import numpy as np
import pandas as pd
import pytest

from core.evaluation.comparison import compare_vectors, pairs_table
from core.evaluation.pool import build_pool
from core.evaluation.report import report
from workbench import closeup
from workbench.cards import compare as cards
from workbench.tabs.compare import chosen_ids

EVIL = "<b onmouseover=alert(1)>x</b>"
DRAW = np.random.default_rng(3)


@pytest.fixture(scope="module")
def made():
    """A comparison of 30 pairs with its two stacks of vectors."""
    rows = pd.DataFrame({"row": range(1, 31), "component": range(30)})
    rows["anchor"], rows["positive"] = [f"question {n} {EVIL}" for n in range(30)], [f"answer {n // 2} {EVIL}" for n in range(30)]
    pool = build_pool(rows, rows)
    corpus = DRAW.normal(size=(len(pool.corpus), 8))
    asked = corpus[pool.pairs["answer"]]
    base, tuned = (asked + noise * DRAW.normal(size=asked.shape) for noise in (2, 0.5))
    comparison = compare_vectors(pool, (base, corpus), (tuned, corpus))
    return comparison, (np.concatenate([base, corpus]), np.concatenate([tuned, corpus]))


def test_a_close_look_agrees_with_the_comparison(made):
    comparison, vectors = made
    for measured, one in zip((comparison.base, comparison.tuned), vectors, strict=True):
        for pair in range(len(comparison.pool.pairs)):
            side = closeup.side(comparison.pool, one, pair)
            assert side.rank == measured.pair_rank[pair] and side.cosine == pytest.approx(measured.matched[pair], abs=1e-5)
            assert len(side.above) == min(closeup.ABOVE, side.rank - 1)
            assert all(cosine >= side.cosine - 1e-5 for _, cosine in side.above)
            assert [cosine for _, cosine in side.above] == sorted((cosine for _, cosine in side.above), reverse=True)
            assert comparison.pool.corpus[comparison.pool.pairs["answer"].iloc[pair]] not in dict(side.above)


def test_company_lost_and_gained_are_as_many_and_share_no_text(made):
    comparison, vectors = made
    texts = [*comparison.pool.queries, *comparison.pool.corpus]
    for at in range(0, len(texts), 5):
        company = closeup.company(texts, *vectors, at)
        assert len(company.lost) == len(company.gained) == 10 - company.kept
        assert not set(company.lost) & set(company.gained) and texts[at] not in company.lost + company.gained
    assert closeup.company(texts, vectors[0], vectors[0], 3).lost == []


def test_no_text_is_read_as_markup(made):
    comparison, vectors = made
    texts = [*comparison.pool.queries, *comparison.pool.corpus]
    company = closeup.company(texts, *vectors, 0)
    card = cards.pair_card(EVIL, EVIL, tuple(closeup.side(comparison.pool, one, 0) for one in vectors), company)
    table = cards.table_card(pairs_table(comparison), 0, 30, EVIL, 0, card, 5)
    for html in (card, table, cards.text_card(EVIL, company), cards.health_card(comparison), cards.sizes_card(comparison)):
        assert "<b onmouseover" not in html
    assert table.count('class="closeup"') == 1 and "5 texts chosen on the map" in table


def test_what_was_forgotten_is_said_and_leads_to_the_blend_only_where_there_is_one():
    fine, lost = ({"better": better, "sentence": f"Everyday questions: {EVIL}"} for better in (None, False))
    assert "<b onmouseover" not in cards.forgetting_words(lost, True)
    assert 'href="#blend"' in cards.forgetting_words(lost, True) and "warn" in cards.forgetting_words(lost, True)
    assert "blend" not in cards.forgetting_words(lost, False) + cards.forgetting_words(fine, True)


@pytest.mark.parametrize("sent, ids", [
    ("", None), ("no list", None), ("7", None), ("{}", None), ("[1, 2]", [1, 2]), ("[]", []),
    ('[1, "2", null, -4, 1e3, 99999999999]', [1]),
])
def test_what_a_page_sends_as_chosen_is_checked(sent, ids):
    assert chosen_ids(sent) == ids


def test_every_figure_is_shown_with_how_sure_it_is(made):
    comparison, _ = made
    card = cards.figures_card(report(comparison))
    for name, change in comparison.changes.items():
        row = re.search(f"<b>{name}</b>.*?</tr>", card).group()
        figures = re.findall(r'<td class="n[ bt]*" data-title="[^"]+">(.*?)</td>', row)
        expected = [
            f"{comparison.bm25.metrics[name].mean():.3f}", f"{comparison.base.metrics[name].mean():.3f}",
            f"{comparison.tuned.metrics[name].mean():.3f}", f"{change.mean:+.3f}", f"{change.low:+.3f} to {change.high:+.3f}",
        ]
        assert figures[:5] == expected and len(figures) == 6


def test_five_folds_are_named_as_what_the_verdict_rests_on(made):
    comparison, _ = made
    folded = dataclasses.replace(comparison, evidence="five folds")
    card = cards.verdict_card(report(folded), folded)
    assert "five models, each of which never saw" in card and "Better." in card and "held-out" not in card
    assert "held-out questions" in cards.verdict_card(report(comparison), comparison)
