"""Two processes that share a batch: the loss and the gradients of one process with the whole batch."""

import json
import multiprocessing
import os
import shutil
import socket

import numpy as np
import pytest
import torch
from accelerate.state import AcceleratorState
from torch import distributed
from transformers import TrainerCallback

from core.forward.speed import speed_up
from core.models import load, local_ref
from core.pairs.text import fold_codes
from core.recipe import Recipe
from core.training import processes
from core.training.losses import make_loss
from core.training.tokens import make_dataset
from core.training.trainer import Trainer
from tests.tiny import pairs

ROWS = 12


@pytest.fixture
def without_dropout(tiny, tmp_path):
    """The tiny model without dropout, whose random numbers differ."""
    folder = shutil.copytree(tiny, tmp_path / "model")
    config = json.loads((folder / "config.json").read_text())
    config |= {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def first_step(folder, loss, output):
    """The loss and the gradients of one step on all rows (of all processes), as the optimizer gets them."""
    processes.join()
    model = load(local_ref("tiny", folder))
    speed_up(model)
    rows = pairs(ROWS)
    recipe = Recipe(
        loss=loss, scale=20.0, epochs=1, batch_size=ROWS, learning_rate=1e-3, max_seq_length=64, held_out=0.0, patience=1
    )
    texts = np.stack(fold_codes(rows["anchor"], rows["positive"]), axis=1)
    trainer = Trainer(model, make_dataset(model, rows), make_loss(model, recipe), recipe, texts, output)
    gradients = {}

    class Look(TrainerCallback):
        def on_pre_optimizer_step(self, *arguments, **options):
            for name, weight in model.named_parameters():
                gradients[name] = None if weight.grad is None else weight.grad.numpy().copy()

    trainer.args.max_grad_norm = 0.0  # clipping would hide a wrong length
    trainer.add_callback(Look())
    trainer.train()
    return trainer.read_loss(), gradients


def share(place, port, folder, loss, output, answer):
    """One of two processes, as torchrun starts it."""
    torch.set_num_threads(1)
    AcceleratorState._reset_state(reset_partial_state=True)  # what a test before has left
    os.environ.update(
        WORLD_SIZE="2", RANK=str(place), LOCAL_RANK=str(place), LOCAL_WORLD_SIZE="2", MASTER_ADDR="127.0.0.1",
        MASTER_PORT=str(port),
    )
    answer.put((*first_step(folder, loss, output), distributed.get_world_size()))
    answer.close()
    answer.join_thread()
    processes.wait()
    processes.end(0)


@pytest.mark.parametrize("loss", ["MultipleNegativesRanking", "CachedMultipleNegativesRanking"])
def test_the_gradients_of_a_shared_batch_are_those_of_the_whole(loss, without_dropout, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    fork = multiprocessing.get_context("fork")  # the libraries are loaded already
    answer = fork.Queue()
    both = [
        fork.Process(target=share, args=(place, port, without_dropout, loss, tmp_path / "out", answer)) for place in (0, 1)
    ]
    try:
        for process in both:
            process.start()
        found = [answer.get(timeout=60) for _ in both]
    finally:
        for process in both:
            process.join(timeout=10)
            process.kill()
    value, whole = first_step(without_dropout, loss, tmp_path / "out")
    for shared_value, shared, world in found:
        assert world == 2 and shared_value == pytest.approx(value, abs=1e-5)
        for name, gradient in whole.items():
            if gradient is None:
                assert shared[name] is None or not shared[name].any(), name
            else:
                np.testing.assert_allclose(shared[name], gradient, atol=1e-5, rtol=1e-3, err_msg=name)
