"""``python -m tests.soak``: the worker, the app and both killed at 20 random moments of a run each, and of a five-fold run.

    --kills N      moments for each of the three (default: 20)
    --seed N       of the moments (default: 12)
    --only TEXT    "held-out" or "five folds" alone
    --epochs N     passes of a run
Takes some minutes. Prints one line of JSON a run, and ends with 1 where a broken run's figures are not those of the whole one.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import psutil

from tests.soak.killed import WHOM, main, show

#: How far figures may be apart: the rounding of single-precision sums.
ROUNDING = 1e-6


def soak() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=12)
    parser.add_argument("--epochs", type=int, default=0)
    parser.add_argument("--only", choices=("held-out", "five folds"))
    options = parser.parse_args()
    wrong = 0
    for evidence, epochs in (("held-out", 40), ("five folds", 8)):
        if options.only not in (None, evidence):
            continue
        kills = list(WHOM) * options.kills
        with tempfile.TemporaryDirectory() as folder:
            found = main(Path(folder), evidence, options.epochs or epochs, kills, options.seed)
        print(show({"evidence": evidence, **found}), flush=True)
        wrong += found["broken"] != found["whole"] or found["weights"] > ROUNDING or found["losses"] > ROUNDING
    assert not psutil.Process().children(), "no process is left"
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(soak())
