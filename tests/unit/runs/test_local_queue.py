"""The queue and the worker's life, with real processes that only pretend to train."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import psutil
import pytest

from core.errors import WorkbenchError
from core.runs import local
from core.runs.local import REPOSITORY, LocalTrainer
from core.workspace import read_json, write_json


def test_a_run_goes_through_queued_and_running_to_done(trainer, make_run, until):
    run = make_run(steps=15)
    trainer.submit(run)
    assert run.status().state == "queued"
    assert trainer.launch_next() == run
    assert run.status().state == "running"
    assert trainer.at_work() == run
    until(run, "done")
    assert not run.queued_file.exists()
    assert run.status().step == run.status().steps == 15
    kinds = [event["kind"] for event in trainer.events(run)[0]]
    assert kinds[0] == "start" and kinds[-1] == "done"
    assert '"kind": "done"' in run.log_tail()


def test_one_worker_at_a_time_in_the_order_of_submission(trainer, make_run, until):
    second, first = make_run("a-1", steps=5), make_run("b-1", steps=40)
    trainer.submit(first)
    time.sleep(0.02)
    trainer.submit(second)
    assert trainer.queue() == [first, second]
    assert trainer.launch_next() == first
    assert trainer.launch_next() is None
    assert second.status().state == "queued"
    until(first, "done")
    deadline = time.monotonic() + 10
    while (launched := trainer.launch_next()) is None:  # the first may still be closing its files
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert launched == second
    until(second, "done")
    assert second.events()[0][0]["t"] >= first.events()[0][-1]["t"]


def test_stopping_keeps_the_model_and_resuming_goes_on(trainer, make_run, until, until_true):
    run = make_run(steps=100, pause=0.03)
    trainer.submit(run)
    trainer.launch_next()
    until_true(lambda: run.status().step >= 3, "three steps")
    run.folder.joinpath("before").touch()
    trainer.stop(run)
    assert run.status().state in ("stopping", "stopped")
    until(run, "stopped")
    assert run.model.is_dir()
    done = run.status().step
    assert 3 <= done < 100
    until_true(lambda: run.worker() is None, "the worker is gone")
    trainer.resume(run)
    assert run.status().state == "queued"
    trainer.launch_next()
    assert not run.stop_file.exists()
    until_true(lambda: run.status().state == "running" and run.status().step > done, "it goes on")
    starts = [event for event in run.events()[0] if event["kind"] == "start"]
    assert [event["step"] for event in starts] == [0, done]


def test_stopping_is_seen_while_it_takes_effect(trainer, make_run, until, until_true):
    run = make_run(steps=3, pause=1)
    trainer.submit(run)
    trainer.launch_next()
    until_true(lambda: run.events()[0], "it speaks")
    trainer.stop(run)
    assert run.status().state == "stopping"
    assert run.status().pid is not None
    until(run, "stopped")


def test_a_killed_worker_is_interrupted_and_goes_on_from_its_checkpoint(trainer, make_run, until, until_true):
    run = make_run(steps=30, pause=0.05)
    trainer.submit(run)
    trainer.launch_next()
    until_true(lambda: run.status().step >= 3, "three steps")
    os.kill(run.status().pid, signal.SIGKILL)
    until(run, "interrupted")
    step = run.status().step
    assert run.status().pid is None
    trainer.resume(run)
    assert trainer.launch_next() == run
    until(run, "done")
    assert run.events()[0][-1]["best_step"] == 30
    starts = [event["step"] for event in run.events()[0] if event["kind"] == "start"]
    assert starts[0] == 0 and starts[1] >= step - 1


def test_a_failed_run_says_why(trainer, make_run, until):
    run = make_run(steps=5, fail_at=2)
    trainer.submit(run)
    trainer.launch_next()
    until(run, "failed")
    assert run.status().last["why"] == "It was told to."


def test_a_worker_that_never_speaks_is_running_and_then_interrupted(trainer, make_run, until):
    run = make_run(silent=60)
    trainer.submit(run)
    trainer.launch_next()
    assert run.status().state == "running"
    os.kill(run.status().pid, signal.SIGKILL)
    until(run, "interrupted")


def test_what_is_at_work_or_finished_is_not_submitted_again(trainer, make_run, until):
    run = make_run(steps=20)
    trainer.submit(run)
    with pytest.raises(WorkbenchError, match="still at work"):
        trainer.submit(run)
    trainer.launch_next()
    with pytest.raises(WorkbenchError, match="still at work"):
        trainer.resume(run)
    with pytest.raises(WorkbenchError, match="still at work"):
        run.delete()
    until(run, "done")
    with pytest.raises(WorkbenchError):
        trainer.resume(run)


def test_a_waiting_run_leaves_the_queue(trainer, make_run):
    run = make_run()
    trainer.submit(run)
    trainer.stop(run)
    assert run.status().state == "stopped"
    assert trainer.launch_next() is None
    trainer.stop(run)  # does nothing
    assert not run.stop_file.exists()


def test_many_launchers_at_once_start_one_worker(workspace, trainer, make_run, until):
    """Threads of one app and several programs, all at the same moment, each run in the queue."""
    runs = [make_run(f"r-{number}", steps=200) for number in range(4)]
    for run in runs:
        trainer.submit(run)
    go = workspace.root / "go"
    program = textwrap.dedent(f"""
        import sys, time
        from pathlib import Path
        from core.runs.local import LocalTrainer
        from core.workspace import Workspace
        trainer = LocalTrainer(Workspace.at({str(workspace.root)!r}), {trainer._command!r})
        print("ready", flush=True)
        while not Path({str(go)!r}).exists(): pass
        print(trainer.launch_next() is not None)
    """)
    programs = [
        subprocess.Popen([sys.executable, "-c", program], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    for process in programs:
        assert process.stdout.readline() == "ready\n"
    launched = []
    threads = [threading.Thread(target=lambda: launched.append(trainer.launch_next())) for _ in range(4)]
    go.touch()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    yes = [process.communicate()[0].strip() for process in programs]
    assert yes.count("True") + sum(run is not None for run in launched) == 1
    assert [run.status().state for run in runs].count("running") == 1


def test_an_app_that_dies_between_starting_a_worker_and_writing_it_down(
    workspace, trainer, make_run, until, until_true
):
    """It leaves the run queued with an intention in launched.json; nobody starts a second worker."""
    run, other = make_run("a-1", steps=100, silent=1), make_run("b-1")
    trainer.submit(run)
    trainer.submit(other)
    program = textwrap.dedent(f"""
        import os
        import core.runs.local as local
        from core.workspace import Workspace
        local.name_process = lambda pid: os._exit(9)   # what comes right after Popen
        local.LocalTrainer(Workspace.at({str(workspace.root)!r}), {trainer._command!r}).launch_next()
    """)
    assert subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY).returncode == 9
    assert run.queued_file.exists() and "pid" not in read_json(run.launched_file)
    assert run.status().state == "running"
    assert trainer.launch_next() is None
    until_true(lambda: run.events()[0], "the worker speaks")
    assert run.status().state == "running" and run.status().pid
    assert trainer.launch_next() is None
    assert other.status().state == "queued"
    os.kill(run.status().pid, signal.SIGKILL)
    until(run, "interrupted")  # what it has left in the queue does not start it again
    assert trainer.launch_next() == other
    trainer.resume(run)
    assert run.status().state == "queued" and trainer.queue() == [run]


def test_the_worker_outlives_the_program_that_started_it(workspace, trainer, make_run, until):
    run = make_run(steps=60, pause=0.05)
    trainer.submit(run)
    program = (
        "from core.runs.local import LocalTrainer; from core.workspace import Workspace;"
        f"LocalTrainer(Workspace.at({str(workspace.root)!r}), {trainer._command!r}).launch_next()"
    )
    subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, check=True)
    status = run.status()
    assert status.state == "running"
    assert os.getsid(status.pid) == status.pid  # a session of its own: no Ctrl-C of a terminal reaches it
    until(run, "done")


def test_a_worker_that_cannot_be_started_leaves_the_queue(workspace, make_run):
    trainer = LocalTrainer(workspace, (str(workspace.root / "no such program"),))
    run = make_run()
    trainer.submit(run)
    with pytest.raises(WorkbenchError, match="could not be started") as caught:
        trainer.launch_next()
    assert caught.value.why == "The system says: No such file or directory."
    assert run.status().state == "stopped"
    assert trainer.launch_next() is None


def test_the_worker_keeps_its_memory_and_finds_the_code(trainer, make_run, until, monkeypatch):
    run = make_run(steps=100)
    trainer.submit(run)
    monkeypatch.setattr(local, "kernel_kills", lambda: 7)
    trainer.launch_next()
    assert run.launched()["kernel_kills"] == 7  # so that a kill for memory can be told later
    environment = psutil.Process(run.status().pid).environ()
    assert environment["PYTHONPATH"].split(os.pathsep)[0] == str(REPOSITORY)
    assert int(environment["MALLOC_TRIM_THRESHOLD_"]) > 2**30 and environment["PYTHONFAULTHANDLER"] == "1"
    assert Path("/proc", str(run.status().pid), "fd", "0").resolve() == Path(os.devnull)


def test_finished_children_leave_no_zombies(trainer, make_run, until, until_true):
    run = make_run(steps=1)
    trainer.submit(run)
    trainer.launch_next()
    pid = run.launched()["pid"]
    until(run, "done")

    def gone() -> bool:
        trainer.launch_next()
        return not psutil.pid_exists(pid)

    until_true(gone, "reaped")


def test_start_again_with_half_the_batch_makes_a_new_run(workspace, trainer, make_run, monkeypatch):
    import core.plan

    plans = []
    real = core.plan.make_plan

    def remember(recipe, pairs, workspace, near_duplicates=()):
        plans.append((recipe, pairs, list(near_duplicates)))
        return real(recipe, pairs, workspace, near_duplicates)

    monkeypatch.setattr(core.plan, "make_plan", remember)
    old = make_run()
    new = trainer.restart_with(old, {"batch_size": 4})
    (recipe, pairs, groups), = plans
    assert new.id != old.id and new.status().state == "queued" and old.status().state == "stopped"
    assert (recipe.batch_size, recipe.epochs, recipe.scale) == (4, 1, 20.0)
    assert new.settings()["recipe"]["batch_size"] == 4 and old.settings()["recipe"]["batch_size"] == 8
    assert pairs.frame["row"].tolist() == [1, 2, 3, 4] and groups == [[3, 4]]
    assert new.settings()["source"] == old.settings()["source"] and new.settings()["name"] == old.settings()["name"]
    with pytest.raises(WorkbenchError, match="batch_size"):
        trainer.restart_with(old, {"batch_size": 1})


def test_a_damaged_run_cannot_be_started_again(trainer, make_run):
    run = make_run()
    run.train_file.write_bytes(b"nothing")
    with pytest.raises(WorkbenchError, match="damaged"):
        trainer.restart_with(run, {})
    write_json(run.recipe_file, {})
    with pytest.raises(WorkbenchError, match="damaged"):
        trainer.restart_with(run, {})


def test_a_stopped_run_is_deleted_once_its_worker_has_gone(trainer, make_run, until_true):
    run = make_run(steps=2, linger=1)
    trainer.submit(run)
    trainer.launch_next()
    until_true(lambda: run.status().state == "done", "done")
    worker = run.worker()
    assert worker is not None
    run.delete()
    assert not run.folder.exists() and not run.worker()


def test_a_stopped_run_may_be_resumed_before_its_worker_has_quite_gone(trainer, make_run, until_true):
    run = make_run(steps=2, linger=1)
    trainer.submit(run)
    trainer.launch_next()
    until_true(lambda: run.events()[0], "it speaks")
    trainer.stop(run)
    until_true(lambda: run.status().state == "stopped", "stopped")
    first = run.worker()
    assert first is not None
    trainer.resume(run)
    assert run.status().state == "queued" and trainer.launch_next() is None
    until_true(trainer.launch_next, "launched once the first worker is gone")
    assert run.launched()["pid"] != first
