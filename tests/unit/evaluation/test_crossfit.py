"""Five models as one: what is put together is what each model says of what it never saw."""

import numpy as np
import pytest

from core.evaluation.crossfit import CrossFit, folds_of
from core.evaluation.health import uniformity
from core.evaluation.measurement import Measurement, measure
from core.evaluation.pool import build_pool
from core.evaluation.ranks import unit
from core.evaluation.similarity import mismatched_pairs


@pytest.fixture
def folded(pairs, vectors):
    """30 questions, two of which share an answer, and five models that differ."""
    rows = pairs(30, fold=np.arange(30) // 2 % 5 + 1)
    rows.loc[1, "positive"] = rows.loc[0, "positive"]  # both are of fold 1
    pool = build_pool(rows, rows)
    models = [np.concatenate(vectors(pool, noise=0.5 + fold, seed=fold)) for fold in range(5)]
    return rows, CrossFit(pool, folds_of(pool, rows), np.stack(models).astype(np.float32))


def test_each_text_has_the_fold_of_its_rows(folded):
    rows, found = folded
    by_text = {**dict(zip(rows["positive"], rows["fold"], strict=True)), **dict(zip(rows["anchor"], rows["fold"], strict=True))}
    texts = [*found.pool.queries, *found.pool.corpus]
    assert [by_text[text] - 1 for text in texts] == found.fold_of.tolist()


def test_every_question_has_the_figures_of_the_model_that_never_saw_it(folded):
    """Against a plain loop: rank and cosine of each pair, counted over the answers one by one."""
    _, found = folded
    pool, first = found.pool, len(found.pool.queries)
    whole = found.measurement
    for at, (query, answer) in enumerate(zip(pool.pairs["query"], pool.pairs["answer"], strict=True)):
        model = unit(found.vectors[found.fold_of[query]])
        cosines = model[first:] @ model[query]
        wrong = [other for other in range(len(pool.corpus)) if other not in pool.right[query]]
        rank = 1 + sum(cosines[other] >= cosines[answer] - 1e-6 for other in wrong)
        assert whole.pair_rank[at] == rank and whole.matched[at] == pytest.approx(cosines[answer], abs=1e-6)
        assert whole.metrics["mrr@10"][query] == pytest.approx(1 / rank if rank <= 10 else 0)
        assert (found.of(query) == found.vectors[found.fold_of[query]]).all()


def test_the_floor_is_that_of_all_questions_with_their_wrong_answers(folded):
    _, found = folded
    pool, first = found.pool, len(found.pool.queries)
    queries, answers = mismatched_pairs(pool)
    plain = np.array([
        float(unit(found.vectors[found.fold_of[query]])[query] @ unit(found.vectors[found.fold_of[query]])[first + answer])
        for query, answer in zip(queries, answers, strict=True)
    ])
    whole = found.measurement
    assert whole.mismatched == pytest.approx(plain, abs=1e-6)
    assert whole.floor.mean == pytest.approx(plain.mean(), abs=1e-6)
    assert whole.uniformity == pytest.approx(np.mean([uniformity(unit(one)) for one in found.vectors]), abs=1e-5)


def test_a_fold_counts_by_its_wrong_answers_in_the_floor(pairs, vectors):
    rows = pairs(12, fold=[1] * 8 + [2] * 4)
    rows.loc[8:, "anchor"] = "asked four times"  # one question, with fewer wrong answers
    pool = build_pool(rows, rows)
    models = np.stack([np.concatenate(vectors(pool, noise=noise, seed=noise)) for noise in (0, 9)]).astype(np.float32)
    found = CrossFit(pool, folds_of(pool, rows), models)
    plain = [
        float(unit(models[fold])[query] @ unit(models[fold])[9 + answer])
        for query, fold in enumerate([0] * 8 + [1]) for answer in range(12) if answer not in pool.right[query]
    ]
    assert len(plain) == 8 * 11 + 8 and found.measurement.floor.mean == pytest.approx(np.mean(plain), abs=1e-6)


def test_five_times_the_same_model_is_that_model(folded):
    _, found = folded
    first, one = len(found.pool.queries), found.vectors[2]
    same = CrossFit(found.pool, found.fold_of, np.stack([one] * 5)).measurement
    plain = measure(found.pool, one[:first], one[first:])
    for name in Measurement.__dataclass_fields__:
        ours, theirs = getattr(same, name), getattr(plain, name)
        if isinstance(theirs, dict):
            assert all(np.array_equal(ours[key], theirs[key]) for key in theirs) and set(ours) == set(theirs)
        elif name == "floor":
            assert ours.mean == pytest.approx(theirs.mean) and ours.high == theirs.high
        else:
            assert ours == pytest.approx(theirs), name


def test_a_fold_without_questions_is_no_trouble(folded):
    """Rows that say that their texts do not belong together may be all that a fold has."""
    _, found = folded
    some = np.where(found.fold_of == 4, 3, found.fold_of)
    assert CrossFit(found.pool, some, found.vectors).measurement.floor.mean is not None
