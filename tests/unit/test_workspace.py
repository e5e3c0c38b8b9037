"""The workspace folder and writing into it."""

import os

import pytest

from core.errors import WorkbenchError
from core.workspace import Workspace, default_workspace, read_json, write_atomically, write_json


def test_its_folders_are_made(tmp_path):
    workspace = Workspace.at(tmp_path / "new" / "one")
    assert workspace.sets.is_dir() and workspace.runs.is_dir() and workspace.cache.is_dir()


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
