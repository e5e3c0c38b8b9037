import bm25s
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.evaluation import ranks
from core.evaluation.comparison import compare_vectors
from core.evaluation.keywords import K1, B, KeywordIndex, measure_keywords, words
from core.evaluation.pool import build_pool
from core.evaluation.report import report
from core.evaluation.verdict import keyword_sentence

some_texts = st.lists(st.lists(st.sampled_from("one two three four five six".split()), max_size=8).map(" ".join),
                      min_size=1, max_size=12)


@settings(deadline=None)  # the first one loads scikit-learn
@given(some_texts, st.lists(st.sampled_from("one two three seven".split()), min_size=1, max_size=5))
def test_scores_equal_those_of_another_implementation(texts, question):
    found = KeywordIndex(texts).scores([" ".join(question)])[0]
    if not any(words(text) for text in texts):
        assert not found.any()
        return
    reference = bm25s.BM25(method="lucene", k1=K1, b=B)
    reference.index([words(text) for text in texts], show_progress=False)
    known = [word for word in question if word in reference.vocab_dict]
    expected = reference.get_scores(known) if known else np.zeros(len(texts))
    assert found == pytest.approx(expected, abs=1e-4)


def test_words_are_folded_and_writing_without_spaces_is_cut_in_twos():
    assert words("What's Ｎew in ÉCOLE_9?") == ["what", "s", "new", "in", "école_9"]
    assert words("東京大学 へ go") == ["東京", "京大", "大学", "へ", "go"]
    assert words("") == words("?!") == []


def test_words_of_one_letter_and_of_writing_without_spaces_are_found():
    found = KeywordIndex(["東京大学 x", "大阪 Ａ", "tokyo"]).scores(["京大", "X", "a", "tok"])
    assert (found > 0).tolist() == [[True, False, False], [True, False, False], [False, True, False], [False] * 3]


def test_the_answer_that_shares_the_rare_word_comes_first_and_one_that_shares_none_last(pairs):
    rows = pairs(4, anchor=["how to prune a quince", "nothing shared", "c", "d"],
                 positive=["prune the quince in spring", "xyz", "how to bake a cake", "how to mend a sock"])
    found = measure_keywords(build_pool(rows.head(2), rows))
    assert list(found.rank) == list(found.pair_rank) == [1, 4]
    assert list(found.metrics["hit@1"]) == [1, 0]


def test_texts_without_any_word_can_be_asked_about(pairs):
    rows = pairs(3, anchor=["?", "!", "a"], positive=["…", "—", "***"])
    assert list(measure_keywords(build_pool(rows, rows)).rank) == [3, 3, 3]


def test_blocks_give_the_same_ranks(pool, monkeypatch):
    some = pool(40)
    whole = measure_keywords(some).rank
    monkeypatch.setattr(ranks, "BLOCK_BYTES", 4 * 40 * 7)
    assert np.array_equal(measure_keywords(some).rank, whole) and 1 in whole


def test_each_model_is_held_against_keyword_search(pool, vectors):
    some = pool(60)  # “question 7” and “answer 7” share a word, so keyword search is nearly always right here
    found = compare_vectors(some, vectors(some, noise=30), vectors(some, noise=0))
    line = report(found)["bm25"]
    assert line["hit@1"] == pytest.approx(found.bm25.metrics["hit@1"].mean(), abs=1e-6) and line["hit@1"] > 0.8
    lead = found.tuned.metrics["ndcg@10"].mean() - found.bm25.metrics["ndcg@10"].mean()
    assert line["ahead"]["tuned"]["ndcg@10"] == pytest.approx(lead, abs=1e-6)
    assert "the base model is worse by" in line["sentence"] and "the tuned model is" in line["sentence"]
    assert f"{int(found.bm25.metrics['hit@1'].sum())} of 60" in line["sentence"]


def test_a_model_is_not_held_against_keyword_search_on_pairs_that_it_learned(pool, vectors):
    some = pool(60)
    found = compare_vectors(some, vectors(some), vectors(some, noise=0), evidence="training pairs")
    assert "tuned" not in keyword_sentence(found) and "base model" in keyword_sentence(found)
