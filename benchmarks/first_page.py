"""How soon the first page is there, against an app with nothing in it: from the start of the process to its answer."""

import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from benchmarks.result import Result, paired

ROOT = Path(__file__).resolve().parents[1]
TARGET = 1.3
REPEATS = 3


def seconds_to_first_page(command: list[str], port: int) -> float:
    """Seconds from starting ``command`` to the whole of its first page; the process is ended."""
    start = time.perf_counter()
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=30) as answer:
                    answer.read()
                return time.perf_counter() - start
            except OSError:
                if process.poll() is not None or time.perf_counter() - start > 120:
                    raise RuntimeError(f"{command} did not answer on port {port}") from None
                time.sleep(0.02)
    finally:
        process.terminate()
        process.wait()


def measure() -> Result:
    """Ours and an empty ``gr.Blocks`` in turn; the median ratio."""
    ours, empty = [], []
    with tempfile.TemporaryDirectory() as workspace:
        for turn in range(REPEATS + 1):
            port = 8700 + 2 * turn
            app = [sys.executable, "-m", "workbench", "--no-browser", "--workspace", workspace, "--port", str(port)]
            pair = (
                seconds_to_first_page(app, port),
                seconds_to_first_page([sys.executable, "-m", "benchmarks.empty_app", str(port + 1)], port + 1),
            )
            if turn:  # the first round only warms the disk's cache
                ours.append(pair[0])
                empty.append(pair[1])
    ratio, spread = paired(ours, empty)
    return Result(
        "first page", ratio, TARGET, ratio <= TARGET,
        f"an empty Gradio app: {statistics.median(empty):.1f} s, ours {statistics.median(ours):.1f} s", spread,
    )
