"""A workspace, pairs and a planned recipe; trials are trained by a worker that needs no model."""

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import psutil
import pytest

from core.pairs.dataset import PairSet
from core.plan import Plan, make_plan
from core.recipe import make_recipe
from core.runs.local import LocalTrainer
from core.runs.run import all_runs
from core.search.search import Search, create_search, planned
from core.search.space import make_space
from core.workspace import Workspace

SOURCE = {"name": "some.csv", "digest": "d", "rows": 40, "set": None}


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    space = Workspace.at(tmp_path / "workspace")
    yield space
    for run in all_runs(space):  # no test leaves a process behind
        if pid := run.worker():
            psutil.Process(pid).kill()


@pytest.fixture
def trainer(workspace: Workspace) -> LocalTrainer:
    return LocalTrainer(workspace, (sys.executable, str(Path(__file__).with_name("worker.py"))))


@pytest.fixture
def pairs() -> PairSet:
    texts = {"anchor": [f"question {n} about it" for n in range(40)], "positive": [f"answer {n} of it" for n in range(40)]}
    return PairSet("some.csv", "pairs", {"anchor": "q", "positive": "p"}, pd.DataFrame({"row": range(1, 41), **texts}))


@pytest.fixture
def plan(workspace: Workspace, pairs: PairSet) -> Plan:
    return make_plan(make_recipe({"evidence": "held-out", "epochs": 2, "learning_rate": 5e-5, "batch_size": 8}), pairs, workspace)


@pytest.fixture
def make_search(workspace: Workspace, pairs: PairSet, plan: Plan):
    """``make_search(trials, learning_rate=.., ...)``: a search that has not been started."""

    def make(trials: int = 3, **space) -> Search:
        space = make_space(space or {"learning_rate": "5e-5, 1e-4, 2e-4"})
        return create_search(workspace, pairs, plan, planned(plan, space, trials), source=SOURCE)

    return make


@pytest.fixture
def run_out(trainer: LocalTrainer):
    """``run_out(search)``: let the queue move until no trial is at work."""

    def run(search: Search) -> None:
        end = time.monotonic() + 120
        while search.active():
            trainer.launch_next()
            assert time.monotonic() < end
            time.sleep(0.02)

    return run
