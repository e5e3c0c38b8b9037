import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from core.evaluation import ranks as ranks_module
from core.evaluation.metrics import metrics
from core.evaluation.pool import Pool, build_pool
from core.evaluation.ranks import masked_ranks, unit
from core.evaluation.scores import score


@st.composite
def asked(draw):
    """A pool with one to six right answers a question, and vectors for it, some equal, some zero."""
    corpus = draw(st.integers(2, 12))
    right = draw(st.lists(st.sets(st.integers(0, corpus - 1), min_size=1, max_size=min(6, corpus)), min_size=1,
                          max_size=6))
    right = [np.array(sorted(one)) for one in right]
    pairs = pd.DataFrame({"query": np.arange(len(right)), "answer": [one[0] for one in right]})
    pool = Pool([f"q{n}" for n in range(len(right))], [f"a{n}" for n in range(corpus)], right, pairs,
                np.arange(len(right)))
    values = hnp.arrays(np.float32, (len(right) + corpus, 3), elements=st.integers(-2, 2).map(float))
    vectors = unit(draw(values))
    return pool, vectors[: len(right)], vectors[len(right) :]


def by_hand(query, corpus, right):
    cosines = corpus.astype(float) @ query.astype(float)
    wrong = np.delete(cosines, right)
    return [1 + int(np.sum(wrong >= cosines[one] - 1e-6)) for one in right]


@given(asked())
def test_ranks_are_those_counted_by_hand_and_within_the_pool(case):
    pool, queries, corpus = case
    for query, right, found in zip(queries, pool.right, masked_ranks(queries, corpus, pool), strict=True):
        assert list(found) == by_hand(query, corpus, right)
        assert found.min() >= 1 and found.max() <= 1 + len(pool.corpus) - len(right)


@settings(deadline=None)  # the first rotation loads a library
@given(asked(), st.integers(0, 1000))
def test_a_rotation_of_the_space_changes_no_rank(case, seed):
    pool, queries, corpus = case
    turn, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    turned = masked_ranks((queries @ turn).astype(np.float32), (corpus @ turn).astype(np.float32), pool)
    assert all(np.array_equal(*both) for both in zip(masked_ranks(queries, corpus, pool), turned, strict=True))


@given(asked(), st.randoms())
def test_the_order_of_the_questions_changes_no_rank(case, random):
    pool, queries, corpus = case
    order = list(range(len(pool.queries)))
    random.shuffle(order)
    shuffled = Pool([pool.queries[at] for at in order], pool.corpus, [pool.right[at] for at in order], pool.pairs,
                    pool.components)
    plain = masked_ranks(queries, corpus, pool)
    moved = masked_ranks(queries[order], corpus, shuffled)
    assert all(np.array_equal(plain[at], found) for at, found in zip(order, moved, strict=True))


def test_blocks_give_the_same_ranks(pool, vectors, monkeypatch):
    some = pool(40, 60)
    queries, corpus = vectors(some, noise=2)
    whole = masked_ranks(queries, corpus, some)
    monkeypatch.setattr(ranks_module, "BLOCK_BYTES", 4 * 60 * 7)  # seven questions a block
    assert np.array_equal(np.concatenate(whole), np.concatenate(masked_ranks(queries, corpus, some)))


def test_a_collapsed_model_ranks_last_not_first(pool):
    some = pool(5, 30)
    same = np.ones((30, 8)) + 1e-8 * np.random.default_rng(0).normal(size=(30, 8))
    found = score(same[:5], same, some)
    assert found["hit@1"] == found["mrr@10"] == found["ndcg@10"] == 0
    ranks = masked_ranks(unit(same[:5]), unit(same), some)
    assert [list(one) for one in ranks] == [[30]] * 5


@pytest.mark.parametrize("spoiled", ["queries", "answers"])
def test_vectors_that_are_not_numbers_rank_last(pool, vectors, spoiled):
    some = pool(5, 30)
    queries, corpus = vectors(some, noise=0)
    (queries if spoiled == "queries" else corpus)[:] = np.nan
    assert {int(one[0]) for one in masked_ranks(queries, corpus, some)} == {30}


def test_other_right_answers_do_not_count_against_one(pairs):
    rows = pairs(4, anchor=["a", "a", "a", "b"])
    some = build_pool(rows.head(3), rows)
    query = np.array([[1.0, 0.0]], dtype=np.float32)
    corpus = unit(np.array([[1, 0], [1, 0.1], [0, 1], [1, 0.5]]))
    assert [list(one) for one in masked_ranks(query, corpus, some)] == [[1, 1, 2]]


@pytest.mark.parametrize("several", [False, True])
def test_measures_equal_those_of_the_librarys_evaluator(several):
    from sentence_transformers.sentence_transformer.evaluation import InformationRetrievalEvaluator

    random = np.random.default_rng(7)
    rows = pd.DataFrame({
        "row": range(1, 301),
        "anchor": [f"q{number % (120 if several else 300)}" for number in range(300)],
        "positive": [f"a{number}" for number in random.integers(0, 250, size=300)] if several
        else [f"a{number}" for number in range(300)],
        "component": 0,
    })
    pool = build_pool(rows.head(100), rows)
    corpus = random.normal(size=(len(pool.corpus), 24))
    queries = np.stack([corpus[right].mean(axis=0) for right in pool.right])
    queries = queries + 1.5 * random.normal(size=queries.shape)
    by_text = dict(zip([*pool.queries, *pool.corpus], unit(np.concatenate([queries, corpus])), strict=True))

    class FromVectors(InformationRetrievalEvaluator):
        def embed_inputs(self, model, sentences, **_):
            import torch

            return torch.from_numpy(np.stack([by_text[sentence] for sentence in sentences]))

    reference = FromVectors(
        {text: text for text in pool.queries}, {text: text for text in pool.corpus},
        {text: {pool.corpus[answer] for answer in right} for text, right in zip(pool.queries, pool.right, strict=True)},
        precision_recall_at_k=[5, 10],
    )
    from sentence_transformers.util import cos_sim

    reference.score_functions, reference.score_function_names = {"cosine": cos_sim}, ["cosine"]
    expected = reference.compute_all_metrics(None)["cosine"]
    found = {name: values.mean() for name, values in metrics(masked_ranks(unit(queries), unit(corpus), pool)).items()}
    assert found["hit@1"] == pytest.approx(expected["accuracy@k"][1])
    assert found["mrr@10"] == pytest.approx(expected["mrr@k"][10])
    assert found["ndcg@10"] == pytest.approx(expected["ndcg@k"][10])
    assert found["recall@10"] == pytest.approx(expected["recall@k"][10])
    assert found["recall@5"] == pytest.approx(expected["recall@k"][5])
    assert 0.1 < found["ndcg@10"] < 0.9  # neither trivial nor hopeless: the comparison means something


def test_measures_of_one_question_by_hand():
    found = metrics([np.array([3, 1]), np.array([11])])  # positions 1 and 4; position 11
    assert list(found["hit@1"]) == [1, 0]
    assert list(found["mrr@10"]) == [1, 0]
    assert list(found["recall@5"]) == list(found["recall@10"]) == [1, 0]
    assert [list(metrics([np.array([rank])])[f"recall@{k}"]) for rank, k in ((5, 5), (6, 5), (6, 10))] == [[1], [0], [1]]
    assert found["ndcg@10"][0] == pytest.approx((1 + 1 / np.log2(5)) / (1 + 1 / np.log2(3)))
    assert found["ndcg@10"][1] == 0
    assert all(len(values) == 0 for values in metrics([]).values())
