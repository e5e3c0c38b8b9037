"""The command line with the real worker: the shapes that programs rely on."""

import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from core.runs.local import REPOSITORY
from core.runs.run import Run, all_runs
from core.workspace import Workspace

TWENTY = Path(__file__).with_name("twenty_pairs.json")
FIGURES = {"hit@1", "mrr@10", "ndcg@10", "matched", "mismatched"}
FAST = ("--set", "evidence=held-out", "--set", "epochs=1", "--set", "max_seq_length=32")


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cli") / "the workspace"
    yield folder
    for run in all_runs(Workspace.at(folder)):
        if pid := run.worker():
            psutil.Process(pid).kill()


def core(*arguments, cwd: Path = REPOSITORY) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "core", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True)


def popen(*arguments, **more) -> subprocess.Popen:
    command = [sys.executable, "-m", "core", *map(str, arguments)]
    return subprocess.Popen(command, cwd=REPOSITORY, text=True, stderr=subprocess.PIPE, **more)


def is_report(value: dict) -> bool:
    return (
        {"held_out", "pool", "better", "base", "tuned", "change", "verdict"} <= set(value)
        and FIGURES <= set(value["base"]) and FIGURES <= set(value["tuned"])
        and {"ndcg@10", "interval"} <= set(value["change"]) and value["better"] in (True, False, None)
        and isinstance(value["verdict"], str)
    )


@pytest.fixture(scope="module")
def trained(workspace) -> list[dict]:
    """The events of one training, as a program reads them."""
    done = core("train", TWENTY, *FAST, "--name", "Help desk", "--json", "--workspace", workspace)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_train_writes_one_event_a_line_and_done_last(trained, workspace):
    assert [event["kind"] for event in trained][:2] == ["created", "start"]
    last = trained[-1]
    assert last["kind"] == "done" and last["run"] == "help-desk-1"
    assert last["folder"] == str(workspace / "runs" / "help-desk-1")
    assert (Path(last["model"]) / "modules.json").exists()
    assert is_report(last["report"])


def test_runs_lists_it(trained, workspace):
    runs = json.loads(core("--workspace", workspace, "runs", "--json").stdout)
    row = next(row for row in runs if row["run"] == "help-desk-1")
    assert row["state"] == "done" and row["pid"] is None and row["step"] >= 1 and row["steps"] >= row["step"]
    assert "help-desk-1  done" in core("runs", "--workspace", workspace).stdout


def test_compare_leaves_out_what_the_model_was_trained_on_and_says_so(trained, workspace):
    done = core("compare", "all-MiniLM-L6-v2", "help-desk-1", TWENTY, "--json", "--workspace", workspace)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    held_out = trained[-1]["report"]["held_out"]
    assert is_report(report) and report["held_out"] == held_out and report["pool"] == 20
    assert len(report["seen"]) == 20 - held_out and "trained on" in done.stderr
    assert "Reading the texts with both models: " in done.stderr
    assert report["tuned"]["ndcg@10"] == pytest.approx(trained[-1]["report"]["tuned"]["ndcg@10"], abs=1e-3)

    words = core("compare", "all-MiniLM-L6-v2", "help-desk-1", TWENTY, "--workspace", workspace).stdout
    assert report["verdict"] in words and "mismatched" in words


def test_inspect_has_its_shape_and_its_summary(workspace, tmp_path):
    file = tmp_path / "pairs.csv"
    rows = ["question,answer", "Is it raining today?,Yes, it has been raining since the early morning."]
    rows[1] = 'Is it raining today?,"Yes, it has been raining \x1b[31msince the early morning."'
    rows += [rows[1], "What is the time?,It is five minutes past ten.", ",There is no question to this answer."]
    file.write_text("\n".join(rows) + "\n")
    done = core("inspect", file, "--json", "--workspace", workspace)
    assert done.returncode == 0, done.stderr
    assert "Reading the texts with the base model: 0 of" in done.stderr
    found = json.loads(done.stdout)
    assert (found["rows"], found["kind"]) == (4, "pairs")
    assert found["columns"] == {"anchor": "question", "positive": "answer"}
    issues = {issue["check"]: issue for issue in found["issues"]}
    assert issues["exact-duplicate"]["rows"] == [1, 2] and issues["empty-text"]["rows"] == [4]
    assert all({"check", "rows", "severity", "explanation"} <= set(issue) for issue in found["issues"])

    other = json.loads(core("inspect", file, "--json", "--column", "anchor=answer", "--workspace", workspace).stdout)
    assert other["columns"] == {"anchor": "answer", "positive": "question"}

    words = core("inspect", file, "--workspace", workspace).stdout
    assert "4 rows" in words and "\x1b" not in words and "\\x1b[31m" in words


