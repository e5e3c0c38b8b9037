"""Whether the options that make a step faster cost quality: the held-out nDCG@10 of runs that differ in them alone, over
seeds. Each seed draws other held-out pairs, another order and other dropout; its runs share all three.
"""

import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.result import Result

ROOT = Path(__file__).resolve().parents[1]
SEEDS = range(1, 6)
#: Fewer held-out questions than the file's five folds would ask, but the same ones for both; a loss this large would be seen.
TOLERATED = -0.01
OPTIONS = {
    "frozen word table": {"freeze_token_embeddings": "true"},
    "no dropout": {"dropout": "false"},
    "half precision": {"half_precision": "true"},
    "frozen word table, no dropout, half precision": {
        "freeze_token_embeddings": "true", "dropout": "false", "half_precision": "true",
    },
}


def measure(pairs: Path) -> list[Result]:
    """For each option the mean change in held-out nDCG@10 against the exact run of the same seed, and its spread."""
    exact = [_ndcg(pairs, seed, {}) for seed in SEEDS]
    results = []
    for name, settings in OPTIONS.items():
        changes = [_ndcg(pairs, seed, settings) - before for seed, before in zip(SEEDS, exact, strict=True)]
        mean, error = statistics.mean(changes), statistics.stdev(changes) / len(changes) ** 0.5
        results.append(Result(
            f"change in nDCG@10, {name}, {pairs.stem}", mean, TOLERATED, mean - error >= TOLERATED,
            f"the exact run of the same seed: {statistics.mean(exact):.3f} on average; standard error of the change {error:.3f}",
            (min(changes), max(changes)),
        ))
    return results


def _ndcg(pairs: Path, seed: int, settings: dict[str, str]) -> float:
    """The held-out nDCG@10 that a run ends with."""
    wanted = {"evidence": "held-out", "seed": str(seed), **settings}
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "core", "train", str(pairs), "--workspace", folder, "--json"]
        for name, value in wanted.items():
            command += ["--set", f"{name}={value}"]
        lines = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()
    checks = [event["ndcg@10"] for event in map(json.loads, lines) if event["kind"] == "held_out"]
    return max(checks)
