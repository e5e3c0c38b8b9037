"""What a workspace of 1,000 runs costs: to open its page, to look again each second, and while nobody looks.

The runs are as the workbench leaves them: done, with a report and a model; one more is at work and tells of a step a second.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import fmean

from benchmarks.result import Result
from benchmarks.tick import ROOT, RUN, step_line, write_run

MANY, FEW = 1_000, 50
#: Seconds in which a page over a workspace of many runs has its list, and what a tick may cost then as with few.
MOST_SECONDS, MOST_MS, MOST_BYTES = 1.0, 20.0, 20_000
STEPS, ROUNDS = 200, 30


def write_finished(runs: Path, number: int) -> None:
    """Runs that are done, the oldest first."""
    for at in range(number):
        folder = runs / f"finished-quick-{at + 1}"
        (folder / "model").mkdir(parents=True)
        (folder / "model" / "config.json").write_text("{}")
        created = time.time() - 60.0 * (number - at)
        settings = {
            "id": folder.name, "name": "finished quick", "created": created, "kind": "pairs", "columns": {}, "reasons": {},
            "source": {"name": "pairs.csv", "digest": "0", "rows": 1000, "set": None}, "threads": None, "expected_seconds": 60.0,
            "recipe": {"base_model": "all-MiniLM-L6-v2", "epochs": 4, "batch_size": 64, "learning_rate": 5e-5},
            "base": {"name": "all-MiniLM-L6-v2", "path": "/nowhere", "digest": "0"}, "versions": {}, "target": {"on": "here"},
        }
        (folder / "recipe.json").write_text(json.dumps(settings))
        gone = {"pid": 2**22 + 1 + at, "created": created}  # no system has a process of such a number
        (folder / "launched.json").write_text(json.dumps({**gone, "asked": created, "starts": 0}))
        events = [{"t": created, "kind": "start", **gone, "step": 0}]
        events += [
            {"t": created + step, "kind": "step", "step": step, "steps": STEPS, "loss": 1.0, "learning_rate": 5e-5}
            for step in range(1, STEPS + 1)
        ]
        events += [{"t": created + STEPS, "kind": "done", "model": str(folder / "model"), "stopped": False}]
        (folder / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
        figures = {"ndcg@10": 0.712, "hit@1": 0.6}
        (folder / "report.json").write_text(json.dumps({
            "verdict": "Better.", "better": True, "held_out": 200, "pool": 1000, "base": figures, "tuned": figures,
            "change": {"ndcg@10": 0.1, "interval": [0.05, 0.15]},
        }))
        (folder / "log.txt").write_text("it went well\n")
        for file in ("train.parquet", "heldout.parquet"):
            (folder / file).write_bytes(b"")


def build(place: str):
    """The page over a workspace, and what trains there."""
    from core.endpoints.hosts import Hosts
    from core.runs.trainers import Trainers
    from core.workspace import Workspace
    from workbench.app import build_page
    from workbench.aws import AwsRoom
    from workbench.deployments import Deployments

    workspace = Workspace.at(place)
    room = AwsRoom(workspace)
    trainer = Trainers(workspace, room.account)
    host = Hosts(workspace, room.account_to_look_at)
    return build_page(workspace, trainer, Deployments(workspace, host), room), trainer


def measure() -> list[Result]:
    """The list of many runs when it is first asked for, in seconds; then a tick with many and with few runs. The targets are
    limits, not peers' figures: the ratio is the share of it that is used."""
    return [first_list(), *(tick(number) for number in (FEW, MANY))]


def first_list() -> Result:
    """In a process of its own, as an app that was just started: nothing is remembered yet."""
    with tempfile.TemporaryDirectory() as place:
        write_finished(Path(place) / "runs", MANY)
        code = f"from benchmarks.many_runs import _first; print(*_first({place!r}))"
        told = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    seconds, of_processor = map(float, told.split())
    return Result(
        f"list of {MANY:,} runs, first look", seconds / MOST_SECONDS, 1.0, seconds <= MOST_SECONDS,
        f"at most {MOST_SECONDS:.0f} s: {seconds:.2f} s until the Train tab has its list, {of_processor:.2f} s of processor time,"
        f" {STEPS} steps a run",
    )


def _first(place: str) -> tuple[float, float]:
    """Seconds by the clock, and of the processor."""
    page, _ = build(place)
    poll = _poll(page)
    began, spent = time.perf_counter(), time.process_time()
    poll("", "", [], [], False)
    return time.perf_counter() - began, time.process_time() - spent


def tick(number: int) -> Result:
    """What one look again costs while a run is at work, its list included: the mean of the rounds."""
    with tempfile.TemporaryDirectory() as place:
        runs = Path(place) / "runs"
        write_finished(runs, number)
        folder = write_run(runs, steps=2_000)
        page, trainer = build(place)
        poll = _poll(page)
        seen, html, spent, sizes = [], "", [], []
        for turn in range(ROUNDS):
            with (folder / "events.jsonl").open("a") as events:
                events.write(step_line(2_001 + turn))
            began = time.process_time()
            changes = poll("", RUN, [], seen, False, 0, html)
            spent.append(time.process_time() - began)
            seen = next(value for value in changes.values() if isinstance(value, list))
            sizes.append(len(json.dumps([value for value in changes.values() if isinstance(value, str) and value != html])))
            html = next((value for value in changes.values() if isinstance(value, str) and "<h3>Runs" in value), html)
            time.sleep(0.2)
        background = min(_seconds(trainer.launch_next, trainer.refresh, trainer.at_work) for _ in range(5))
    milliseconds, most = 1000 * fmean(spent[1:]), max(sizes[1:])
    worst = max(milliseconds / MOST_MS, most / MOST_BYTES)
    return Result(
        f"tick with {number:,} runs", worst, 1.0, worst <= 1,
        f"at most {MOST_MS:.0f} ms and {MOST_BYTES / 1000:.0f} kB: {milliseconds:.1f} ms of processor time and at most"
        f" {most / 1000:.1f} kB; while nobody looks {1000 * background:.0f} ms a second",
    )


def _seconds(*actions: Callable[[], object]) -> float:
    """Processor seconds of all of them."""
    began = time.process_time()
    for action in actions:
        action()
    return time.process_time() - began


def _poll(page) -> Callable:
    """The handler of the Train tab's timer."""
    return next(
        one.fn for one in page.fns.values() if one.fn and one.fn.__module__.endswith("tabs.train") and one.fn.__name__ == "poll"
    )


if __name__ == "__main__":
    print(*measure(), sep="\n")
