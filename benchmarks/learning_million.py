"""Learning from a million pairs: the memory of the worker's own at its first step and at a later one, and how long the first
step lets wait. The file of ``benchmarks.million``, the built-in model, settings as the workbench chooses them.
"""

import os
import subprocess
import tempfile
import time
from pathlib import Path

import psutil

from benchmarks.million import ROWS, write_pairs
from benchmarks.result import Result

MEMORY = 2.5
#: The step at which memory is read again: what grows with the steps has grown by then.
LATER = 100


def measure(rows: int = ROWS, later: int = LATER) -> list[Result]:
    """Train until step ``later``, then end the worker: our memory in GiB, and what it has grown by since the first step."""
    from core.cli.pairs_file import read_pairs, source_of, usable
    from core.recipe import parse_settings
    from core.runs.create import create_run
    from core.runs.local import KEEP_MEMORY, REPOSITORY, WORKER
    from core.workspace import Workspace

    with tempfile.TemporaryDirectory() as folder:
        file, workspace = Path(folder) / "million.csv", Workspace.at(Path(folder) / "workspace")
        write_pairs(file, rows)
        _, pairs = read_pairs(file, False, [])
        used, _ = usable(pairs)
        run = create_run(workspace, used, parse_settings(["evidence=held-out"]), source=source_of(file, pairs))
        del pairs, used
        began = time.monotonic()
        worker = subprocess.Popen(
            [*WORKER, str(run.folder)], cwd=REPOSITORY, env={**KEEP_MEMORY, **os.environ},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        try:
            first = _own_memory(worker, run, 1)
            seconds = time.monotonic() - began
            last = _own_memory(worker, run, later)
        finally:
            worker.kill()
            worker.wait()
    return [
        Result(
            "learning from a million pairs, GiB", last / 2**30, MEMORY, max(first, last) / 2**30 <= MEMORY,
            f"the worker's own memory at step {later}; {rows:,} pairs; the first step came after {seconds:.0f} s",
        ),
        Result(
            "its memory then, against its first step", last / first, 1.5, last / first <= 1.5,
            f"{first / 2**30:.2f} GiB at the first step",
        ),
    ]


def _own_memory(worker: subprocess.Popen, run, step: int) -> int:
    """Bytes that only the worker has in memory, once it has done ``step``."""
    after = 0
    while worker.poll() is None:
        events, after = run.events(after)
        if any(event["kind"] == "step" and event["step"] >= step for event in events):
            return psutil.Process(worker.pid).memory_full_info().uss
        time.sleep(0.2)
    raise RuntimeError(f"the worker ended before step {step}: exit code {worker.returncode}")