def test_train_leaves_out_what_cannot_be_trained_on_and_says_which(workspace, tmp_path):
    file = tmp_path / "dirty.jsonl"
    rows = json.loads(TWENTY.read_text())
    rows += [rows[3], {"question": "", "answer": "Nothing was asked."}]
    file.write_text("\n".join(map(json.dumps, rows)) + '\n{"question": "cut off\n')

    refused = core("train", file, *FAST, "--json", "--workspace", workspace)
    assert refused.returncode == 2 and refused.stdout == ""
    assert "line 23" in refused.stderr.lower() and "--skip-broken" in refused.stderr

    done = core("train", file, *FAST, "--skip-broken", "--json", "--workspace", workspace)
    assert done.returncode == 0, done.stderr
    created = json.loads(done.stdout.splitlines()[0])
    assert (created["rows"], created["used"], created["broken"]) == (22, 20, [23])
    assert {one["check"]: one["rows"] for one in created["left_out"]} == {"exact-duplicate": [21], "empty-text": [22]}
    assert "Row 21" in done.stderr and "Row 22" in done.stderr


def test_words_for_people(workspace):
    done = core("train", TWENTY, *FAST, "--workspace", workspace)
    assert done.returncode == 0, done.stderr
    for words in ("learning_rate = ", "Before training", "step 1 of", "Done.", "The model is in "):
        assert words in done.stdout, (words, done.stdout)


def state_of(run: str, workspace: Path) -> str:
    return next(row["state"] for row in json.loads(core("runs", "--json", "--workspace", workspace).stdout)
                if row["run"] == run)


def test_ctrl_c_leaves_the_run_going_and_a_second_one_waits_for_its_turn(workspace):
    """One story: start, Ctrl-C, another waits, stop the first, the second gets its turn."""
    settings = ("evidence=held-out", "epochs=1000", "patience=1000", "max_seq_length=32", "batch_size=4")
    long = [part for setting in settings for part in ("--set", setting)]
    named = ("--name", "first", "--json", "--workspace", workspace)
    first = popen("train", TWENTY, *long, *named, stdout=subprocess.PIPE)
    for line in first.stdout:
        if json.loads(line)["kind"] == "step":
            break
    first.send_signal(signal.SIGINT)
    rest, said = first.communicate(timeout=60)
    assert first.returncode == 130 and "goes on training" in said and "core stop first-1 --workspace" in said
    assert all(json.loads(line) for line in rest.splitlines())
    assert state_of("first-1", workspace) == "running"

    named = ("--name", "second", "--json", "--workspace", workspace)
    second = popen("train", TWENTY, *FAST, *named, stdout=subprocess.PIPE)
    for line in second.stderr:
        if "Waiting for its turn" in line:
            assert "first-1" in line
            break
    assert state_of("second-1", workspace) == "queued"

    stopping = core("stop", "first-1", "--workspace", workspace)
    assert stopping.returncode == 0 and "first-1 stops" in stopping.stdout
    events = [json.loads(line) for line in second.communicate(timeout=300)[0].splitlines()]
    assert second.returncode == 0 and events[-1]["kind"] == "done"
    assert state_of("first-1", workspace) == "stopped"
    assert core("stop", "first-1", "--workspace", workspace).returncode == 2


def test_a_killed_worker_is_a_failed_training_that_resume_finishes(workspace):
    command = popen(
        "train", TWENTY, "--set", "evidence=held-out", "--set", "epochs=6", "--set", "batch_size=4", "--set", "max_seq_length=32",
        "--name", "killed", "--json", "--workspace", workspace, stdout=subprocess.PIPE,
    )
    run = Run(Path(json.loads(command.stdout.readline())["folder"]))
    end = time.monotonic() + 300
    while not any(event["kind"] == "step" for event in run.events()[0]):
        assert time.monotonic() < end, run.log_tail(2000)
        time.sleep(0.01)
    os.kill(run.status().pid, signal.SIGKILL)
    last = json.loads(command.stdout.read().splitlines()[-1])
    command.communicate(timeout=60)
    assert command.returncode == 1 and last["kind"] == "failed" and last["run"] == "killed-1"
    assert last["what"] and last["why"] and "Resume" in last["what_to_do"]
    assert state_of("killed-1", workspace) == "interrupted"

    resumed = core("resume", "killed-1", "--json", "--workspace", workspace)
    assert resumed.returncode == 0, resumed.stderr
    events = [json.loads(line) for line in resumed.stdout.splitlines()]
    assert events[0]["kind"] == "start" and events[-1]["kind"] == "done"
    again = core("resume", "killed-1", "--workspace", workspace)
    assert again.returncode == 2 and "finished" in again.stderr


def test_on_a_terminal_progress_renews_one_line(workspace):
    ours, theirs = pty.openpty()
    command = popen("train", TWENTY, *FAST, "--workspace", workspace, stdout=theirs)
    os.close(theirs)
    shown = b""
    end = time.monotonic() + 300
    while time.monotonic() < end:
        try:
            data = os.read(ours, 4096)
        except OSError:  # the other side has closed
            break
        if not data:
            break
        shown += data
    os.close(ours)
    command.communicate(timeout=60)
    assert command.returncode == 0 and b"\r  " in shown and b"Done." in shown
