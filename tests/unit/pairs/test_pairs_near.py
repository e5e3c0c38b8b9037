"""Looking at all questions of a set: what is found, kept, forgotten and stopped."""

import json
from pathlib import Path

import numpy as np
import pytest

from core.models import ModelRef
from core.models.cache import EmbeddingCache
from core.pairs.checks import run_checks
from core.pairs.context import Context
from core.pairs.near import known_groups, look_at_all
from core.pairs.store import add_set, open_set
from core.workspace import Workspace

MODEL = ModelRef("some", Path("nowhere"), "0123")


@pytest.fixture
def stored(tmp_path):
    """Rows 2, 4, 5 and 6 ask nearly the same; 4 and 5 the very same."""
    file = tmp_path / "faq.csv"
    file.write_text(
        "question,answer\nwhat is tea?,a drink\nHow tall is an eagle?,one\nhow long is a night?,two\n"
        "What is the height of an eagle?,three\nWhat is the height of an eagle?,four\nAn eagle is how tall?,five\n"
    )
    workspace = Workspace.at(tmp_path / "workspace")
    made = add_set(workspace, file)
    questions = dict.fromkeys(made.pairs().frame["anchor"])
    ways = {text: np.eye(4, dtype=np.float32)[1 if "eagle" in text else 2 if "tea" in text else 3] for text in questions}
    EmbeddingCache(workspace.cache / "embeddings", MODEL.digest).put(ways)  # what a model made of them before
    return made


def nothing(stage, done, total):
    pass


def test_all_questions_are_compared_and_what_was_found_is_kept(stored, tmp_path):
    workspace, told = Workspace.at(tmp_path / "workspace"), []
    assert known_groups(stored) is None
    look_at_all(stored, MODEL, workspace, lambda *far: told.append(far))
    assert known_groups(open_set(workspace, stored.id)) == ((2, 4, 5, 6),)
    kept = json.loads((stored.folder / "near.json").read_text())  # as it was written by older versions too
    assert kept["reading"] == {"anchor": "question", "delimiter": ",", "header": True}
    assert told[0] == ("reading", 5, 5) and ("comparing", 0, 5) in told


def test_the_check_uses_what_is_known_of_the_rows_in_use(stored, tmp_path):
    workspace = Workspace.at(tmp_path / "workspace")
    look_at_all(stored, MODEL, workspace, nothing)
    stored.exclude([2, 6])

    def found():
        context = Context(near=known_groups(stored))
        return [one for one in run_checks(stored.used_pairs(), context) if one.check == "near-duplicate"]

    assert found() == []  # what is left of the group is one question twice, which is another check's
    stored.include([6])
    assert found()[0].groups == ((4, 5, 6),) and found()[0].fix.exclude == (6,) and found()[0].sampled is None


def test_with_another_column_or_a_damaged_file_nothing_is_known(stored, tmp_path):
    workspace = Workspace.at(tmp_path / "workspace")
    look_at_all(stored, MODEL, workspace, nothing)
    other = stored.set_columns({"anchor": "answer", "positive": "question"})
    assert known_groups(other) is None
    assert known_groups(open_set(workspace, stored.id).set_columns({"anchor": "question", "positive": "answer"}))
    for damaged in ("", "[]", json.dumps({"reading": {}, "groups": [["x"]]}), "{"):
        (stored.folder / "near.json").write_text(damaged)
        assert known_groups(stored) is None


def test_it_can_be_stopped_and_goes_on_where_it_was(stored, tmp_path):
    class Enough(Exception):
        pass

    def stop(stage, done, total):
        if stage == "comparing":
            raise Enough

    workspace, told = Workspace.at(tmp_path / "workspace"), []
    with pytest.raises(Enough):
        look_at_all(stored, MODEL, workspace, stop)
    assert known_groups(stored) is None
    look_at_all(stored, MODEL, workspace, lambda *far: told.append(far))
    assert told[0] == ("reading", 5, 5) and known_groups(stored)
