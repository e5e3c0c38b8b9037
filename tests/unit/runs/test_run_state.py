"""A run's state is derived from its files, whatever state these are in."""

import os
import subprocess
import time

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import WorkbenchError
from core.runs.events import EventWriter
from core.runs.run import START_GRACE, Run, all_runs, find_run, new_run_id, run_called
from core.workspace import Workspace, write_json


def me() -> dict:
    return {"pid": os.getpid(), "created": psutil.Process().create_time()}


def dead() -> dict:
    process = subprocess.Popen(["true"])
    process.wait()
    return {"pid": process.pid, "created": time.time()}


def test_a_run_that_was_never_started_is_stopped(make_run):
    assert make_run().status().state == "stopped"


def test_the_seven_states(make_run):
    run = make_run()
    run.queued_file.touch()
    assert run.status().state == "queued"
    run.queued_file.unlink()

    write_json(run.launched_file, {**me(), "starts": 0})
    assert run.status().state == "running"
    writer = EventWriter(run.events_file)
    writer.write("start", **me(), step=0)
    writer.write("plan", steps=9)
    writer.write("step", step=4)
    status = run.status()
    assert (status.state, status.pid, status.step, status.steps) == ("running", os.getpid(), 4, 9)
    run.stop_file.touch()
    assert run.status().state == "stopping"

    writer.write("done", stopped=True)
    assert run.status().state == "stopped" and run.status().pid is None
    writer.write("done", stopped=False)
    assert run.status().state == "done"
    writer.write("failed", what="w")
    assert run.status().state == "failed" and run.status().last["what"] == "w"
    assert run.status() == run.status(run.events()[0])


def test_the_steps_of_several_trainings_are_counted_together(make_run):
    run = make_run()
    writer = EventWriter(run.events_file)
    writer.write("start", **me(), step=0)
    writer.write("plan", steps=60)
    writer.write("stage", stage="training", text="Training 3 of 6.", number=3, before=20, done=4, steps=10)
    assert (run.status().step, run.status().steps) == (24, 60)
    writer.write("stage", stage="saving", text="Writing the model.")
    assert run.status().step == 24


def test_a_worker_that_does_not_say_where_it_begins_begins_at_the_beginning(make_run):
    run = make_run()
    writer = EventWriter(run.events_file)
    writer.write("start", **me())
    writer.write("plan")
    assert (run.status().step, run.status().steps) == (0, 0)
    writer.write("stage", stage="training", before=20)
    assert run.status().step == 20
    writer.write("step")  # and one that does not say which step it has done leaves it at the last one
    assert run.status().step == 20


def test_a_damaged_entry_of_the_queue_is_none(make_run):
    run = make_run()
    run.queued_file.write_bytes(b"\xff\xfe")
    assert run.status().state == "stopped"


def test_a_dead_worker_leaves_an_interrupted_run(make_run):
    run = make_run()
    gone = dead()
    write_json(run.launched_file, {**gone, "starts": 0})
    assert run.status().state == "interrupted"
    EventWriter(run.events_file).write("start", **gone, step=0)
    assert run.status().state == "interrupted"


def test_another_process_with_the_same_pid_is_not_the_worker(make_run):
    run = make_run()
    write_json(run.launched_file, {**me(), "created": me()["created"] - 3600, "starts": 0})
    assert run.status().state == "interrupted"


def test_a_worker_is_known_by_its_folder_when_the_clock_was_changed(make_run, until_true):
    run = make_run()
    process = subprocess.Popen(["sh", "-c", "sleep 60 # a worker", str(run.folder)])
    try:
        write_json(run.launched_file, {"pid": process.pid, "created": time.time() - 7200, "starts": 0})
        until_true(lambda: run.status().state == "running", "known by its folder")
    finally:
        process.kill()
        process.wait()


def test_a_zombie_is_dead(make_run, until_true):
    run = make_run()
    process = subprocess.Popen(["true"])
    created = psutil.Process(process.pid).create_time()
    write_json(run.launched_file, {"pid": process.pid, "created": created, "starts": 0})
    until_true(lambda: psutil.Process(process.pid).status() == psutil.STATUS_ZOMBIE, "a zombie")
    assert run.status().state == "interrupted"
    process.wait()


