"""Reading a million pairs: from a CSV file of 264 MB to its checks (all but those on meaning) and its first page of rows, as
the app does it, against ``pandas.read_csv`` alone. Each turn in a process of its own.

    python -m benchmarks.reading SIDE FILE      one turn, which prints its seconds, by stage, and its peak memory

The target is a time, as pandas' own differs by a factor of eight between its versions: 3.0 s once, 0.35 s by 3.1.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.million import ROWS, write_pairs
from benchmarks.result import Result, peak_memory

ROOT = Path(__file__).resolve().parents[1]
MOST_SECONDS, MEMORY = 12.0, 2.5
TURNS = 2


def measure() -> list[Result]:
    """pandas and ours in turn (A B A B): the share of the limit that is used, and our peak memory in GiB."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "million.csv"
        write_pairs(file)
        turns = [{side: _turn(side, file) for side in ("pandas", "ours")} for _ in range(TURNS)]
    ours, theirs = ([turn[side]["seconds"] for turn in turns] for side in ("ours", "pandas"))
    seconds, peer = statistics.median(ours), statistics.median(theirs)
    stages = ", ".join(f"{name} {turns[-1]['ours'][name]:.1f} s" for name in ("bring", "open", "check", "show"))
    peaks = [turn["ours"]["peak"] / 2**30 for turn in turns]
    pandas_peak = statistics.median(turn["pandas"]["peak"] for turn in turns) / 2**30
    return [
        Result(
            "a million pairs", seconds / MOST_SECONDS, 1.0, max(ours) <= MOST_SECONDS,
            f"at most {MOST_SECONDS:.0f} s: read, checked and shown {seconds:.1f} s ({stages}); pandas.read_csv alone {peer:.1f} s",
            (min(ours) / MOST_SECONDS, max(ours) / MOST_SECONDS),
        ),
        Result(
            "their memory, GiB", statistics.median(peaks), MEMORY, max(peaks) <= MEMORY,
            f"pandas.read_csv alone: {pandas_peak:.1f} GiB at its peak; {ROWS:,} pairs", (min(peaks), max(peaks)),
        ),
    ]


def _turn(side: str, file: Path) -> dict[str, float]:
    answer = subprocess.run(
        [sys.executable, "-m", "benchmarks.reading", side, str(file)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return json.loads(answer.stdout.splitlines()[-1])


def one_turn(side: str, file: Path) -> dict[str, float]:
    """Seconds in all and by stage, and the peak memory in bytes; loading the libraries is not counted."""
    import pandas as pd

    took: dict[str, float] = {}

    def timed(name: str, do: Callable[[], Any]) -> Any:
        start = time.perf_counter()
        found = do()
        took[name] = time.perf_counter() - start
        return found

    if side == "pandas":
        timed("read", lambda: pd.read_csv(file))
    else:
        _read_check_and_show(file, timed)
    peak = peak_memory()
    return {"seconds": sum(took.values()), "peak": peak, **took}


def _read_check_and_show(file: Path, timed: Callable[[str, Callable[[], Any]], Any]) -> None:
    from core.models import BASE_MODEL, resolve, token_lengths
    from core.pairs.checks import run_checks
    from core.pairs.context import make_context
    from core.pairs.dataset import PairSet
    from core.pairs.store import add_set, open_set
    from core.workspace import Workspace
    from workbench.cards import pairs as cards

    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace.at(folder)
        base = resolve(BASE_MODEL, workspace)
        set_id = timed("bring", lambda: add_set(workspace, file)).id
        stored = open_set(workspace, set_id)
        pairs = timed("open", stored.used_pairs)
        issues = timed(
            "check", lambda: run_checks(pairs, make_context(pairs, base, workspace, embeddings=False))
        )

        def show() -> None:
            cards.checks_card(issues, stored.actions, pending=True, shown="", passed=[])
            shown = PairSet(pairs.name, pairs.kind, pairs.columns, pairs.frame[: cards.ROWS_A_PAGE])
            lengths = tuple(token_lengths(base, shown.frame[side].tolist()) for side in ("anchor", "positive"))
            cards.rows_card(
                shown, stored.use[: cards.ROWS_A_PAGE], stored.reasons, lengths, page=0, total=len(pairs), first=1, what="",
                cut_at=256,
            )

        timed("show", show)


if __name__ == "__main__":
    print(json.dumps(one_turn(sys.argv[1], Path(sys.argv[2]))))
