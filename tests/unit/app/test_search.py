"""One search for every table of texts."""

import pandas as pd

from workbench.search import rows_with

FRAME = pd.DataFrame({
    "row": [1, 2, 3], "question": ["What is (a) lease?", "Who is the LANDLORD?", "ÜBER uns"], "answer": ["x", "y", "lease"],
})


def found(search, *columns):
    return FRAME["row"][rows_with(search, FRAME, columns)].tolist()


def test_any_of_the_columns_counts_and_capitals_do_not():
    assert found("lease", "question", "answer") == [1, 3]
    assert found("lease", "question") == [1]
    assert found(" landlord ", "question", "answer", "group") == [2]
    assert found("über", "question") == [3]


def test_what_is_searched_for_is_text_and_no_pattern():
    assert found("(a)", "question") == [1]
    assert found(".", "question") == found("nowhere", "question", "answer") == []


def test_nothing_searched_for_is_everything():
    assert found("  ", "question") == [1, 2, 3]