def test_a_second_worker_that_is_still_silent_hides_the_end_of_the_first(make_run):
    run = make_run()
    writer = EventWriter(run.events_file)
    writer.write("start", **dead(), step=0)
    writer.write("failed", what="w")
    assert run.status().state == "failed"
    write_json(run.launched_file, {**me(), "starts": 1})
    assert run.status().state == "running"
    assert run.status().last is None


def test_an_app_that_died_while_it_started_a_worker_does_not_hide_it(make_run):
    """launched.json holds the intention only; the worker's own start event names the process."""
    run = make_run()
    run.queued_file.touch()
    write_json(run.launched_file, {"asked": time.time(), "starts": 0})
    assert run.status().state == "running"  # it may be about to speak
    EventWriter(run.events_file).write("start", **me(), step=0)
    status = run.status()
    assert (status.state, status.pid) == ("running", os.getpid())


def test_an_app_that_died_before_it_started_a_worker_leaves_the_run_queued(make_run):
    run = make_run()
    run.queued_file.touch()
    write_json(run.launched_file, {"asked": time.time() - START_GRACE - 1, "starts": 0})
    assert run.status().state == "queued"


@pytest.mark.parametrize("damage", ["", "{", "[]", "null", "[1, 2]", "\x00\xff", '{"recipe": 5}'])
def test_damaged_files_hide_nothing(make_run, workspace, damage):
    whole, broken = make_run("whole-1"), make_run("broken-1")
    for file in (broken.recipe_file, broken.launched_file, broken.report_file, broken.events_file):
        file.write_text(damage)
    assert {run.id for run in all_runs(workspace)} == {"whole-1", "broken-1"}
    assert whole.status().state == "stopped"
    assert broken.status().state in ("stopped", "interrupted")
    assert isinstance(broken.settings(), dict)
    assert broken.report() is None or isinstance(broken.report(), dict)
    broken.delete()
    assert [run.id for run in all_runs(workspace)] == ["whole-1"]


def test_runs_are_listed_newest_first_and_nothing_else_is(make_run, workspace):
    for number, name in enumerate(("b-1", "a-1", "c-1")):
        os.utime(make_run(name).recipe_file, (number, number))
    (workspace.runs / ".new-x").mkdir()
    (workspace.runs / "empty-1").mkdir()
    (workspace.runs / "a file").write_text("x")
    assert [run.id for run in all_runs(workspace)] == ["c-1", "a-1", "b-1"]


def test_what_is_not_there_is_not_found(make_run, workspace):
    assert find_run(workspace, make_run("a-1").id) == Run(workspace.runs / "a-1")
    (workspace.runs / "b-1").mkdir()  # no run without its settings
    for name in ("b-1", "c-1"):
        assert run_called(workspace, name) is None
        with pytest.raises(WorkbenchError, match=f"no run called “{name}”"):
            find_run(workspace, name)


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "../a-1", "a-1/", "/etc", "a-1/../a-1", "A-1", "a_1", "a-1\n", "a\0", "a" * 5000, "ä-1", "-a"],
)
def test_path_tricks_are_no_runs(make_run, workspace, name):
    make_run("a-1")
    with pytest.raises(WorkbenchError, match="There is no run"):
        find_run(workspace, name)


@given(st.text())
def test_every_name_makes_an_id_that_is_found_again(tmp_path_factory, name):
    workspace = Workspace.at(tmp_path_factory.mktemp("w"))
    run = Run(workspace.runs / new_run_id(workspace, name))
    run.folder.mkdir()
    run.recipe_file.write_text("{}")
    assert find_run(workspace, run.id) == run
    assert new_run_id(workspace, name) != run.id


def test_a_run_at_work_is_not_deleted(make_run, monkeypatch):
    monkeypatch.setattr("core.runs.run._LAST_MOMENTS", 0.2)
    run = make_run()
    run.queued_file.touch()
    with pytest.raises(WorkbenchError, match="still at work"):
        run.delete()
    run.queued_file.unlink()
    write_json(run.launched_file, {**me(), "starts": 0})
    with pytest.raises(WorkbenchError, match="still at work"):
        run.delete()
    EventWriter(run.events_file).write("start", **me())
    EventWriter(run.events_file).write("done")
    with pytest.raises(WorkbenchError, match="not ended yet"):  # its last word, but its files are still open
        run.delete()
    write_json(run.launched_file, {**dead(), "starts": 0})
    run.events_file.unlink()
    run.delete()
    assert not run.folder.exists()


