"""The whole AWS path in a real account, for somebody who has one: ``python -m tests.aws_smoke --limit 3``.

Trains on SageMaker, deploys the model in three ways, asks each for vectors, and deletes what it made; all through
``python -m core``, as a person would. Nothing is made unless the sum of what everything may cost at most, worked out
before, is below the limit in US dollars. The bucket is only made with ``--make-bucket``, and stays.

It ends with a table, and with 0 only if every step did what it should and nothing was left behind. Against the loopback
double it costs nothing: give it that one's environment.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from core.aws.account import Account, open_account
from core.aws.choices import read_choices
from core.aws.prices import price_of, serverless_price
from core.endpoints.sagemaker_folder import all_folders
from core.errors import WorkbenchError
from core.runs.run import ACTIVE, all_runs
from core.runs.trainers import Trainers
from core.workspace import Workspace

ROOT = Path(__file__).resolve().parents[1]
PAIRS = ROOT / "tests" / "integration" / "twenty_pairs.json"
WAYS = ("serverless", "sagemaker", "tei")
#: Every endpoint deletes itself after this, should the deletion fail: the most that is paid for one.
HOURS = 1
#: The training's own limit, in hours, and what ending it may take on top.
TRAINING_HOURS, ENDING_HOURS = 0.5, 0.1
MEMORY_MB = 3072


class Core:
    """``python -m core`` over a workspace of its own."""

    def __init__(self, folder: Path):
        self.folder = folder

    def __call__(self, *arguments: str) -> tuple[int, Any]:
        """Run a command with ``--json``; its exit status, and the last line of its output as a value (None for none)."""
        line = [sys.executable, "-m", "core", *arguments, "--json", "--workspace", str(self.folder)]
        done = subprocess.run(line, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        lines = done.stdout.splitlines()
        return done.returncode, json.loads(lines[-1]) if lines else None


def at_most(account: Account, train_on: str, serve_on: str, ways: list[str]) -> float:
    """What everything together may cost at most, in US dollars.

    Raises:
        WorkbenchError: a price is not known, so it cannot be said.
    """
    region = account.connection.region
    training = price_of(account.connection, train_on, region, "training")
    hosting = price_of(account.connection, serve_on, region, "hosting")
    if training is None or hosting is None:
        raise WorkbenchError("The price is not known.", f"{train_on} or {serve_on} has none.", "Choose other instance types.")
    an_hour = {"serverless": serverless_price(MEMORY_MB).an_hour, "sagemaker": hosting.an_hour, "tei": hosting.an_hour}
    return training.an_hour * (TRAINING_HOURS + ENDING_HOURS) + sum(an_hour[way] * HOURS for way in ways)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.aws_smoke", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--limit", type=float, required=True, metavar="DOLLARS", help="the most that all of it may cost")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS), help="how to deploy (default: all three)")
    parser.add_argument("--train-on", default="ml.m5.large", metavar="TYPE", help="instance type of the training")
    parser.add_argument("--serve-on", default="ml.m5.large", metavar="TYPE", help="instance type of the endpoints")
    parser.add_argument("--make-bucket", action="store_true", help="make the workbench's bucket where it is missing")
    for name in ("profile", "region", "role", "bucket"):
        parser.add_argument(f"--{name}", help=f"the {name} to use (default: as the workbench finds it)")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="aws-smoke-") as folder:
        core = Core(Path(folder))
        chosen = [
            part for name in ("profile", "region", "role", "bucket") if (value := getattr(options, name))
            for part in (f"--{name}", value)
        ]
        status, said = core("aws", *chosen, *(["--make-bucket"] if options.make_bucket else []))
        if status or not said:
            print("\n".join(["The account cannot be used yet.", *((said or {}).get("missing") or [])]), file=sys.stderr)
            return 2
        account = open_account(read_choices(Workspace.at(folder)))
        try:
            most = at_most(account, options.train_on, options.serve_on, options.ways)
        except WorkbenchError as error:
            print(error, file=sys.stderr)
            return 2
        print(f"Account {said['account']}, {said['region']}. All of it costs ${most:.2f} at most.", flush=True)
        if most > options.limit:
            print(f"That is above the limit of ${options.limit:.2f}: nothing was made.", file=sys.stderr)
            return 2
        return walk(core, account, options)


def delete_runs(workspace: Workspace, account: Account) -> str:
    """Delete every run of the workspace with what its job has left in the account; what went wrong, or ""."""
    trainers = Trainers(workspace, lambda: account)
    try:
        for run in all_runs(workspace):
            trainers.stop(run)
            end = time.monotonic() + 600
            while run.status().state in ACTIVE and time.monotonic() < end:
                trainers.refresh()
                time.sleep(2)
            trainers.delete(run)
    except WorkbenchError as error:
        return str(error)
    return ""


def walk(core: Core, account: Account, options: argparse.Namespace) -> int:
    """Every step in turn; what was made is deleted whatever happens."""
    table: list[tuple[str, bool, str, float]] = []

    def step(what: str, *command: str, good) -> Any:
        """Run one command, and note whether it did what it should and how long it took."""
        print(f"{what} …", flush=True)
        began = time.monotonic()
        status, said = core(*command)
        fine = status == 0 and bool(good(said))
        table.append((what, fine, "" if fine else json.dumps(said)[:400], time.monotonic() - began))
        return said if fine else None

    run = None
    try:
        done = step(
            "Train on SageMaker", "train", str(PAIRS), "--on", "sagemaker", "--set", "epochs=1", "--set", "evidence=held-out",
            "--target", f"instance_type={options.train_on}", "--target", f"max_hours={TRAINING_HOURS}",
            good=lambda said: said["kind"] == "done",
        )
        run = done and done["run"]
        for way in options.ways:
            if run is None:
                break
            size = ["--memory", str(MEMORY_MB)] if way == "serverless" else ["--instance-type", options.serve_on]
            step(
                f"Deploy ({way}): its vectors are the model's own", "deploy", run, "--on", way, "--hours", str(HOURS), *size,
                good=lambda said: said["state"] == "Ready",
            )
    finally:
        # those of this workspace alone, a cut-off deployment among them: the account may have others of the same person
        began_here = [folder.name for place in Workspace(core.folder).hosted.glob("*-*") for folder in all_folders(place)]
        for name in began_here:
            step(f"Delete {name}", "delete", name, good=lambda said: not said["left"])
        trouble = delete_runs(Workspace(core.folder), account)
        table.append(("Delete what the training has left", not trouble, trouble, 0.0))
        step(
            "Look again: nothing of these is left", "endpoints",
            good=lambda said: not {one["name"] for one in said} & set(began_here),
        )
    width = max(len(what) for what, *_ in table)
    for what, fine, why, seconds in table:
        print(f"{what:{width}}  {'good' if fine else 'BAD '}  {seconds:6.0f} s  {why}")
    return 0 if all(fine for _, fine, *_ in table) else 1


if __name__ == "__main__":
    os.chdir(ROOT)
    sys.exit(main())
