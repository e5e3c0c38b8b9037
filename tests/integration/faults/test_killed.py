"""The worker, the app and both killed at random moments: the same model in the end. ``python -m tests.soak`` does many more."""

import json
import subprocess
import sys

from core.runs.local import REPOSITORY


def test_runs_that_are_killed_again_and_again_end_as_those_that_are_let_alone():
    command = [sys.executable, "-m", "tests.soak", "--kills", "1", "--epochs", "2"]  # one pass may be over before a kill
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr[-4000:]
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [one["evidence"] for one in found] == ["held-out", "five folds"]
    for one in found:
        assert one["broken"] == one["whole"] and one["weights"] <= 1e-6 and one["losses"] <= 1e-6, one
        assert [moment["killed"] for moment in one["moments"]] == ["the worker", "the app", "both"]
        assert len(one["starts"]) >= 2 and one["steps_compared"] >= 6, "it was cut off, and went on"
