import numpy as np
import pandas as pd

from core.evaluation.pool import build_pool


def test_every_answer_of_the_set_is_in_the_pool_of_each_held_out_question(pairs):
    rows = pairs(20)
    pool = build_pool(rows.tail(4), rows)
    assert pool.queries == list(rows["anchor"].tail(4))
    assert sorted(pool.corpus) == sorted(rows["positive"])
    assert [pool.corpus[right[0]] for right in pool.right] == list(rows["positive"].tail(4))
    assert list(pool.pairs["row"]) == [17, 18, 19, 20]
    assert list(pool.components) == [16, 17, 18, 19]


def test_held_out_rows_may_be_missing_from_everything(pairs):
    rows = pairs(6)
    pool = build_pool(rows.head(2), rows.tail(4))
    assert len(pool.corpus) == 6
    assert [pool.corpus[right[0]] for right in pool.right] == ["answer 0", "answer 1"]


def test_texts_that_fold_alike_are_one_text(pairs):
    rows = pairs(4, anchor=["What?", "WHAT? ", "x", "y"], positive=["One", "Two", " two", "TWO"])
    pool = build_pool(rows.head(2), rows)
    assert pool.queries == ["What?"]
    assert pool.corpus == ["One", "Two"]
    assert [list(right) for right in pool.right] == [[0, 1]]
    assert list(pool.pairs["answer"]) == [0, 1]


def test_right_answers_are_known_from_rows_that_are_not_held_out(pairs):
    rows = pairs(3, anchor=["a", "b", "a"])
    pool = build_pool(rows.head(1), rows)
    assert [[pool.corpus[answer] for answer in right] for right in pool.right] == [["answer 0", "answer 2"]]
    assert len(pool.pairs) == 1


def test_a_pair_that_is_there_twice_counts_once(pairs):
    rows = pairs(2, anchor=["a", "a"], positive=["b", "B"])
    pool = build_pool(rows, rows)
    assert len(pool.pairs) == 1 and len(pool.right[0]) == 1


def test_negatives_join_the_pool_and_empty_ones_do_not(pairs):
    rows = pairs(3, negative=["wrong", "", "answer 0"])
    pool = build_pool(rows.head(1), rows)
    assert sorted(pool.corpus) == ["answer 0", "answer 1", "answer 2", "wrong"]
    assert len(pool.right[0]) == 1


def test_only_a_label_of_1_or_a_high_score_makes_an_answer_right(pairs):
    for column, values in (("label", [1, 0, 1, 0]), ("score", [0.5, 0.49, 1.0, 0.0])):
        rows = pairs(4, anchor=["a", "a", "b", "c"], **{column: values})
        pool = build_pool(rows, rows)
        assert pool.queries == ["a", "b"]
        assert [list(right) for right in pool.right] == [[0], [2]]
        assert len(pool.corpus) == 4
        assert list(pool.pairs["row"]) == [1, 3]


def test_a_set_without_held_out_rows_asks_nothing(pairs):
    rows = pairs(3)
    pool = build_pool(rows.head(0), rows)
    assert pool.queries == [] and pool.right == [] and len(pool.pairs) == 0 and len(pool.corpus) == 3


def test_the_digest_follows_what_is_measured(pairs):
    rows = pairs(5)
    digest = build_pool(rows.head(2), rows).digest()
    assert build_pool(rows.head(2), rows.copy()).digest() == digest
    other = rows.assign(positive=["answer 0", "answer 1", "answer 2", "answer 3", "answer four"])
    more_right = pd.concat([rows, rows.head(1).assign(positive="answer 4")])
    others = [build_pool(rows.head(3), rows), build_pool(rows.head(2), other), build_pool(rows.head(2), more_right)]
    assert digest not in {pool.digest() for pool in others}


def test_a_part_of_a_pool_asks_its_questions_of_every_answer(pairs):
    whole = build_pool(pairs(5), pairs(7))
    part = whole.only(np.array([3, 1]))
    assert part.queries == ["question 3", "question 1"] and part.corpus == whole.corpus
    assert [whole.corpus[right[0]] for right in part.right] == ["answer 3", "answer 1"]
    assert part.pairs.to_dict("list") == {"row": [2, 4], "query": [1, 0], "answer": [1, 3], "component": [1, 3]}
    assert list(part.components) == [3, 1]


def test_right_pairs_are_the_right_answers_as_two_arrays(pairs):
    rows = pairs(3, anchor=["a", "b", "a"])
    queries, answers = build_pool(rows, rows).right_pairs
    assert np.array_equal(queries, [0, 0, 1]) and np.array_equal(answers, [0, 2, 1])
