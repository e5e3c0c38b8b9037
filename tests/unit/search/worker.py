"""A worker that keeps the contract of ``python -m core.training`` without a model: its held-out result follows from the
recipe, so that a test knows which trial must win. The best is a learning rate of 0.0001; batch sizes make no difference."""

import os
import sys
import time
from pathlib import Path

import psutil

from core.runs.events import EventWriter
from core.runs.run import Run
from core.workspace import write_json


def figures(ndcg: float) -> dict:
    return {"ndcg@10": ndcg, "hit@1": ndcg - 0.1, "mrr@10": ndcg, "matched": 0.8, "mismatched": 0.1}


def main() -> int:
    run = Run(Path(sys.argv[1]))
    recipe = run.settings()["recipe"]
    reached = 0.9 - abs(recipe["learning_rate"] - 1e-4) * 1000
    events = EventWriter(run.events_file, sys.stdout)
    events.write("start", pid=os.getpid(), created=psutil.Process().create_time(), step=0)
    events.write("plan", steps=recipe["epochs"], passes=recipe["epochs"], batch_size=8, tokens=10, evaluate_every=1)
    events.write("held_out", step=0, **{"pass": 0}, **figures(0.7), base=True, best=False)
    step = 0
    while step < recipe["epochs"] and not run.stop_file.exists():
        step += 1
        events.write("step", step=step, steps=recipe["epochs"], loss=1 / step, learning_rate=0.1)
        events.write("held_out", step=step, **{"pass": step}, **figures(reached), base=False, best=True)
        time.sleep(0.02)
    run.model.mkdir(exist_ok=True)
    (run.model / "model.safetensors").write_bytes(b"weights")
    report = {
        "verdict": "Fine.", "held_out": 40, "better": reached > 0.8, "base": figures(0.7), "tuned": figures(reached),
        "change": {"ndcg@10": reached - 0.7, "interval": [reached - 0.75, reached - 0.65]},
    }
    write_json(run.report_file, report)
    events.write("done", run=run.id, folder=str(run.folder), model=str(run.model), report=report,
                 stopped=run.stop_file.exists(), kept="tuned", best_step=step)
    return 0


if __name__ == "__main__":
    sys.exit(main())
