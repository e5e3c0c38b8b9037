"""Brought-in sets: the file stays as it was, everything can be undone, a bad file loses nothing."""

import csv
import json
import threading

import pandas as pd
import pytest

from core.errors import WorkbenchError
from core.pairs.checks import Context, run_checks
from core.pairs.store import add_set, delete_set, list_sets, open_set
from core.rights import read_audit
from core.workspace import Workspace

TEXT = (
    'question,answer,row,document\n"How, then?",<b>So</b> it goes on.,7,a\nWhy is it so?,=SUM(A1),8,a\n'
    "Why is it so?,Because of you.,9,b\n,Nothing asked here.,10,b\n"
)


@pytest.fixture
def workspace(tmp_path):
    return Workspace.at(tmp_path / "workspace")


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "My pairs.v2.csv"
    path.write_text(TEXT)
    return path


def again(stored):
    return open_set(Workspace.at(stored.folder.parents[1]), stored.id)


def test_add_and_open(workspace, file):
    stored = add_set(workspace, file)
    assert (stored.id, stored.name, stored.facts["rows"]) == ("my-pairs", "My pairs.v2.csv", 4)
    assert stored.source_file.read_text() == TEXT == file.read_text()
    assert stored.columns == {"anchor": "question", "positive": "answer", "group": "document"}
    for one in (stored, again(stored), again(stored)):  # the second time from the stored pairs
        assert one.pairs().frame["row"].tolist() == [1, 2, 3, 4]
        assert one.pairs().frame["anchor"].tolist() == ["How, then?", "Why is it so?", "Why is it so?", ""]
        assert one.table().frame["row"].tolist() == ["7", "8", "9", "10"]
        assert one.table().frame.index.name == "row" and one.use.tolist() == [True] * 4
    assert add_set(workspace, file).id == "my-pairs-2"
    assert [stored.id for stored in list_sets(workspace)] == ["my-pairs-2", "my-pairs"]


def test_fixes_reasons_and_undo(workspace, file):
    stored = add_set(workspace, file)
    issues = {issue.check: issue for issue in run_checks(stored.pairs(), Context())}
    empty = stored.apply(issues["empty-text"])
    cleaned = stored.apply(issues["markup"])
    stored.exclude([2], "by you")
    stored.exclude([2, 4], "a later reason")
    for one in (stored, again(stored)):
        assert one.reasons == {4: "empty text", 2: "by you"}
        assert one.use.tolist() == [True, False, True, False]
        assert one.pairs().frame["positive"].tolist()[0] == "So it goes on."
        assert one.used_pairs().frame["row"].tolist() == [1, 3]
    stored.include([2])
    stored.undo(cleaned.id)
    for one in (stored, again(stored)):
        assert one.reasons == {4: "empty text"}
        assert one.pairs().frame["positive"].tolist()[0] == "<b>So</b> it goes on."
    for wrong in (cleaned.id, 99, again(stored).actions[-1].id):
        with pytest.raises(WorkbenchError, match="cannot be undone"):
            stored.undo(wrong)
    assert [action.undone for action in again(stored).actions] == [False, True, False, False, False, False]
    assert again(stored).actions[0].check == "empty-text" and empty.id == 1
    assert stored.source_file.read_text() == TEXT


def test_a_line_cut_short_by_a_crash_is_passed_over(workspace, file):
    stored = add_set(workspace, file)
    stored.exclude([1])
    with (stored.folder / "actions.jsonl").open("a") as actions:
        actions.write('{"id": 2, "kind": "excl')
    again(stored).exclude([2])
    assert again(stored).reasons.keys() == {1, 2}


