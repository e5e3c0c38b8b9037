"""Time to quality against the AWS walk-through's own script on the walk-through's own data.

Its script trains with ``model.fit``, batch 8, 100 passes and the library's defaults. Run on the training part of our
split, it ends with some held-out nDCG@10; the question is how soon a run of ours, start-up included, reaches that.

The whole script takes many minutes, so its final figure was measured once (``KEPT``) and its time is taken from its
first steps in the same run as ours; ``full`` runs all of it.
"""

import hashlib
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.result import Result

ROOT = Path(__file__).resolve().parents[1]
TARGET = 1 / 60
BATCH, PASSES = 8, 100
SAMPLE_STEPS = 30
#: The held-out nDCG@10 that its script ends with on a file, on the split of seed 12, by SHA-256 of the file: measured
#: once with ``python -m benchmarks.walkthrough_script RUN_FOLDER 0``.
KEPT = {"7a812ef16b41ab7db587376936ec2eab4cc10e17383699344d5ba429d3508e6a": 0.95658}


def measure(pairs: Path, full: bool = False) -> Result:
    """The walk-through's script and a quick run of ours, one after the other, on ``pairs``."""
    kept = KEPT.get(hashlib.sha256(pairs.read_bytes()).hexdigest())
    if kept is None and not full:
        return Result(
            "time to quality", None, TARGET, None, f"the walk-through's script: run it on {pairs.name} with --full"
        )
    with tempfile.TemporaryDirectory() as folder:
        workspace = Path(folder)
        seconds, events = _ours(pairs, workspace)
        run = Path(events[-1]["folder"])
        peer = _peer(run, 0 if full else SAMPLE_STEPS)
        goal = peer["ndcg@10"] if full else kept
        their_seconds = peer["start"] + peer["seconds_a_step"] * peer["all_steps"]
        reached = next(
            (
                t
                for t, event in seconds
                if event["kind"] == "held_out" and event["ndcg@10"] > goal - 1e-5 and not event["base"]
            ),
            None,
        )
    if reached is None:
        return Result(
            "time to quality", None, TARGET, False, f"the walk-through's script: nDCG@10 {goal:.3f} was not reached"
        )
    ratio = reached / their_seconds
    how = "measured whole" if full else f"from its first {SAMPLE_STEPS} of {peer['all_steps']} steps"
    return Result(
        "time to quality",
        ratio,
        TARGET,
        ratio <= TARGET,
        f"the walk-through's script to nDCG@10 {goal:.3f}: {their_seconds:.0f} s ({how}), ours {reached:.1f} s",
    )


def _ours(pairs: Path, workspace: Path) -> tuple[list[tuple[float, dict]], list[dict]]:
    """A quick run from the command line: each event with the seconds since the start of the command."""
    alike = ("--set", "evidence=held-out")  # both learn from the same part
    command = [sys.executable, "-m", "core", "train", str(pairs), *alike, "--workspace", str(workspace), "--json"]
    start = time.perf_counter()
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    timed = [(time.perf_counter() - start, json.loads(line)) for line in process.stdout]
    if process.wait() != 0:
        raise RuntimeError(f"the run failed: {timed[-1:]}")
    return timed, [event for _, event in timed]


def _peer(run: Path, steps: int) -> dict:
    """What ``benchmarks.walkthrough_script`` says after ``steps`` steps (0: all)."""
    command = [sys.executable, "-m", "benchmarks.walkthrough_script", str(run), str(steps)]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return json.loads(answer.stdout.splitlines()[-1])
