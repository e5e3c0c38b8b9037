"""The program in the training container, on a folder laid out as SageMaker lays out /opt/ml."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from core.errors import WorkbenchError
from core.runs.events import EventWriter, read_events
from core.runs.run import Run
from core.training.checkpoints import newest
from core.training.container import explain, find_place, last_word, lay_out, overrides
from core.workspace import Workspace, write_json
from tests.tiny import pairs, run_folder, tiny_model

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def root(tmp_path) -> Path:
    """Such a folder, with a run that would train for long."""
    workspace = Workspace.at(tmp_path / "workspace")
    model, data = tiny_model(tmp_path / "model", workspace), pairs(60)
    run = run_folder(workspace, model, "far", data[:48], data[48:], epochs=900)
    root = tmp_path / "ml"
    shutil.copytree(run.folder, root / "input/data/run")
    shutil.move(model, root / "input/data/base")  # where it was is not there in the container
    (root / "input/config").mkdir()
    return root


def test_the_order_to_stop_leaves_the_best_model_to_bring_home(root):
    program = f"import sys; from pathlib import Path; from core.training.container import main; sys.exit(main(Path({str(root)!r})))"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen([sys.executable, "-c", program], env=environment, stdout=subprocess.PIPE, text=True)
    for line in process.stdout:
        if '"kind": "step"' in line:
            process.send_signal(signal.SIGTERM)
            break
    rest = process.stdout.read()
    assert process.wait(100) == 0, rest
    home = Run(root / "model")
    last = read_events(home.events_file)[0][-1]
    assert last["kind"] == "done" and last["stopped"] and last["report"] == home.report()
    assert (home.model / "model.safetensors").exists() and not (root / "output/failure").exists()
    assert not (root / "model/train.parquet").exists()
    assert newest(root / "checkpoints").step > 0


def test_a_checkpoint_of_which_a_file_is_still_on_its_way_is_passed_over(tmp_path):
    for step, size in ((5, 3), (9, 99)):
        folder = tmp_path / f"checkpoint-{step}"
        folder.mkdir()
        (folder / "model.safetensors").write_bytes(b"abc")
        write_json(folder / "progress.json", {"files": {"model.safetensors": size}})
    assert newest(tmp_path).step == 5
    (tmp_path / "checkpoint-9" / "model.safetensors").write_bytes(b"a" * 99)
    assert newest(tmp_path).step == 9


def test_hyperparameters_named_as_settings_take_their_place(root, tmp_path):
    given = {"learning_rate": "0.00012", "batch_size": "4", "_tuning_objective_metric": "ndcg@10", "loss": '"CoSENT"'}
    write_json(root / "input/config/hyperparameters.json", given)
    recipe = lay_out(root, tmp_path / "laid").settings()["recipe"]
    assert (recipe["learning_rate"], recipe["batch_size"], recipe["loss"]) == (0.00012, 4, "CoSENT")
    assert recipe["epochs"] == 900
    write_json(root / "input/config/hyperparameters.json", {"batch_size": "many"})
    with pytest.raises(WorkbenchError, match="batch_size"):
        overrides(root, recipe)


def test_the_instances_are_read_off_what_sagemaker_says(tmp_path):
    assert find_place(tmp_path, 0).launcher() == [sys.executable, "-m"]
    (tmp_path / "input/config").mkdir(parents=True)
    said = {"hosts": ["algo-1", "algo-2"], "current_host": "algo-2", "network_interface_name": "eth1"}
    write_json(tmp_path / "input/config/resourceconfig.json", said)
    place = find_place(tmp_path, 4)
    assert not place.leads and place.network == "eth1"
    assert {"--nnodes=2", "--nproc_per_node=4", "--node_rank=1", "--master_addr=algo-1"} <= set(place.launcher())


def test_a_worker_that_was_killed_is_explained_and_a_helper_is_heard(tmp_path, capsys):
    run = Run(tmp_path)
    assert "memory" in explain(run, -signal.SIGKILL)["what"] and "7" in explain(run, 7)["why"]
    assert json.loads(capsys.readouterr().out.splitlines()[0])["kind"] == "failed"
    other = Run(tmp_path / "other")
    other.folder.mkdir()
    EventWriter(other.events_file).write("step", step=1)
    assert last_word(other) is None
    EventWriter(other.helper_events(1)).write("failed", what="The loss is no longer a number.")
    assert last_word(other)["what"] == "The loss is no longer a number."
