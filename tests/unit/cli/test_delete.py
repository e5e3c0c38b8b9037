"""``delete --run`` and ``--set``: only what was agreed to goes, all of it, and the log says so."""

import io
import json
import os

import pytest

from core.__main__ import main
from core.pairs.store import add_set, list_sets
from core.process import name_process
from core.rights import read_audit
from core.runs.run import all_runs
from core.workspace import Workspace, write_json
from tests.tiny import pairs, run_folder


@pytest.fixture
def workspace(tmp_path, tiny):
    """A workspace with a run that waits for nobody, ``words-1``, and a set of two rows, ``few``."""
    made = Workspace.at(tmp_path / "workspace")
    data = pairs(30)
    run_folder(made, tiny, "words-1", data[:20], data[20:])
    file = tmp_path / "few.csv"
    file.write_text("question,answer\nhow many,two\nwhich ones,these\n")
    add_set(made, file)
    return made


def delete(workspace, *arguments):
    return main(["delete", *arguments, "--workspace", str(workspace.root)])


def left(workspace):
    return [one.id for one in (*all_runs(workspace), *list_sets(workspace))]


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(("what", "name", "folder", "other"), [
    ("--run", "words-1", "runs", "few"), ("--set", "few", "sets", "words-1"),
])
@pytest.mark.parametrize("typed", [True, False], ids=["typed", "--yes"])
def test_it_goes_when_its_name_is_typed_or_yes_is_said(workspace, monkeypatch, capsys, what, name, folder, other, typed):
    monkeypatch.setattr("sys.stdin", Terminal(f"{name}\n" if typed else ""))
    assert delete(workspace, what, name, "--json", *([] if typed else ["--yes"])) == 0
    said = capsys.readouterr()
    assert json.loads(said.out) == {"deleted": [name], "left": []}
    assert ("cannot be undone" in said.err and f"Type {name}" in said.err) == typed
    assert left(workspace) == [other] and list((workspace.root / folder).iterdir()) == []
    assert [(one["action"], one["subject"], one["where"], one["outcome"]) for one in read_audit(workspace)] == [
        ("delete", name, "here", "begun"), ("delete", name, "here", "done"),
    ]


@pytest.mark.parametrize(("what", "name"), [("--run", "words-1"), ("--set", "few")])
@pytest.mark.parametrize("stdin", [Terminal("no\n"), Terminal(""), io.StringIO("few\nwords-1\n")], ids=["other", "end", "pipe"])
def test_nothing_goes_that_nobody_agreed_to(workspace, monkeypatch, capsys, what, name, stdin):
    stdin.seek(0)
    monkeypatch.setattr("sys.stdin", stdin)
    assert delete(workspace, what, name) == 2
    said = capsys.readouterr()
    assert said.out == "" and "Nothing was deleted." in said.err and "--yes" in said.err
    assert left(workspace) == ["words-1", "few"] and read_audit(workspace) == []


def test_a_run_at_work_is_refused_before_anything_is_asked(workspace, monkeypatch, capsys):
    [run] = all_runs(workspace)
    write_json(run.launched_file, {"asked": 1.0, "starts": 0, **name_process(os.getpid())})
    monkeypatch.setattr("sys.stdin", Terminal("words-1\n"))
    for more in ((), ("--yes",)):
        assert delete(workspace, "--run", "words-1", *more) == 2
        said = capsys.readouterr().err
        assert "still at work" in said and "core stop words-1" in said and "Type" not in said
    assert left(workspace) == ["words-1", "few"]


@pytest.mark.parametrize(("arguments", "words"), [
    (["--run", "words-2"], "There is no run"), (["--run", "../sets/few"], "There is no run"),
    (["--set", "many"], "There is no set"), (["--set", "../runs/words-1"], "There is no set"),
    (["--set", "few", "--leftovers"], "Nothing was deleted"), ([], "--run or --set"),
])
def test_what_is_not_there_or_not_clear_is_said(workspace, capsys, arguments, words):
    assert delete(workspace, *arguments, "--yes") == 2
    assert words in capsys.readouterr().err and left(workspace) == ["words-1", "few"]


def test_a_damaged_set_can_be_deleted(workspace, capsys):
    (workspace.sets / "few" / "set.json").write_text("{")
    assert delete(workspace, "--set", "few", "--yes") == 0
    assert "Deleted: few." in capsys.readouterr().out and list(workspace.sets.iterdir()) == []
