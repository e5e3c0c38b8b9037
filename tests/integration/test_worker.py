"""The worker as a program: its events and its exit code."""

import subprocess
import sys
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
