import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from core.evaluation.pool import build_pool
from core.evaluation.scores import score
from core.evaluation.similarity import auc, floor, matched_cosines, mismatched_mean, mismatched_pairs

some_cosines = st.lists(st.integers(-4, 4).map(lambda n: n / 4), min_size=1, max_size=30)


@given(some_cosines, some_cosines)
def test_auc_equals_scikit_learns_with_ties(matched, mismatched):
    expected = roc_auc_score([1] * len(matched) + [0] * len(mismatched), matched + mismatched)
    assert auc(np.array(matched), np.array(mismatched)) == pytest.approx(expected)


def test_auc_of_nothing_is_unknown():
    assert auc(np.array([]), np.array([0.1])) is None and auc(np.array([0.1]), np.array([])) is None


def test_the_floor_is_the_mean_over_every_wrong_pair(pairs, vectors):
    rows = pairs(30, anchor=[f"q{number % 20}" for number in range(30)])
    pool = build_pool(rows.head(12), rows)
    queries, corpus = vectors(pool)
    cosines = queries.astype(float) @ corpus.T.astype(float)
    wrong = np.ones_like(cosines, dtype=bool)
    for query, right in enumerate(pool.right):
        wrong[query, right] = False
    assert mismatched_mean(queries, corpus, pool) == pytest.approx(cosines[wrong].mean(), abs=1e-6)
    found = floor(queries, corpus, pool)
    assert found.mean == pytest.approx(cosines[wrong].mean(), abs=1e-6)
    assert found.high == pytest.approx(np.quantile(cosines[wrong], 0.95), abs=1e-6)
    assert found.looked_at == wrong.sum() and not found.sampled


def test_a_large_pool_is_sampled_without_right_answers_and_says_so(pool, vectors):
    some = pool(300)
    queries, answers = mismatched_pairs(some)
    assert 0 < len(queries) <= 20_000 and not np.any(queries == answers)
    assert len(set(zip(queries.tolist(), answers.tolist(), strict=True))) == len(queries)
    found = floor(*vectors(some), some)
    assert found.sampled and found.looked_at == len(queries)


def test_a_pool_with_right_answers_only_has_no_floor(pool, vectors):
    some = pool(1)
    assert floor(*vectors(some), some) is None
    assert score(*vectors(some), some)["mismatched"] is None


def test_matched_is_the_cosine_of_each_held_out_pair(pool, vectors):
    some = pool(6, 9)
    queries, corpus = vectors(some)
    expected = [queries[pair.query] @ corpus[pair.answer] for pair in some.pairs.itertuples()]
    assert matched_cosines(queries, corpus, some) == pytest.approx(expected)
    assert score(3 * queries, 5 * corpus, some)["matched"] == pytest.approx(np.mean(expected))  # any length will do
