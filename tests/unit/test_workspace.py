"""The workspace folder and writing into it."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from core.errors import WorkbenchError
from core.pairs.store import add_set, list_sets, open_set
from core.workspace import VERSION, Workspace, default_workspace, files_below, read_json, write_atomically, write_json


def test_its_folders_are_made(tmp_path):
    workspace = Workspace.at(tmp_path / "new" / "one")
    assert all(folder.is_dir() for folder in (workspace.sets, workspace.runs, workspace.endpoints, workspace.cache))


def test_the_default_is_in_the_users_own_data_folder():
    assert default_workspace().name == "embedding-workbench"


def test_a_file_in_the_way_is_explained(tmp_path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(WorkbenchError) as raised:
        Workspace.at(tmp_path / "taken")
    assert "--workspace" in raised.value.what_to_do


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "value.json"
    write_json(path, {"old": 1})

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError):
        write_atomically(path, "new")
    assert read_json(path) == {"old": 1}
    assert [file.name for file in tmp_path.iterdir()] == ["value.json"]


def test_a_missing_or_damaged_file_is_nothing(tmp_path):
    assert read_json(tmp_path / "missing.json") is None
    (tmp_path / "damaged.json").write_text('{"half": ')
    assert read_json(tmp_path / "damaged.json") is None


#: The process dies in the middle of making or removing something, as by a power cut.
CRASHES = {
    "adding a set": "store.write_table = die; store.add_set(workspace, file)",
    "deleting a set": "added = store.add_set(workspace, file); store.shutil.rmtree = die; store.delete_set(workspace, 'some')",
    "making a run": "create.publish = die; create.create_run(workspace, pairs, None, source={}, plan=plan)",
    "deleting a run": "run.shutil.rmtree = die; run.Run(workspace.runs / 'some-run-1').delete()",
    "making an endpoint": "folder.secrets.token_urlsafe = die; endpoint.begin(base, None)",
    "deleting an endpoint": "endpoint.folder.mkdir(); folder.shutil.rmtree = die; endpoint.remove_files()",
}
PROGRAM = """
import os, sys
from types import SimpleNamespace
from pathlib import Path
from core.endpoints import folder
from core.pairs import store
from core.recipe import Recipe
from core.runs import create, run
from core.workspace import Workspace
workspace, file = Workspace.at(sys.argv[1]), Path(sys.argv[2])
pairs = store.to_pairs(store.read_table(file), "some.csv", {"anchor": "question", "positive": "answer"})
split = SimpleNamespace(train=pairs.frame.assign(component=0), held_out=pairs.frame.assign(component=0))
base = SimpleNamespace(name="", path="", digest="")
endpoint = folder.EndpointFolder(workspace.endpoints / "some-0")
plan = SimpleNamespace(split=split, recipe=Recipe(), reasons={}, base=base, seen=False, seconds=1.0)
die = lambda *_, **more: os._exit(9)
"""


@pytest.mark.parametrize("crash", CRASHES)
def test_what_a_crash_left_is_removed_when_it_is_a_day_old_and_nothing_else(tmp_path, crash):
    root, file = tmp_path / "workspace", tmp_path / "some.csv"
    file.write_text("question,answer\nHow is it?,It is well.\n")
    (root / "runs" / "some-run-1").mkdir(parents=True)
    done = subprocess.run([sys.executable, "-c", PROGRAM + CRASHES[crash], root, file], cwd=Path(__file__).parents[2])
    assert done.returncode == 9

    def hidden() -> list[Path]:
        folders = [root / name for name in ("sets", "runs", "endpoints")]
        return [one for folder in folders for one in folder.iterdir() if one.name.startswith(".")]

    [left] = hidden()
    kept = [root / "runs" / "kept-1", root / "sets" / ".new", root / "sets" / ".kept-1"]
    for folder in kept:
        folder.mkdir()
        os.utime(folder, (0, 0))
    for hours, there in ((0, True), (23, True), (25, False)):
        if hours:
            os.utime(left, (time.time() - hours * 3600,) * 2)
        Workspace.at(root)
        assert left.exists() is there and all(folder.exists() for folder in kept)


def test_a_workspace_of_a_later_version_is_refused_and_one_from_before_there_were_any_is_marked(tmp_path):
    (tmp_path / "runs").mkdir()
    Workspace.at(tmp_path)
    assert read_json(tmp_path / "workspace.json") == {"version": VERSION}
    for damaged in ("", "[]", '{"version": "x"}'):
        (tmp_path / "workspace.json").write_text(damaged)
        Workspace.at(tmp_path)
    write_json(tmp_path / "workspace.json", {"version": VERSION + 1})
    with pytest.raises(WorkbenchError) as refused:
        Workspace.at(tmp_path)
    assert "later version" in refused.value.what and "Update" in refused.value.what_to_do
    assert read_json(tmp_path / "workspace.json") == {"version": VERSION + 1}


#: What each of two programs does to one workspace at the same time.
ONE_OF_TWO = """
import sys
from pathlib import Path
from core.pairs.store import add_set, open_set
from core.workspace import Workspace
workspace = Workspace.at(sys.argv[1])
for row in range(1, 21):
    open_set(workspace, "common").exclude([row], sys.argv[3])
    if row % 5 == 0:
        add_set(workspace, sys.argv[2], "same name.csv")
"""


def test_two_programs_share_a_workspace_and_lose_nothing(tmp_path):
    workspace, file = Workspace.at(tmp_path / "workspace"), tmp_path / "some.csv"
    file.write_text("question,answer\n" + "".join(f"question {row},answer {row}\n" for row in range(40)))
    add_set(workspace, file, "common.csv")
    both = [
        subprocess.Popen([sys.executable, "-c", ONE_OF_TWO, workspace.root, file, who], cwd=Path(__file__).parents[2])
        for who in ("one", "two")
    ]
    assert [program.wait(timeout=120) for program in both] == [0, 0]
    assert sorted(one.id for one in list_sets(workspace)) == [
        "common", "same-name", *(f"same-name-{number}" for number in range(2, 9))
    ]
    actions = open_set(workspace, "common").actions
    assert sorted(one.id for one in actions) == list(range(1, 41))
    assert [sum(one.reason == who for one in actions) for who in ("one", "two")] == [20, 20]


def test_the_files_below_a_folder_that_somebody_deletes_from_meanwhile(tmp_path, monkeypatch):
    for name in ("a/one.json", "a/two.txt", "b/three.json", "four.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("{}")
    (tmp_path / "a" / "nowhere.json").symlink_to(tmp_path / "gone")
    names = ["a/one.json", "b/three.json", "four.json"]
    assert files_below(tmp_path, "*.json") == [tmp_path / name for name in names]
    assert files_below(tmp_path, "*.txt", "four.*") == [tmp_path / "a/two.txt", tmp_path / "four.json"]
    assert len(files_below(tmp_path)) == 4 and files_below(tmp_path / "nowhere") == []
    look = os.scandir

    def deleted_before_it_is_looked_into(path):
        if str(path) == str(tmp_path / "a"):
            shutil.rmtree(path)
        return look(path)

    monkeypatch.setattr(os, "scandir", deleted_before_it_is_looked_into)
    assert files_below(tmp_path, "*.json") == [tmp_path / name for name in names[1:]]