def test_the_log_is_read_from_its_end(make_run):
    run = make_run()
    assert run.log_tail() == ""
    run.log_file.write_bytes(b"x" * 10_000 + "é end".encode())
    assert run.log_tail(6).endswith("end") and len(run.log_tail(6)) <= 6


@pytest.mark.parametrize("hours", [-30, 30])
def test_a_clock_that_jumps_moves_no_run_to_another_state(make_run, monkeypatch, hours):
    """A run is cut off, the clock is set, the run is put in the queue again, and an app dies while it starts its worker."""
    run = make_run()
    write_json(run.launched_file, {"pid": 2**22 + 1, "created": 1.0, "asked": time.time() - 60, "starts": 0})
    EventWriter(run.events_file).write("start", pid=2**22 + 1, created=1.0, step=0)
    assert run.status().state == "interrupted"
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + hours * 3600)
    assert run.status().state == "interrupted"
    run.enqueue()
    os.utime(run.queued_file, (time.time(),) * 2)
    assert run.status().state == "queued"
    write_json(run.launched_file, {"asked": now(), "starts": 1})  # before the clock was set
    assert run.status().state == "queued", "no worker is to be waited for until the clock has come so far again"
    run.queued_file.unlink()
    assert run.status().state == "interrupted"


def test_an_entry_of_the_queue_from_an_older_version_counts_by_its_time(make_run):
    run = make_run()
    write_json(run.launched_file, {"pid": 2**22 + 1, "created": 1.0, "asked": time.time() - 60, "starts": 0})
    EventWriter(run.events_file).write("start", pid=2**22 + 1, created=1.0, step=0)
    run.queued_file.touch()
    assert run.status().state == "queued"
    os.utime(run.queued_file, (time.time() - 90,) * 2)
    assert run.status().state == "interrupted"


def long_ago(run: Run, seconds: float = 60) -> None:
    """As if nothing had changed for a while, so that what was found is kept."""
    for path in (*run.folder.iterdir(), run.folder):
        os.utime(path, (time.time() - seconds,) * 2)


@pytest.fixture
def over(make_run) -> Run:
    run = make_run()
    write_json(run.launched_file, {**dead(), "starts": 0})
    EventWriter(run.events_file).write("start", **dead(), step=0)
    EventWriter(run.events_file).write("done", stopped=False)
    long_ago(run)
    return run


def test_a_run_that_is_over_is_not_worked_out_again(over, monkeypatch):
    assert not over.settled() and over.status().state == "done" and over.settled() and over.worker() is None
    monkeypatch.setattr(Run, "_derived", lambda *_: pytest.fail("worked out again"))
    assert Run(over.folder).status().state == "done"


@pytest.mark.parametrize("change", [
    lambda run: EventWriter(run.events_file).write("failed", what="w"), lambda run: run.enqueue(),
    lambda run: write_json(run.launched_file, {**me(), "starts": 1}), lambda run: run.launched_file.write_text("{"),
    lambda run: run.events_file.unlink(), lambda run: write_json(run.job_file, {"phase": "creating", "asked": time.time()}),
])
def test_whatever_changes_in_a_run_that_was_over_is_seen_at_once(over, change):
    assert over.status().state == "done" and over.settled()
    change(over)
    assert not over.settled() and over.status() == over._derived()


def test_a_run_that_has_just_changed_or_whose_process_is_alive_is_looked_at_each_time(make_run):
    fresh = make_run("fresh-1")
    write_json(fresh.launched_file, {**dead(), "starts": 0})
    assert fresh.status().state == "interrupted" and not fresh.settled()  # another change might bear the same time
    ending = make_run("ending-1")
    write_json(ending.launched_file, {**me(), "starts": 0})
    EventWriter(ending.events_file).write("start", **me(), step=0)
    EventWriter(ending.events_file).write("done", stopped=False)
    long_ago(ending)
    assert ending.status().state == "done" and not ending.settled()  # it has said its last word, and is still there


def test_more_runs_than_are_remembered(make_run, monkeypatch):
    monkeypatch.setattr("core.runs.run._KEPT", 2)
    runs = [make_run(f"r-{number}") for number in range(3)]
    for run in runs:
        long_ago(run)
    assert {run.status().state for run in runs} == {"stopped"} and [run.settled() for run in runs] == [False, False, True]
