"""Which pass to believe: what chooses for a question has never looked at it."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from core.recipe import Recipe
from core.training.folds import FoldFiles, choose

quality = st.floats(0, 1, width=16)


def scores(table, matched=None):
    return [
        [{"hit@1": 0.0, "mrr@10": 0.0, "ndcg@10": float(one), "matched": 0.5 if matched is None else float(matched[fold][at]),
          "mismatched": None} for at, one in enumerate(row)]
        for fold, row in enumerate(table)
    ]


@st.composite
def tables(draw):
    passes = draw(st.integers(2, 6))
    rows = st.lists(quality, min_size=passes, max_size=passes)
    return draw(st.lists(rows, min_size=5, max_size=5)), draw(st.lists(st.integers(1, 30), min_size=5, max_size=5))


@given(tables(), st.integers(0, 4), st.lists(quality, min_size=6, max_size=6))
def test_a_fold_has_no_say_in_its_own_passes(drawn, fold, other):
    table, questions = drawn
    before = choose(scores(table), questions, Recipe()).own[fold]
    table[fold] = other[: len(table[0])]
    assert choose(scores(table), questions, Recipe()).own[fold] == before


@given(tables())
def test_the_last_training_takes_the_best_of_all_and_of_equals_the_fewest(drawn):
    table, questions = drawn
    means = np.average(np.array(table, dtype=np.float64), axis=0, weights=questions)
    final = choose(scores(table), questions, Recipe()).final
    assert means[final] >= means.max() - 1e-12 and (means[:final] < means[final]).all()
    assert choose(scores(table), questions, Recipe(), least=1).final >= 1


def test_none_is_among_the_choices():
    worse = [[0.8, 0.7, 0.6]] * 5
    assert choose(scores(worse), [9] * 5, Recipe()).final == 0 and set(choose(scores(worse), [9] * 5, Recipe()).own) == {0}


def test_where_scores_count_the_distance_does_too_but_not_below_the_bases_ranking():
    table, matched = [[0.8, 0.81, 0.79]] * 5, [[0.5, 0.6, 0.9]] * 5
    assert choose(scores(table, matched), [9] * 5, Recipe(goal="scores")).final == 1
    table = [[0.8, 0.81, 0.80]] * 5
    assert choose(scores(table, matched), [9] * 5, Recipe(goal="scores")).final == 2


def test_files_are_whole_or_not_there(tmp_path):
    files = FoldFiles(tmp_path / "folds", 3)
    assert not files.have(1) and files.have(1, 0)
    for passed in (1, 3):
        files.write(1, passed, np.full((2, 4), passed, dtype=np.float32))
    assert files.have(1, 1) and not files.have(1, 2) and not files.have(1)
    files.write(1, 2, np.zeros((2, 4)))
    assert files.have(1) and not files.have(2) and files.read(1, 3)[0, 0] == 3
    assert not [path for path in files.folder.iterdir() if path.name.startswith(".")]
