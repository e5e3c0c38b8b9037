"""Why a run ended, told from what it left behind."""

import os
import signal
import time

import psutil
import pytest

from core.runs import explain
from core.runs.events import EventWriter
from core.workspace import write_json
from tests.sentences import is_said_well


@pytest.fixture
def interrupted(make_run):
    """A run whose worker is gone after step 3 of 9; ``interrupted(log=..., **launched)``."""

    def make(log: str = "", **launched):
        run = make_run()
        gone = {"pid": 2**22 - 1, "created": time.time() - 60}
        write_json(run.launched_file, {**gone, "starts": 0, **launched})
        writer = EventWriter(run.events_file)
        writer.write("start", **gone, step=0)
        writer.write("plan", steps=9)
        writer.write("step", step=3)
        run.log_file.write_text(log)
        assert run.status().state == "interrupted"
        return run

    return make


def test_a_killed_worker_is_explained_with_how_to_go_on(trainer, make_run, until, until_true):
    run = make_run(steps=50, pause=0.05)
    trainer.submit(run)
    trainer.launch_next()
    until_true(lambda: run.status().step >= 2, "two steps")
    os.kill(run.status().pid, signal.SIGKILL)
    until(run, "interrupted")
    ended = explain.explain_end(run)
    assert f"after step {run.status().step} of 50" in ended["what"]
    assert "kill" in ended["why"] and "checkpoint" in ended["what_to_do"]
    assert ended["offer"] is None


def test_a_worker_killed_for_memory_offers_half_the_batch(interrupted, monkeypatch):
    monkeypatch.setattr(explain, "kernel_kills", lambda: 5)
    ended = explain.explain_end(interrupted(kernel_kills=4))
    assert "out of memory" in ended["why"] and ended["offer"] == {"batch_size": 4}
    monkeypatch.setattr(explain, "kernel_kills", lambda: 4)


@pytest.mark.parametrize(("used", "short"), [(7.1e9, True), (6.9e9, False)])
def test_a_worker_that_used_nearly_all_memory_and_ended_without_a_word_is_offered_half_the_batch(
    interrupted, monkeypatch, used, short
):
    monkeypatch.setattr(explain, "memory_limit", lambda: 10_000_000_000)
    run = interrupted()
    EventWriter(run.events_file).write("step", step=4, memory=int(used))
    ended = explain.explain_end(run)
    assert (ended["offer"] == {"batch_size": 4}) == short and ("used 7.1 of 10.0 GB" in ended["why"]) == short


def test_the_memory_of_a_container_is_the_limit(tmp_path, monkeypatch):
    whole = psutil.virtual_memory().total
    monkeypatch.setattr(explain, "_CGROUP", tmp_path)
    assert explain.memory_limit() == whole
    (tmp_path / "memory.max").write_text("max\n")
    assert explain.memory_limit() == whole
    (tmp_path / "memory.max").write_text("536870912\n")
    assert explain.memory_limit() == 536_870_912


def test_kills_before_the_run_do_not_count(interrupted, monkeypatch):
    monkeypatch.setattr(explain, "kernel_kills", lambda: 4)
    assert "memory" not in explain.explain_end(interrupted(kernel_kills=4))["why"]


def test_kills_that_could_not_be_counted_at_the_start_do_not_count(interrupted, monkeypatch):
    monkeypatch.setattr(explain, "kernel_kills", lambda: 4)
    assert "memory" not in explain.explain_end(interrupted(kernel_kills=None))["why"]


def test_a_restarted_machine_is_named(interrupted, monkeypatch):
    monkeypatch.setattr(psutil, "boot_time", lambda: time.time())
    assert "restarted" in explain.explain_end(interrupted(created=time.time() - 900))["why"]


