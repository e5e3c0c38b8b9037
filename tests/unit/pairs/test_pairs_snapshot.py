"""A set's rows are read once, and anew after any change, whoever made it."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import pandas as pd
import pytest

from core.pairs import snapshot
from core.pairs.store import add_set, delete_set, list_sets, open_set
from core.workspace import Workspace

TEXT = "question,answer,doc\nHow is it?,<b>It</b> is well.,a\nWhy so?,Nobody knows.,b\nWho knows?,Somebody does.,c\n"
#: What another program does to the set, and what is so afterwards: rows in use, first answer.
CHANGES = {
    "exclude": ("one.exclude([2])", [1, 3], "<b>It</b> is well."),
    "include": ("one.exclude([1, 2]); one.include([2])", [2, 3], "Nobody knows."),
    "undo": ("one.exclude([3]); one.undo(one.exclude([1]).id)", [1, 2], "<b>It</b> is well."),
    "clean": (
        "from core.pairs.checks import Context, run_checks;"
        "[one.apply(issue) for issue in run_checks(one.pairs(), Context()) if issue.check == 'markup']",
        [1, 2, 3], "It is well.",
    ),
    "columns": ("one.set_columns({'anchor': 'question', 'positive': 'doc'})", [1, 2, 3], "a"),
    "reading": ("one.read_again(header=False)", [1, 2, 3, 4], "answer"),
    "another set of that name": (
        "from core.pairs.store import add_set, delete_set; delete_set(workspace, one.id);"
        "file = workspace.root / 'some.csv'; file.write_text('question,answer,doc\\nWhat now?,A new file.,x\\n');"
        "add_set(workspace, file)",
        [1], "A new file.",
    ),
}


@pytest.fixture
def workspace(tmp_path):
    return Workspace.at(tmp_path / "workspace")


@pytest.fixture
def opened(workspace, tmp_path):
    """``opened()``: the set as a handler of the page opens it."""
    file = tmp_path / "some.csv"
    file.write_text(TEXT)
    set_id = add_set(workspace, file).id
    return lambda: open_set(workspace, set_id)


@pytest.fixture
def reads(monkeypatch):
    """The files that are read as tables from now on."""
    read, seen = pd.read_parquet, []

    def slowly(path, **options):
        time.sleep(0.05)
        frame = read(path, **options)
        seen.append(path)
        return frame

    monkeypatch.setattr(pd, "read_parquet", slowly)
    return seen


def test_nothing_is_read_again_while_nothing_changes(opened, reads):
    first = opened()
    first.used_pairs()
    assert len(reads) == 1
    for _ in range(3):
        assert opened().used_pairs() is first.used_pairs() and opened().use is first.use
    first.exclude([2])  # other rows in use, the same pairs
    assert opened().used_pairs().frame["row"].tolist() == [1, 3]
    assert len(reads) == 1


def test_many_at_once_read_once(workspace, opened, reads):
    threads = [threading.Thread(target=lambda: list_sets(workspace)[0].used_pairs()) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(reads) == 1


@pytest.mark.parametrize("change", CHANGES)
def test_what_another_program_changes_is_seen(workspace, opened, change):
    code, rows, answer = CHANGES[change]
    before = opened()
    assert before.used_pairs().frame["row"].tolist() == [1, 2, 3]
    program = (
        "import sys\nfrom core.pairs.store import open_set\nfrom core.workspace import Workspace\n"
        f"workspace = Workspace.at(sys.argv[1])\none = open_set(workspace, sys.argv[2])\n{code}"
    )
    subprocess.run([sys.executable, "-c", program, workspace.root, before.id], cwd=Path(__file__).parents[3], check=True)
    for _ in range(2):
        assert opened().used_pairs().frame["row"].tolist() == rows
        assert opened().used_pairs().frame["positive"].tolist()[0] == answer
    assert before.used_pairs().frame["row"].tolist() == [1, 2, 3]  # what was opened before stays as it was


def test_a_deleted_set_is_gone_though_it_was_kept(workspace, opened):
    set_id = opened().id
    opened().used_pairs()
    delete_set(workspace, set_id)
    assert snapshot.snapshot(workspace.sets / set_id) is None
