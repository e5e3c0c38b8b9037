"""Two processes that train one model together, as torchrun starts them: the same model as one makes alone."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from core.pairs.split import folds
from core.runs.run import Run
from core.workspace import Workspace
from tests.tiny import pairs, run_folder, tiny_model

ROOT = Path(__file__).resolve().parents[2]
TOGETHER = ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory) -> Path:
    """A tiny model without dropout: chance alone would make one process differ from two."""
    folder = tmp_path_factory.mktemp("tiny")
    model = tiny_model(folder / "model", Workspace.at(folder / "workspace"))
    config = json.loads((model / "config.json").read_text())
    config |= {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    (model / "config.json").write_text(json.dumps(config))
    return model


@pytest.fixture
def make(tmp_path, tiny):
    def make(name: str, **recipe: object) -> Run:
        data = pairs(60)
        return run_folder(Workspace.at(tmp_path), tiny, name, data[:48], data[48:], **recipe)

    return make


@pytest.fixture
def make_folded(tmp_path, tiny):
    def make(name: str) -> Run:
        data = pairs(60).assign(fold=folds(np.arange(60), 12))
        settings = {"evidence": "five folds", "epochs": 2, "batch_size": 20}  # shares of 16 and 20 rows come out even
        return run_folder(Workspace.at(tmp_path), tiny, name, data, data[:0], **settings)

    return make


def start(run: Run, *launcher: str, worker: str = "core.training") -> subprocess.Popen:
    with run.log_file.open("ab") as log:
        command = [sys.executable, *launcher, "-m", worker, str(run.folder)]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        return subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT, env=environment)


def of_kind(run: Run, kind: str) -> list[dict]:
    return [event for event in run.events()[0] if event["kind"] == kind]


def test_two_make_the_model_that_one_makes_through_all_folds(make_folded):
    alone, together = make_folded("alone"), make_folded("together")
    processes = [start(alone), start(together, *TOGETHER)]
    for process, run in zip(processes, (alone, together), strict=True):
        assert process.wait(timeout=200) == 0, run.log_tail()
    losses = [[event["loss"] for event in of_kind(run, "step")] for run in (alone, together)]
    final = alone.report()["passes"]["final"]
    assert len(losses[0]) == 5 * 6 + 3 * final and losses[1] == pytest.approx(losses[0], abs=1e-3)
    assert together.report()["passes"] == alone.report()["passes"] and together.report()["evidence"] == "five folds"
    assert together.report()["tuned"] == pytest.approx(alone.report()["tuned"], abs=2e-3)
    # The first one alone speaks.
    assert len(of_kind(together, "start")) == len(of_kind(together, "done")) == 1
    assert together.helper_events(1).exists()


def test_both_stop_with_the_best_model_and_go_on_from_the_same_step(make):
    run = make("stopped", epochs=400)
    process = start(run, *TOGETHER, worker="tests.integration.slow_saver")
    end = time.monotonic() + 200
    while not of_kind(run, "step"):
        assert process.poll() is None and time.monotonic() < end, run.log_tail()
        time.sleep(0.05)
    run.stop_file.touch()
    assert process.wait(timeout=100) == 0, run.log_tail()
    done = run.events()[0][-1]
    assert done["kind"] == "done" and done["stopped"] and (run.model / "model.safetensors").exists()
    stopped_at = of_kind(run, "step")[-1]["step"]
    run.stop_file.unlink()
    settings = json.loads(run.recipe_file.read_text())
    settings["recipe"]["epochs"] = stopped_at // 6 + 2
    run.recipe_file.write_text(json.dumps(settings))
    assert start(run, *TOGETHER).wait(timeout=200) == 0, run.log_tail()
    assert of_kind(run, "start")[-1]["step"] == stopped_at and run.events()[0][-1]["stopped"] is False
