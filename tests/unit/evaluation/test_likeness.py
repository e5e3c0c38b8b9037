"""The squares of the heat-map: which pairs, and whose cosines."""

import numpy as np
import pytest

from core.evaluation.comparison import compare_vectors, pairs_table
from core.evaluation.crossfit import CrossFit
from core.evaluation.likeness import MOST_PAIRS, likeness_of
from core.models import embed, local_ref
from core.workspace import Workspace


@pytest.fixture
def model(tiny):
    return local_ref("tiny", tiny)


def test_each_question_meets_each_answer_and_the_right_ones_are_on_the_diagonal(pool, vectors, model, tmp_path):
    some, workspace = pool(12), Workspace.at(tmp_path)
    table = pairs_table(compare_vectors(some, vectors(some, noise=2), vectors(some, noise=0.5)), with_places=True)
    found = likeness_of(table, some, model, model, workspace)
    assert found.questions == table["question"].tolist() and found.answers == table["answer"].tolist()
    questions, answers = embed(model, found.questions, workspace), embed(model, found.answers, workspace)
    for row in range(12):
        for column in range(12):
            assert found.base[row, column] == pytest.approx(float(questions[row] @ answers[column]), abs=1e-6)
    assert (found.tuned == found.base).all()


def test_of_many_pairs_the_worst_the_best_and_some_between_are_taken(pool, vectors, model, tmp_path):
    some = pool(100)
    table = pairs_table(compare_vectors(some, vectors(some, noise=2), vectors(some, noise=0.5)), with_places=True)
    found = likeness_of(table, some, model, model, Workspace.at(tmp_path))
    assert len(found.questions) == MOST_PAIRS == len(set(found.questions)) and found.base.shape == (MOST_PAIRS, MOST_PAIRS)
    assert found.questions[0] == table["question"].iloc[0] and found.questions[-1] == table["question"].iloc[-1]


def test_with_five_folds_a_row_is_of_the_model_that_never_saw_its_question(pool, vectors, model, tmp_path):
    some = pool(15)
    fold_of = np.concatenate([np.arange(15) % 5, np.arange(15) % 5])
    models = np.stack([np.concatenate(vectors(some, noise=fold + 1, seed=fold)) for fold in range(5)])
    table = pairs_table(compare_vectors(some, vectors(some), vectors(some)), with_places=True)
    found = likeness_of(table, some, model, model, Workspace.at(tmp_path), CrossFit(some, fold_of, models))
    for row, pair in enumerate(table["pair"]):
        query = some.pairs["query"].iloc[pair]
        for column, other in enumerate(table["pair"]):
            answer = some.pairs["answer"].iloc[other]
            own = models[query % 5]
            assert found.tuned[row, column] == pytest.approx(float(own[query] @ own[15 + answer]), abs=1e-5)
