"""Runs with the real worker on twenty pairs: trained, killed, resumed, stopped, taken home and repeated."""

import os
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from core.models import local_ref
from core.pairs.columns import guess_columns, to_pairs
from core.pairs.read import read_table
from core.recipe import make_recipe
from core.runs.create import create_run
from core.runs.explain import explain_end
from core.runs.local import LocalTrainer
from core.runs.run import Run
from core.runs.take_home import zip_model
from core.workspace import Workspace

TWENTY = Path(__file__).with_name("twenty_pairs.json")


@pytest.fixture
def trainer(tmp_path):
    trainer = LocalTrainer(Workspace.at(tmp_path / "workspace"))
    yield trainer
    if run := trainer.at_work():  # no test leaves a process behind
        psutil.Process(run.worker()).kill()


def start(trainer: LocalTrainer, **settings) -> Run:
    table = read_table(TWENTY)
    pairs = to_pairs(table, TWENTY.name, guess_columns(table))
    source = {"name": TWENTY.name, "digest": "d", "rows": len(pairs), "set": None}
    recipe = make_recipe({"evidence": "held-out", "batch_size": 4, "max_seq_length": 32, **settings})
    run = create_run(trainer.workspace, pairs, recipe, source=source)
    trainer.submit(run)
    launch(trainer, run)
    return run


def launch(trainer: LocalTrainer, run: Run) -> None:
    """Start ``run``, as soon as a worker that has said its last word is really gone."""
    wait_for(lambda: trainer.launch_next() == run, run)


def wait_for(condition: Callable[[], object], run: Run, seconds: float = 300) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"{run.status()}\n{run.log_tail(3000)}"
        time.sleep(0.05)


def wait_for_end(run: Run) -> str:
    wait_for(lambda: run.status().state not in ("queued", "running", "stopping"), run)
    return run.status().state


def of_kind(run: Run, kind: str) -> list[dict]:
    return [event for event in run.events()[0] if event["kind"] == kind]


def test_a_run_is_trained_taken_home_and_loads_anywhere(trainer, tmp_path):
    run = start(trainer, epochs=1)
    assert wait_for_end(run) == "done", run.log_tail(3000)
    done = run.status().last
    assert done["run"] == run.id and done["folder"] == str(run.folder) and done["model"] == str(run.model)
    assert run.report()["verdict"] and run.report()["held_out"] > 0
    assert of_kind(run, "held_out")[0]["base"] is True and of_kind(run, "held_out")[0]["step"] == 0
    assert len(of_kind(run, "step")) >= 1
    assert not list(run.model.rglob("*.bin")) and local_ref("x", run.model).digest

    archive = zip_model(run, tmp_path)
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(tmp_path / "elsewhere")
    home = tmp_path / "elsewhere" / run.id
    program = (
        "import sys; from sentence_transformers import SentenceTransformer\n"
        f"model = SentenceTransformer({str(home)!r})\nprint(model.encode(['a question']).shape)"
    )
    offline = {**os.environ, "HF_HUB_OFFLINE": "1"}
    loaded = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, env=offline, capture_output=True, text=True)
    assert "(1, 384)" in loaded.stdout, loaded.stderr

    script = home / "repeat" / "repeat.py"  # the hub cannot be reached from here: start from the base model's folder
    base = run.settings()["base"]["path"]
    script.write_text(script.read_text().replace("'sentence-transformers/all-MiniLM-L6-v2'", repr(base)))
    repeated = subprocess.run([sys.executable, script], cwd=tmp_path, env=offline, capture_output=True, text=True)
    assert repeated.returncode == 0, repeated.stderr
    assert "cosine_ndcg@10" in repeated.stdout
    assert (home / "repeat" / "repeated" / "model.safetensors").exists()


def test_a_killed_run_goes_on_from_its_checkpoint_and_ends_as_if_nothing_had_happened(trainer):
    settings = {"epochs": 6, "patience": 100, "seed": 5}
    whole = start(trainer, **settings)
    assert wait_for_end(whole) == "done", whole.log_tail(3000)

    broken = start(trainer, **settings)
    wait_for(lambda: of_kind(broken, "step"), broken)
    trainer.stop(broken)  # a run this short has no checkpoint before it is stopped
    assert wait_for_end(broken) == "stopped"
    trainer.resume(broken)
    launch(trainer, broken)
    wait_for(lambda: len(of_kind(broken, "start")) == 2 and broken.events()[0][-1]["kind"] == "step", broken)
    os.kill(broken.status().pid, signal.SIGKILL)
    assert wait_for_end(broken) == "interrupted"
    assert "checkpoint" in explain_end(broken)["what_to_do"]
    trainer.resume(broken)
    launch(trainer, broken)
    assert wait_for_end(broken) == "done", broken.log_tail(3000)
    assert [event["step"] > 0 for event in of_kind(broken, "start")] == [False, True, True]
    assert broken.report()["tuned"] == pytest.approx(whole.report()["tuned"], abs=1e-4)


def test_a_stopped_run_keeps_its_best_model_and_can_go_on(trainer):
    run = start(trainer, epochs=200, patience=1000)
    wait_for(lambda: len(of_kind(run, "step")) >= 2, run)
    trainer.stop(run)
    assert run.status().state in ("stopping", "stopped")
    assert wait_for_end(run) == "stopped", run.log_tail(3000)
    assert (run.model / "model.safetensors").exists() and run.report()["verdict"]
    stopped_at = run.status().step
    wait_for(lambda: run.worker() is None, run)
    trainer.resume(run)
    launch(trainer, run)
    wait_for(lambda: run.status().step > stopped_at, run)
    trainer.stop(run)
    assert wait_for_end(run) == "stopped"


def test_half_the_batch_is_a_new_run_with_the_same_questions_kept_aside(trainer):
    import pandas as pd

    old = start(trainer, epochs=1)
    new = trainer.restart_with(old, {"batch_size": 2})
    assert new.status().state == "queued" and trainer.launch_next() is None
    assert new.settings()["recipe"] == {**old.settings()["recipe"], "batch_size": 2}
    for file in ("train_file", "heldout_file"):
        rows = [pd.read_parquet(getattr(run, file))["row"].tolist() for run in (old, new)]
        assert rows[0] == rows[1]
    wait_for_end(old)
    trainer.stop(new)
    assert new.status().state == "stopped"
    new.delete()


def test_a_damaged_run_folder_is_a_failure_in_words(trainer):
    run = start(trainer, epochs=1)
    wait_for_end(run)
    again = trainer.restart_with(run, {})
    again.train_file.write_bytes(b"nothing")
    launch(trainer, again)
    assert wait_for_end(again) == "failed"
    ended = explain_end(again)
    assert ended["what"] and ended["what_to_do"]
