"""How soon a training shows its first loss: from the wish to train (the plan is made after it) to the first step event.

Warm: a worker waits that has loaded its libraries, as in an app whose page has been opened, and questions that ask nearly
the same have been looked for, without which the page shows no plan. Cold: none of that. Done as the page's button and the
app's queue do it, without a browser.
"""

import tempfile
import time
from pathlib import Path

from benchmarks.result import Result

#: Seconds that it may take.
WARM, COLD = 3.0, 10.0
_AT_MOST = 180.0


def measure(pairs: Path) -> list[Result]:
    """One run each. The target is a limit, not a peer's figure: the ratio is the share of it that is used."""
    from core.models import BASE_MODEL, describe, resolve
    from core.workspace import Workspace

    results = []
    for name, limit in (("first loss, warm", WARM), ("first loss, cold", COLD)):
        with tempfile.TemporaryDirectory() as place:
            workspace = Workspace.at(place)
            describe(resolve(BASE_MODEL, workspace))  # an app that is open has looked at the model
            stages = _begin(pairs, workspace, name.endswith("warm"))
        seconds = stages[-1][1]
        words = ", ".join(f"{what} at {when:.1f} s" for what, when in stages)
        results.append(Result(name, seconds / limit, 1.0, seconds <= limit, f"at most {limit:.0f} s: {words}"))
    return results


def _begin(pairs: Path, workspace, spare: bool) -> list[tuple[str, float]]:
    """What happened when, in seconds since the wish, up to the first step; the run is stopped and its process ended."""
    import psutil

    from core.models import BASE_MODEL, resolve
    from core.pairs.checks import make_context
    from core.pairs.columns import guess_columns, to_pairs
    from core.pairs.read import read_table
    from core.recipe import make_recipe
    from core.runs.create import create_run
    from core.runs.local import LocalTrainer

    table = read_table(pairs)
    rows = to_pairs(table, pairs.name, guess_columns(table))
    trainer = LocalTrainer(workspace)
    if spare:
        make_context(rows, resolve(BASE_MODEL, workspace), workspace, embeddings=True)
        trainer.prepare()
        _wait_until_idle(trainer)
    asked = time.time()
    source = {"name": pairs.name, "digest": "", "rows": len(rows.frame), "set": None}
    run = create_run(workspace, rows, make_recipe({}), source=source)
    trainer.submit(run)
    trainer.launch_next()
    stages, after = [("worker asked", time.time() - asked)], 0
    try:
        while time.time() - asked < _AT_MOST:
            events, after = run.events(after)
            for event in events:
                if event["kind"] in ("start", "stage", "plan", "step", "failed"):
                    stages.append((event.get("stage", event["kind"]), event["t"] - asked))
                if event["kind"] == "step":
                    return stages
            time.sleep(0.01)
        raise RuntimeError(f"There was no step within {_AT_MOST:.0f} s: {stages}")
    finally:
        if pid := run.worker():
            worker = psutil.Process(pid)
            worker.kill()
            worker.wait()


def _wait_until_idle(trainer) -> None:
    """Until the waiting worker has loaded its libraries: it uses no processor time for a second."""
    import psutil

    process = psutil.Process(trainer._spare._process.pid)
    used = -1.0
    while used != (used := sum(process.cpu_times()[:2])) or used < 1:
        time.sleep(1)


if __name__ == "__main__":
    from benchmarks.__main__ import default_pairs

    for result in measure(default_pairs()):
        print(result)
