"""The FILE of a command: its columns as a person decides them."""

import pytest

from core.cli.pairs_file import read_pairs
from core.errors import WorkbenchError
from core.pairs.dataset import ROLES


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "pairs.csv"
    path.write_text("question,answer,a=b  c\nHow is it made?,By hand and with care.,Not made at all.\n")
    return str(path)


def columns(file, *column):
    return read_pairs(file, False, column)[1].columns


def test_a_column_is_chosen_by_its_name_which_may_hold_an_equals_sign(file):
    assert columns(file) == {"anchor": "question", "positive": "answer"}
    assert columns(file, "negative=a=b c") == {"anchor": "question", "positive": "answer", "negative": "a=b c"}
    assert columns(file, "anchor=answer", "positive=question") == {"anchor": "answer", "positive": "question"}
    assert columns(file, "positive=question", "positive=a=b c")["positive"] == "a=b c"


@pytest.mark.parametrize("column, words", [
    ("question=question", "no role called “question”.*anchor \\(the question\\), positive.*" + ".*".join(ROLES[2:])),
    ("anchor", "not a role and a column's name.*ROLE=NAME"),
    ("anchor=nowhere", "no column “nowhere” for the question.*“question”, “answer”, “a=b c”"),
    ("anchor=", "No column is chosen for the question.*“answer”"),
])
def test_what_cannot_be_is_told_with_what_there_is(file, column, words):
    with pytest.raises(WorkbenchError, match=words):
        columns(file, column)
