"""The worker: ``python -m core.training RUN_DIR``. Exit code 0 when done or stopped, 1 when failed."""

import argparse
import contextlib
import importlib
import os
import sys
import traceback
from pathlib import Path

from core.libraries import import_heavy
from core.process import name_process
from core.runs.events import EventWriter
from core.runs.run import Run
from core.training import ENVIRONMENT
from core.training.checkpoints import newest


def main() -> int:
    """Train the run, saying what happens in events; whatever goes wrong ends in a ``failed`` event."""
    parser = argparse.ArgumentParser(prog="python -m core.training", description=__doc__)
    parser.add_argument(
        "folder", type=Path, nargs="?", help="the run's folder: recipe.json, train.parquet, heldout.parquet"
    )
    parser.add_argument(
        "--spare", action="store_true", help="load the libraries, then wait for the folder as a line of standard input"
    )
    options = parser.parse_args()
    for name, value in ENVIRONMENT.items():  # read when torch is loaded
        os.environ.setdefault(name, value)
    folder = wait_for_folder() if options.spare else options.folder
    if folder is None:
        return 0
    if not folder.is_dir():
        parser.error(f"{folder} is not a folder")
    run = Run(folder.resolve())
    place = int(os.environ.get("RANK", "0"))  # among processes that train together; the first one speaks for all
    events = EventWriter(run.helper_events(place), None) if place else EventWriter(run.events_file, sys.stdout)
    checkpoint = newest(run.checkpoints)
    events.write("start", **name_process(os.getpid()), step=checkpoint.before + checkpoint.step if checkpoint else 0)
    try:
        import_heavy("core.training.work").work(run, events, checkpoint)  # takes seconds; the event above is there before
    except Exception as error:
        traceback.print_exc()
        from core.training.failures import explain

        events.write("failed", **explain(error, run))
        return 1
    return 0


def wait_for_folder() -> Path | None:
    """Load what training needs, then the folder that is named on standard input; None when that closes without one.

    From then on the output goes to the run's log, and the folder is this process's own: that tells whose worker it is.
    """
    with contextlib.suppress(Exception):  # what is wrong with the libraries is said in the run, when there is one
        import_heavy("core.training.work")
    line = sys.stdin.readline().rstrip("\n")
    if not line:
        return None
    folder = Path(line)
    log = os.open(folder / "log.txt", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    os.chdir(folder)
    return folder


if __name__ == "__main__":
    code = main()
    if "WORLD_SIZE" in os.environ:
        importlib.import_module("core.training.processes").end(code)
    sys.exit(code)
