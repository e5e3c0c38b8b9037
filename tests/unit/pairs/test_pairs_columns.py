"""Columns: roles by name and by content; wrong scores and labels are named by row and column."""

import pandas as pd
import pytest

from core.errors import WorkbenchError
from core.pairs import columns as columns_module
from core.pairs.columns import guess_columns, reading_notes, to_pairs
from core.pairs.table import Table


def table(header=True, **columns):
    frame = pd.DataFrame({name: pd.Series(cells, dtype="str") for name, cells in columns.items()})
    frame.index = pd.RangeIndex(1, len(frame) + 1, name="row")
    return Table(frame, "CSV", "UTF-8", ",", header)


Q = ["How do I start the pump?", "Where is the filter kept?", "Who mends the valve?"]
A = ["Press the green button and wait for the light.", "Behind the panel on the left side.", "The night shift does it."]
B = ["Paint is in the shed by the gate.", "The canteen opens at eight sharp.", "A bus leaves every hour or so."]


@pytest.mark.parametrize(
    "columns, expected, kind",
    [
        ({"sentence1": Q, "sentence2": A}, {"anchor": "sentence1", "positive": "sentence2"}, "pairs"),
        ({"Answer": A, "Question": Q}, {"anchor": "Question", "positive": "Answer"}, "pairs"),
        (
            {"query": Q, "positive": A, "negative": B},
            {"anchor": "query", "positive": "positive", "negative": "negative"},
            "triplets",
        ),
        ({"anchor": Q, "positive": A}, {"anchor": "anchor", "positive": "positive"}, "pairs"),
        (
            {"text_1": Q, "Text 2": A, "Score": ["0.1", "1", "0,5"]},
            {"anchor": "text_1", "positive": "Text 2", "score": "Score"},
            "scored",
        ),
        (
            {"sentence1": Q, "sentence2": A, "label": ["0", "1", "1"]},
            {"anchor": "sentence1", "positive": "sentence2", "label": "label"},
            "labelled",
        ),
        (
            {"question": Q, "answer": A, "document": ["a", "a", "b"]},
            {"anchor": "question", "positive": "answer", "group": "document"},
            "pairs",
        ),
        ({"query": Q, "document": A}, {"anchor": "query", "positive": "document"}, "pairs"),
        ({"id": ["1", "2", "3"], "prompt": Q, "response": A}, {"anchor": "prompt", "positive": "response"}, "pairs"),
        (
            {"left": A, "right": Q},
            {"anchor": "right", "positive": "left"},
            "pairs",
        ),  # the one that asks is the question
        ({"code": ["A1", "B2", "C3"], "foo": Q, "bar": A}, {"anchor": "foo", "positive": "bar"}, "pairs"),
        (
            {"question": Q, "answer": A, "label": ["billing", "mail", "mail"]},
            {"anchor": "question", "positive": "answer"},
            "pairs",
        ),
        (
            {"question": Q, "answer": A, "source": ["x", "x", "x"]},
            {"anchor": "question", "positive": "answer"},
            "pairs",
        ),
    ],
)
def test_guesses(columns, expected, kind):
    data = table(**columns)
    assert guess_columns(data) == expected
    pairs = to_pairs(data, "a.csv", expected)
    assert pairs.kind == kind and pairs.columns == expected
    assert list(pairs.frame) == ["row", *expected]
    assert pairs.frame["row"].tolist() == [1, 2, 3]


def test_guesses_without_header():
    data = table(False, **{"column 1": Q, "column 2": A, "column 3": ["0.5", "0.25", "1"]})
    assert guess_columns(data) == {"anchor": "column 1", "positive": "column 2", "score": "column 3"}
    data = table(False, **{"column 1": Q, "column 2": A, "column 3": B})
    assert guess_columns(data)["negative"] == "column 3"


def test_one_column_is_not_enough():
    with pytest.raises(WorkbenchError, match="Two columns"):
        guess_columns(table(question=Q))
    with pytest.raises(WorkbenchError, match="Two columns"):
        guess_columns(table(a=["1", "2", "3"], b=["4", "5", "6"]))


def test_scores_and_labels():
    scored = to_pairs(table(a=Q, b=A, s=["0", "0.5", "1"]), "x", {"anchor": "a", "positive": "b", "score": "s"})
    assert scored.frame["score"].tolist() == [0, 0.5, 1]
    five = table(a=Q, b=A, s=["0", "2.5", "5"])
    roles = {"anchor": "a", "positive": "b", "score": "s"}
    assert to_pairs(five, "x", roles).frame["score"].tolist() == [0, 0.5, 1]
    assert any("divided by 5" in note for note in reading_notes(five, roles))
    labels = to_pairs(table(a=Q, b=A, s=["true", "0", "1.0"]), "x", {"anchor": "a", "positive": "b", "label": "s"})
    assert labels.frame["label"].tolist() == [1, 0, 1]


