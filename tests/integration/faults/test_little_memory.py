"""A worker that meets its memory limit says so, and is offered again with half the batch; the app lives on."""

import sys
import time

from core.runs.explain import explain_end
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
