"""Runs without a model: folders made by hand, and a worker program that only pretends to train."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import psutil
import pytest

from core.recipe import Recipe
from core.runs.local import LocalTrainer
from core.runs.run import Run, all_runs
from core.workspace import Workspace, write_json

FAKE_WORKER = (sys.executable, str(Path(__file__).with_name("fake_worker.py")))


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    space = Workspace.at(tmp_path / "a workspace")
    yield space
    for run in all_runs(space):  # no test leaves a process behind
        if (pid := run.worker()) not in (None, os.getpid()):
            psutil.Process(pid).kill()


@pytest.fixture
def trainer(workspace: Workspace) -> LocalTrainer:
    return LocalTrainer(workspace, FAKE_WORKER)


@pytest.fixture
def make_run(workspace: Workspace) -> Callable[..., Run]:
    """``make_run("name", steps=20, ...)``: a run ready to be submitted; see fake_worker.py for the settings."""

    def make(run_id: str = "a-1", **fake) -> Run:
        run = Run(workspace.runs / run_id)
        run.folder.mkdir()
        rows = pd.DataFrame({
            "row": [1, 2, 3, 4], "anchor": ["a", "b", "c", "d"], "positive": ["A", "B", "C", "D"],
            "component": [0, 1, 2, 2],
        })
        rows[:3].to_parquet(run.train_file, index=False)
        rows[3:].to_parquet(run.heldout_file, index=False)
        recipe = Recipe(
            loss="MultipleNegativesRanking", epochs=1, batch_size=8, learning_rate=5e-5, scale=20.0,
            max_seq_length=256, evidence="held-out", held_out=0.2, patience=3,
        )
        write_json(run.recipe_file, {
            "id": run_id, "name": run_id, "created": time.time(), "kind": "pairs",
            "columns": {"anchor": "q", "positive": "p"},
            "source": {"name": "a.csv", "digest": "d", "rows": 4, "set": None},
            "recipe": recipe.model_dump(mode="json"), "reasons": {},
            "base": {"name": "all-MiniLM-L6-v2", "path": "/nowhere", "digest": "x"},
            "versions": {"sentence-transformers": "6.2.0"}, "target": "local", "fake": fake,
        })
        return run

    return make


def wait_for(condition: Callable[[], object], what: str = "", seconds: float = 30) -> None:
    """Wait until ``condition()`` holds; fail loudly when it does not come true."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"did not come true: {what}"
        time.sleep(0.02)


def wait_for_state(run: Run, state: str) -> None:
    try:
        wait_for(lambda: run.status().state == state, state)
    except AssertionError:
        raise AssertionError(f"{run.id} is {run.status()}, not {state}; its log ends: {run.log_tail(500)}") from None


@pytest.fixture
def until() -> Callable[[Run, str], None]:
    """``until(run, "running")`` waits for a state."""
    return wait_for_state


@pytest.fixture
def until_true() -> Callable[..., None]:
    return wait_for