@pytest.mark.parametrize(
    "role, cells, row, holds",
    [
        ("score", ["0.5", "high", "0.1"], 2, "high"),
        ("score", ["0.5", "", "0.1"], 2, "nothing"),
        ("score", ["0.5", "0.2", "-1"], 3, "-1"),
        ("score", ["6", "5", "4"], 1, "6"),
        ("score", ["0.1", "0.2", "inf"], 3, "inf"),
        ("label", ["1", "0", "maybe"], 3, "maybe"),
        ("label", ["2", "0", "1"], 1, "2"),
    ],
)
def test_a_wrong_cell_is_named(role, cells, row, holds):
    with pytest.raises(WorkbenchError) as caught:
        to_pairs(table(a=Q, b=A, mark=cells), "x.csv", {"anchor": "a", "positive": "b", role: "mark"})
    assert f"row {row}" in caught.value.what and "“mark”" in caught.value.what and holds in caught.value.what


def test_one_slip_in_a_0_to_1_column_is_not_a_0_to_5_scale():
    cells = ["0.5"] * 9 + ["1.7"]
    with pytest.raises(WorkbenchError, match="row 10"):
        to_pairs(table(a=["x"] * 10, b=["y"] * 10, s=cells), "x", {"anchor": "a", "positive": "b", "score": "s"})


@pytest.mark.parametrize(
    "roles",
    [
        {"anchor": "a"},
        {"anchor": "a", "positive": "zzz"},
        {"anchor": "a", "positive": "a"},
        {"positive": "b", "anchor": ""},
    ],
)
def test_impossible_roles(roles):
    with pytest.raises(WorkbenchError):
        to_pairs(table(a=Q, b=A), "x", roles)


FILE = {"title": A, "summary": B, "question": Q, "answer": A, "score": ["0.1", "0.5", "1"], "doc_id": ["a", "a", "b"]}


@pytest.mark.parametrize(
    "chosen, expected",
    [
        ({}, {"anchor": "question", "positive": "answer", "score": "score", "group": "doc_id"}),
        ({"anchor": "title"}, {"anchor": "title", "positive": "answer", "score": "score", "group": "doc_id"}),
        ({"positive": "question"}, {"anchor": "title", "positive": "question", "score": "score", "group": "doc_id"}),
        ({"score": "", "group": ""}, {"anchor": "question", "positive": "answer"}),
        ({"negative": "summary"}, {"anchor": "question", "positive": "answer", "negative": "summary", "group": "doc_id"}),
        ({"group": "score"}, {"anchor": "question", "positive": "answer", "group": "score"}),
    ],
)
def test_what_a_person_chose_stays_and_the_rest_is_guessed_from_other_columns(chosen, expected):
    assert guess_columns(table(**FILE), chosen) == expected


def test_two_columns_that_make_the_set_two_different_things_are_refused_not_dropped():
    chosen = {"anchor": "question", "positive": "answer", "negative": "summary", "score": "score"}
    for read in (lambda: guess_columns(table(**FILE), chosen), lambda: to_pairs(table(**FILE), "x", chosen)):
        with pytest.raises(WorkbenchError, match="“score” as score and “summary” as wrong answer cannot be used together"):
            read()


def test_numbers_without_a_name_are_no_score_where_that_was_decided():
    plain = table(header=False, **{"column 1": Q, "column 2": A, "column 3": ["0.5", "0.25", "1"]})
    assert guess_columns(plain)["score"] == "column 3"
    assert guess_columns(plain, {"score": ""}) == {"anchor": "column 1", "positive": "column 2"}


def test_a_chosen_column_that_is_not_there_is_told_with_those_that_are():
    with pytest.raises(WorkbenchError, match="no column “titel” for the question") as raised:
        guess_columns(table(**FILE), {"anchor": "titel"})
    assert all(f"“{name}”" in raised.value.why for name in FILE)
    one = table(**FILE)
    with pytest.raises(WorkbenchError, match="chosen twice"):
        to_pairs(one, "x", guess_columns(one, {"positive": "doc_id", "group": "doc_id"}))


def test_numbers_are_known_however_they_are_written():
    assert columns_module._look(pd.Series(["1E5", "7e2", "-2.5E-3", "+3,5", ".5", " 12 "])).numbers == 1
    assert columns_module._look(pd.Series(["1E", "E5", "1.2.3", "one"])).numbers == 0
