"""The worker: ``python -m core.training RUN_DIR``. Exit code 0 when done or stopped, 1 when failed."""

import argparse
import os
import sys
import traceback
from pathlib import Path

import psutil

from core.runs.events import EventWriter
from core.runs.run import Run
from core.training import ENVIRONMENT
from core.training.checkpoints import newest


def main() -> int:
    """Train the run, saying what happens in events; whatever goes wrong ends in a ``failed`` event."""
    parser = argparse.ArgumentParser(prog="python -m core.training", description=__doc__)
    parser.add_argument("folder", type=Path, help="the run's folder: recipe.json, train.parquet, heldout.parquet")
    run = Run(parser.parse_args().folder.resolve())
    if not run.folder.is_dir():
        parser.error(f"{run.folder} is not a folder")
    events = EventWriter(run.events_file, sys.stdout)
    checkpoint = newest(run.checkpoints)
    events.write(
        "start", pid=os.getpid(), created=psutil.Process().create_time(), step=checkpoint.step if checkpoint else 0
    )
    for name, value in ENVIRONMENT.items():  # read when torch is loaded
        os.environ.setdefault(name, value)
    try:
        from core.training.work import work  # takes seconds; the event above is there before

        work(run, events, checkpoint)
    except Exception as error:
        traceback.print_exc()
        from core.training.failures import explain

        events.write("failed", **explain(error, run))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
