"""``resume --half``: a run that ran out of memory, started anew with half the pairs a step."""

import os

import pytest

from core.__main__ import main
from core.cli import resume
from core.process import name_process
from core.runs.run import all_runs
from core.workspace import Workspace, write_json
from tests.tiny import pairs, run_folder


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    monkeypatch.setattr(resume, "follow", lambda trainer, run, after, as_json: 0)  # nothing is trained here
    return Workspace.at(tmp_path / "workspace")


def test_half_the_pairs_a_step_is_a_new_run_of_the_same_pairs(workspace, tiny, capsys):
    data = pairs(30)
    run_folder(workspace, tiny, "words-1", data[:20], data[20:], batch_size=16)
    assert main(["resume", "words-1", "--half", "--workspace", str(workspace.root)]) == 0
    [new] = [run for run in all_runs(workspace) if run.id != "words-1"]
    assert new.status().state == "queued" and new.settings()["recipe"]["batch_size"] == 8
    assert new.id in capsys.readouterr().err


@pytest.mark.parametrize(("batch", "works", "says"), [(3, False, "fewer pairs a step"), (16, True, "still at work")])
def test_what_cannot_be_halved_is_said(workspace, tiny, capsys, batch, works, says):
    data = pairs(30)
    run = run_folder(workspace, tiny, "words-1", data[:20], data[20:], batch_size=batch)
    if works:
        write_json(run.launched_file, {"asked": 1.0, "starts": 0, **name_process(os.getpid())})
    assert main(["resume", "words-1", "--half", "--workspace", str(workspace.root)]) == 2
    assert says in capsys.readouterr().err and [one.id for one in all_runs(workspace)] == ["words-1"]
