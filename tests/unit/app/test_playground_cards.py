import numpy as np
import pytest

from core.evaluation.comparison import compare_vectors
from core.evaluation.pool import build_pool
from core.evaluation.several import Several
from core.playground.documents import Document, Kept, Passage
from core.playground.index import Hit, Index
from tests.unit.evaluation.conftest import pairs, vectors
from workbench.cards.playground import documents_card, moved, results_card
from workbench.cards.several import several_card

__all__ = ["pairs", "vectors"]
EVIL = "</b><script>alert('x')</script>\" onload=\"alert(1)"


def test_the_three_lists_say_score_floor_and_what_moved():
    texts = ("reset a password", "opening hours", "a router")
    index = Index([Passage(text, "a.txt") for text in texts], np.eye(3), np.eye(3)[::-1])
    card = results_card(index, index.ask("reset", np.array([0.9, 0.5, 0.1]), np.array([0.9, 0.5, 0.1])))
    for words in ("Keyword search (BM25)", "Base", "Tuned", "3 passages searched", "0.90",
                  "the middle one of all passages scores 0.50",
                  "▲ up from place 3", "▼ down from place 1", "▼ falls to place 3", "same place under both",
                  "place 1 for base, 3 for tuned", "3 of the first 3 are the same"):
        assert words in card
    assert card.count("the middle one") == 2 and "shares no word scores 0" in card
    card = results_card(index, index.ask("nothing", np.ones(3), np.ones(3)))
    assert "No passage shares a word" in card


@pytest.mark.parametrize(("engine", "before", "now", "words"), [
    ("tuned", 1200, 1, "▲ up from place 1,200"), ("tuned", 1, 2, "▼ down from place 1"), ("base", 1, 3, "▼ falls to place 3"),
    ("base", 3, 1, "▲ rises to place 1"), ("base", 2, 2, "same place under both"),
    ("keywords", 1, 2, "place 1 for base, 2 for tuned"),
])
def test_what_moved_is_told_in_words(engine, before, now, words):
    assert moved(Hit(0, 1, 0.5, before, now), engine)[1] == words


def test_no_text_of_a_document_or_a_run_becomes_markup(pairs, vectors):
    index = Index([Passage(EVIL, EVIL)], np.eye(1), np.eye(1))
    cards = results_card(index, index.ask(EVIL, np.ones(1), np.ones(1)))
    cards += documents_card(Kept("0" * 32, (Document(EVIL, EVIL, EVIL),)), 1)
    rows = pairs(9)
    pool = build_pool(rows, rows)
    one = compare_vectors(pool, vectors(pool), vectors(pool))
    cards += several_card(EVIL, [EVIL], Several([one], 0))
    assert "<script>" not in cards and 'onload="' not in cards and cards.count("&lt;script&gt;") >= 5


def test_what_was_not_read_of_documents_is_said():
    card = documents_card(Kept("0" * 32, (Document("a.pdf", "x", "a.pdf: 2 of 3 pages were read"), Document("b", "y"))), 4)
    assert "2 documents, cut into 4 passages" in card and "a.pdf: 2 of 3 pages were read." in card


def test_several_models_stand_in_one_table_with_intervals_and_how_many_questions(pairs, vectors):
    rows = pairs(60)
    pool = build_pool(rows, rows)
    poor, good = vectors(pool, noise=2), vectors(pool, noise=0.5)
    found = Several([compare_vectors(pool, poor, good), compare_vectors(pool, poor, poor)], 7)
    card = several_card("all-MiniLM-L6-v2", ["good-1", "same-1"], found)
    change = found.comparisons[0].changes["ndcg@10"]
    assert "60 questions that none of these models was trained on" in card and "7 held-out pairs left out" in card
    assert f"{change.mean:+.3f}, {change.low:+.3f} to {change.high:+.3f}" in card
    assert ">better<" in card and ">no clear change<" in card and card.count("<tr>") == 4
