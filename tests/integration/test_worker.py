"""The worker as a program: its events, its exit code, and what kill -9 leaves."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from core.runs.run import Run
from core.workspace import Workspace
from tests.tiny import pairs, run_folder

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def make(tmp_path, tiny):
    def make(name: str, **recipe: object) -> Run:
        data = pairs(60)
        return run_folder(Workspace.at(tmp_path), tiny, name, data[:48], data[48:], **recipe)

    return make


def start(run: Run) -> subprocess.Popen:
    """The worker as the app starts it: both its streams go to the log."""
    with run.log_file.open("ab") as log:
        command = [sys.executable, "-m", "core.training", str(run.folder)]
        return subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT)


def wait_for(run: Run, kind: str, process: subprocess.Popen, seconds: float = 200) -> dict:
    """The first event of ``kind``."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for event in run.events()[0]:
            if event["kind"] == kind:
                return event
        assert process.poll() is None, run.log_tail()
        time.sleep(0.05)
    raise AssertionError(f"no {kind} event within {seconds} s: {run.log_tail()}")


def test_it_says_on_standard_output_what_it_writes_and_ends_with_done(make):
    run = make("plain")
    process = start(run)
    assert process.wait(timeout=280) == 0, run.log_tail()
    said = [line for line in run.log_file.read_text().splitlines() if line.startswith('{"t"')]
    assert said == run.events_file.read_text().splitlines()
    events = run.events()[0]
    assert events[0]["kind"] == "start" and events[0]["pid"] == process.pid and events[0]["step"] == 0
    assert events[0]["created"] <= events[0]["t"]
    assert [event["stage"] for event in events if event["kind"] == "stage"] == [
        "loading", "scoring base", "training", "saving"
    ]
    assert events[-1]["kind"] == "done" and events[-1]["report"] == run.report()
    assert run.status().state == "done"


def test_a_damaged_folder_ends_in_failed_and_exit_code_one(make):
    run = make("damaged")
    run.train_file.write_bytes(b"no parquet")
    code = start(run).wait(timeout=280)
    last = run.events()[0][-1]
    assert code == 1 and last["kind"] == "failed" and "damaged" in last["what"]
    assert "Traceback" in run.log_tail()


def test_killed_and_started_again_it_goes_on_and_ends_as_if_nothing_had_happened(make):
    run = make("killed", epochs=150, learning_rate=1e-4)
    process = start(run)
    checkpoint = wait_for(run, "checkpoint", process)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert run.status().state == "interrupted" and not run.model.exists()
    assert start(run).wait(timeout=280) == 0, run.log_tail()
    starts = [event for event in run.events()[0] if event["kind"] == "start"]
    assert starts[1]["step"] >= checkpoint["step"] and run.events()[0][-1]["kind"] == "done"
    whole = make("whole", epochs=150, learning_rate=1e-4)
    assert start(whole).wait(timeout=280) == 0, whole.log_tail()
    for side in ("base", "tuned"):
        assert run.report()[side] == pytest.approx(whole.report()[side], abs=1e-4)