@pytest.mark.parametrize(
    "log, words, offer",
    [
        ("OSError: [Errno 28] No space left on device", "disk is full", False),
        ("RuntimeError: [enforce fail] DefaultCPUAllocator: can't allocate memory", "ran out of memory", True),
        ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate", "ran out of memory", True),
        ("Traceback\nRuntimeError: could not create a primitive", "ran out of memory", True),
        ("memory allocation of 4096 bytes failed\n", "ran out of memory", True),
        ("Traceback\nRuntimeError: can't start new thread", "ran out of memory", True),
        ("Fatal Python error: Segmentation fault\n\nThread 0x0", "crashed", False),
        ("Fatal Python error: Segmentation fault\n\nExtension modules: " + "numpy.core, " * 900, "crashed", False),
        ("Traceback\nModuleNotFoundError: No module named 'torch'", "torch", False),
        ("Traceback (most recent call last):\n  File x\nKeyError: 'odd {braces}'\n", "KeyError: 'odd {braces}'", False),
        ("error: disk quota exceeded", "disk is full", False),
        ("Bus error", "crashed", False),
        ("Traceback\nImportError: no such symbol", "no such symbol", False),
        ("warming up", "without a word", False),
    ],
)
def test_the_log_tells(interrupted, log, words, offer):
    ended = explain.explain_end(interrupted(log))
    assert words in ended["why"]
    assert bool(ended["offer"]) == offer and all(is_said_well(ended[part]) for part in ("what", "what_to_do"))


def test_it_is_said_how_far_it_came_and_where_a_resumed_run_goes_on(interrupted, make_run):
    run = interrupted()
    ended = explain.explain_end(run)
    assert ended == {
        "what": "The training was cut off after step 3 of 9.", "offer": None,
        "why": "Its process ended without a word, as it does when somebody or the system kills it.",
        "what_to_do": "Resume the run. A resumed run begins again, as there is no checkpoint yet.",
    }
    (run.checkpoints / "checkpoint-2").mkdir(parents=True)
    assert explain.explain_end(run) == ended  # it was cut off while that was written
    write_json(run.checkpoints / "checkpoint-2" / "progress.json", {})
    assert explain.explain_end(run)["what_to_do"] == "Resume the run. A resumed run goes on from its last checkpoint."
    silent = make_run("b-1")
    write_json(silent.launched_file, {"pid": 2**22 - 1, "created": time.time() - 60, "starts": 0})
    assert explain.explain_end(silent)["what"] == "The training was cut off."


def test_a_run_that_was_not_sent_is_explained_as_such(make_run):
    run = make_run()
    write_json(run.job_file, {"phase": "sending", "asked": 0})
    ended = explain.explain_end(run)
    assert list(ended) == ["what", "why", "what_to_do", "offer"] and ended["offer"] is None
    assert ended["what"] == "The training was not started on SageMaker." and "nothing costs" in ended["why"]
    assert all(map(is_said_well, list(ended.values())[:3]))


def test_a_machine_that_was_started_just_before_the_run_was_not_restarted(interrupted, monkeypatch):
    began = time.time() - 900
    monkeypatch.setattr(psutil, "boot_time", lambda: began + 59)
    assert "restarted" not in explain.explain_end(interrupted(created=began))["why"]


def test_the_systems_own_count_of_kills_is_read(monkeypatch):
    told = {"/proc/vmstat": "pgfault 3\noom_kill 12\noom_kill_other 4\n"}
    monkeypatch.setattr(explain.Path, "read_text", lambda self: told[str(self)])
    assert explain.kernel_kills() == 12
    told["/proc/vmstat"] = "pgfault 3\n"
    assert explain.kernel_kills() is None

    def missing(self):
        raise FileNotFoundError

    monkeypatch.setattr(explain.Path, "read_text", missing)
    assert explain.kernel_kills() is None


def test_a_failed_run_tells_itself(make_run):
    run = make_run()
    writer = EventWriter(run.events_file)
    writer.write("start", pid=1, created=1)
    writer.write("failed", what="A", why="B", what_to_do="C", offer={"batch_size": 2})
    assert explain.explain_end(run) == {"what": "A", "why": "B", "what_to_do": "C", "offer": {"batch_size": 2}}


def test_there_is_nothing_to_explain_about_other_runs(make_run):
    assert explain.explain_end(make_run()) is None


@pytest.mark.parametrize("recipe, offer", [
    ({"batch_size": 64}, {"batch_size": 32}), ({"batch_size": 5}, {"batch_size": 2}), ({"batch_size": 3}, None),
    ({}, None), (None, None),
])
def test_half_of_a_batch_stays_within_the_bounds(make_run, recipe, offer):
    run = make_run()
    write_json(run.recipe_file, {"recipe": recipe})
    assert explain.half_the_batch(run) == offer
