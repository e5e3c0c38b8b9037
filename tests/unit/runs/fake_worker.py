"""A worker that keeps the contract of ``python -m core.training`` without a model: what it does stands in recipe.json.

    "fake": {"steps": 100, "pause": 0.02, "silent": 0, "fail_at": null, "linger": 0}
"""

import os
import sys
import time
from pathlib import Path

import psutil

from core.runs.events import EventWriter
from core.runs.run import Run
from core.training.checkpoints import newest
from core.workspace import write_json


def main() -> int:
    run = Run(Path(sys.argv[1]))
    fake = {"steps": 100, "pause": 0.02, "silent": 0, **run.settings().get("fake", {})}
    time.sleep(fake["silent"])
    checkpoint = newest(run.checkpoints)
    first = checkpoint.step if checkpoint else 0
    events = EventWriter(run.events_file, sys.stdout)
    events.write("start", pid=os.getpid(), created=psutil.Process().create_time(), step=first)
    events.write("plan", steps=fake["steps"], passes=1, batch_size=8, tokens=1000, evaluate_every=10)
    stopped = False
    for step in range(first + 1, fake["steps"] + 1):
        time.sleep(fake["pause"])
        events.write("step", step=step, steps=fake["steps"], loss=1 / step, learning_rate=0.1)
        folder = run.checkpoints / f"checkpoint-{step}"
        folder.mkdir(parents=True, exist_ok=True)  # a kill may have left it without its progress.json
        write_json(folder / "progress.json", {})
        if step == fake.get("fail_at"):
            offer = {"batch_size": 4}
            events.write("failed", what="It failed.", why="It was told to.", what_to_do="Nothing.", offer=offer)
            return 1
        if run.stop_file.exists():
            stopped = True
            break
    run.model.mkdir(exist_ok=True)
    report = {"held_out": 2, "verdict": "Fine."}
    write_json(run.report_file, report)
    events.write(
        "done", run=run.id, folder=str(run.folder), model=str(run.model), report=report, stopped=stopped,
        kept="tuned", best_step=step,
    )
    time.sleep(fake.get("linger", 0))
    return 0


if __name__ == "__main__":
    sys.exit(main())
