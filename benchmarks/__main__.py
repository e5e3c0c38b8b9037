"""Every ratio in one table: ``python -m benchmarks [--json] [--full] [--pairs FILE]``."""

import argparse
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks import (
    calibration,
    comparison,
    encoding,
    first_loss,
    first_page,
    gpu,
    harmless,
    learning_million,
    load,
    many_runs,
    map,
    packaging,
    reading,
    serving,
    step_cost,
    throughput,
    tick,
    walkthrough,
)
from benchmarks.result import Result, machine, row

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    """Run the benchmarks one after the other and print their table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print the table as JSON")
    parser.add_argument(
        "--full", action="store_true",
        help="run the walk-through's script whole, try the faster options over seeds, read and learn from a million pairs, compare"
        " 100,000, let 20 browsers use the app, and simulate more (some hours)",
    )
    parser.add_argument(
        "--pairs", type=Path, default=default_pairs(), help="the pairs to train on (default: %(default)s)"
    )
    options = parser.parse_args()

    medical = ROOT.parent / "shared" / "data" / "medquad_niddk.jsonl"
    files = [options.pairs, *([medical] if medical.exists() else [])]
    measurements: list[Callable[[], Result | list[Result]]] = [
        lambda: walkthrough.measure(options.pairs, options.full),
        *(partial(throughput.measure, file) for file in files),
        *(partial(harmless.measure, file) for file in (files if options.full else [])),
        step_cost.measure,
        lambda: gpu.measure(files[-1]),
        *(partial(encoding.measure, file) for file in files),
        lambda: first_loss.measure(options.pairs),
        packaging.measure,
        lambda: serving.handler(options.pairs),
        lambda: serving.endpoint(options.pairs),
        *([reading.measure, learning_million.measure] if options.full else []),
        first_page.measure,
        tick.measure,
        many_runs.measure,
        *([load.measure] if options.full else []),
        lambda: comparison.measure(options.full),
        map.measure,
        lambda: calibration.nothing_to_learn(options.full),
        lambda: calibration.nothing_to_learn_in_folds(options.full),
        lambda: calibration.identical(options.full),
        lambda: calibration.planted(options.full),
        lambda: calibration.planted_in_folds(options.full),
    ]
    results = []
    for measure in measurements:
        measured = measure()
        for result in measured if isinstance(measured, list) else [measured]:
            results.append(result)
            if not options.json:
                print(row(result), flush=True)
    if options.json:
        print(json.dumps({"machine": machine(), "results": [result.as_dict() for result in results]}))
    else:
        print(f"\n{machine()}")


def default_pairs() -> Path:
    """The walk-through's own pairs where they lie beside the checkout, else the project's own on the same subject."""
    shared = ROOT.parent / "shared" / "data" / "bedrock_faq.json"
    return shared if shared.exists() else ROOT / "data" / "bedrock_faq.csv"


if __name__ == "__main__":
    main()
