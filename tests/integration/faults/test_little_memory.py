"""A worker that meets its memory limit says so, and is offered again with half the batch; the app lives on."""

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.runs.explain import explain_end, kernel_kills
from core.runs.local import LocalTrainer
from core.workspace import Workspace
from tests.tiny import pairs, run_folder


def test_a_step_too_large_for_memory_is_explained_and_offered_with_half_the_batch(tmp_path, tiny):
    workspace, data = Workspace.at(tmp_path), pairs(400)
    run = run_folder(workspace, tiny, "large-1", data[:380], data[380:], epochs=2, batch_size=256)
    trainer = LocalTrainer(workspace, (sys.executable, "-m", "tests.integration.faults.little_memory"))
    trainer.submit(run)
    trainer.launch_next()
    end = time.monotonic() + 200
    while run.status().state == "running" and time.monotonic() < end:
        time.sleep(0.05)
    assert run.status().state in ("failed", "interrupted"), run.log_tail()
    ended = explain_end(run)
    assert "memory" in ended["what"] + ended["why"] and ended["offer"] == {"batch_size": 128}, (ended, run.log_tail())
    again = trainer.restart_with(run, ended["offer"])
    assert again.settings()["recipe"]["batch_size"] == 128 and trainer.queue() == [again]


@pytest.fixture
def group() -> Iterator[Path]:
    """A control group of its own, whose memory the kernel limits."""
    above = os.environ.get("WORKBENCH_TEST_CGROUP")
    if not above:
        pytest.skip("WORKBENCH_TEST_CGROUP names no control group (version 2, with memory for those below it) to make one in.")
    made = Path(above, f"little-memory-{os.getpid()}")
    made.mkdir()
    yield made
    made.rmdir()


def test_a_worker_that_the_kernel_kills_for_memory_is_explained_and_offered_with_half_the_batch(tmp_path, tiny, group):
    workspace, data = Workspace.at(tmp_path), pairs(400)
    data["anchor"] += " if so" * 60
    data["positive"] += " of course" * 60
    run = run_folder(workspace, tiny, "killed-1", data[:380], data[380:], epochs=2, batch_size=256)
    trainer = LocalTrainer(workspace, (sys.executable, "-m", "tests.integration.faults.little_cgroup", str(group)))
    before = kernel_kills()
    trainer.submit(run)
    trainer.launch_next()
    end = time.monotonic() + 400
    while run.status().state == "running" and time.monotonic() < end:
        time.sleep(0.05)
    events = (group / "memory.events").read_text()
    assert run.status().state == "interrupted" and "oom_kill 1" in events, (run.status(), events, run.log_tail())
    assert kernel_kills() == before + 1
    ended = explain_end(run)
    assert "the system ended the worker because the machine ran out of memory" in ended["why"], ended
    assert ended["offer"] == {"batch_size": 128}
    again = trainer.restart_with(run, ended["offer"])
    assert again.settings()["recipe"]["batch_size"] == 128 and trainer.queue() == [again]