def test_actions_from_many_threads_all_arrive(workspace, file):
    stored = add_set(workspace, file)
    threads = [threading.Thread(target=lambda n=n: again(stored).exclude([n])) for n in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(action.id for action in again(stored).actions) == [1, 2, 3, 4] and again(stored).reasons.keys() == {
        1,
        2,
        3,
        4,
    }


def test_a_bad_file_loses_nothing(workspace, file, tmp_path):
    add_set(workspace, file)
    bad = tmp_path / "bad.csv"
    bad.write_text("question,answer\na,b\nc,d,e\n")
    with pytest.raises(WorkbenchError, match="line 3"):
        add_set(workspace, bad)
    with pytest.raises(WorkbenchError, match="line 3"):
        add_set(workspace, bad, "../../../etc/x.csv")
    assert [path.name for path in workspace.sets.iterdir()] == ["my-pairs"]
    stored = add_set(workspace, bad, skip_broken=True)
    assert (
        stored.facts["broken"] == [[3, stored.facts["broken"][0][1]]]
        and "1 broken line was left out" in stored.facts["notes"][0]
    )
    assert [(line.line, line.why) for line in again(stored).table().broken] == [tuple(stored.facts["broken"][0])]


@pytest.mark.parametrize(
    "name", ["../../evil.csv", "..\\evil.csv", "a/b/c.csv", "\n\t.csv", "", "💥" * 200, "CON.csv", "-.csv"]
)
def test_names_stay_inside_the_workspace(workspace, file, name):
    stored = add_set(workspace, file, name)
    assert stored.folder.parent == workspace.sets and stored.source_file.resolve().parent == stored.folder / "source"
    assert stored.source_file.exists() and again(stored).name == stored.name


@pytest.mark.parametrize("set_id", ["", "..", "../runs", "a/b", ".new-x", "none", "A", "a\x00"])
def test_unknown_ids(workspace, set_id):
    (workspace.root / "set.json").write_text("{}")  # what ".." would find
    with pytest.raises(WorkbenchError, match="no set called"):
        open_set(workspace, set_id)


def test_columns_can_be_changed(workspace, file):
    stored = add_set(workspace, file)
    stored.pairs()
    stored.exclude([3])
    changed = stored.set_columns({"anchor": "answer", "positive": "question", "group": None})
    for one in (changed, again(stored)):
        assert one.columns == {"anchor": "answer", "positive": "question"}
        assert one.pairs().frame["anchor"].tolist()[2] == "Because of you." and one.reasons.keys() == {3}
    with pytest.raises(WorkbenchError):
        changed.set_columns({"anchor": "answer", "positive": "answer"})
    assert again(stored).columns == {"anchor": "answer", "positive": "question"}


def test_reading_can_be_changed(workspace, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("a good day;x,eine gute Zeit\nb sides;y,zwei Seiten\n")
    stored = add_set(workspace, path)
    stored.exclude([1])
    changed = stored.read_again(delimiter=",", header=False)
    for one in (changed, again(stored)):
        assert one.facts["delimiter"] == "," and not one.facts["header"] and one.reasons == {}
        assert one.pairs().frame["anchor"].tolist() == ["a good day;x", "b sides;y"]


def test_export(workspace, file, tmp_path):
    stored = add_set(workspace, file)
    stored.exclude([4], "empty")
    out = tmp_path / "out.csv"
    stored.export(out)
    with out.open(encoding="utf-8-sig", newline="") as rows:
        assert list(csv.reader(rows)) == [
            ["question", "answer", "document"],
            ["How, then?", "<b>So</b> it goes on.", "a"],
            ["Why is it so?", "'=SUM(A1)", "a"],
            ["Why is it so?", "Because of you.", "b"],
        ]
    stored.export(out, everything=True)
    frame = pd.read_csv(out, keep_default_na=False)
    assert frame["use"].tolist() == ["yes", "yes", "yes", "no"] and frame["reason"].tolist() == ["", "", "", "empty"]


def test_an_export_keeps_columns_that_the_file_calls_like_its_own(workspace, tmp_path):
    file = tmp_path / "own.csv"
    file.write_text("use,reason,reason 2\nto cut bread with,a knife it is,x\nto drink tea from,a cup it is,y\n")
    stored = add_set(workspace, file, columns={"anchor": "use", "positive": "reason", "group": "reason 2"})
    stored.exclude([2], "by you")
    out = tmp_path / "out.csv"
    stored.export(out, everything=True)
    with out.open(encoding="utf-8-sig", newline="") as rows:
        assert list(csv.reader(rows)) == [
            ["use", "reason", "reason 2", "use 2", "reason 3"],
            ["to cut bread with", "a knife it is", "x", "yes", ""],
            ["to drink tea from", "a cup it is", "y", "no", "by you"],
        ]


def test_delete(workspace, file):
    stored = add_set(workspace, file)
    delete_set(workspace, stored.id)
    assert [(line["action"], line["subject"], line["outcome"]) for line in read_audit(workspace)] == [
        ("delete", "my-pairs", "begun"), ("delete", "my-pairs", "done"),
    ]
    assert list_sets(workspace) == [] and list(workspace.sets.iterdir()) == []
    with pytest.raises(WorkbenchError):
        delete_set(workspace, stored.id)


def test_damaged_set_is_passed_over(workspace, file):
    stored = add_set(workspace, file)
    (stored.folder / "set.json").write_text("{")
    assert list_sets(workspace) == []


def test_scored_set_survives_storing(workspace, tmp_path):
    path = tmp_path / "s.jsonl"
    path.write_text(
        "\n".join(json.dumps({"sentence1": f"one {n}", "sentence2": f"two {n}", "score": n}) for n in range(6))
    )
    stored = add_set(workspace, path)
    for one in (stored, again(stored), again(stored)):
        assert one.pairs().kind == "scored" and one.pairs().frame["score"].tolist() == [0, 0.2, 0.4, 0.6, 0.8, 1]


def test_a_full_disk_is_told_and_leaves_nothing_behind(workspace, file, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("core.pairs.store.write_json", full)
    with pytest.raises(WorkbenchError, match="No space left"):
        add_set(workspace, file)
    assert list(workspace.sets.iterdir()) == []
