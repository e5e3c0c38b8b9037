"""All sides of a batch in one pass, as on a GPU; torch's attention to one text at a time stands in for its kernels."""

import numpy as np
import pytest
import torch
from transformers import TrainerCallback

from core.forward import unpadded
from core.forward.unpadded import unpad
from core.models import load, local_ref
from core.pairs.text import fold_codes
from core.recipe import Recipe
from core.training.losses import make_loss
from core.training.tokens import make_dataset
from core.training.trainer import Trainer
from tests.gradients import assert_same
from tests.tiny import pairs

ROWS = 12


def first_step(folder, output, recipe, extra, fast):
    """The loss and the gradients of one step, how often the model was asked, and how many tokens it read."""
    model = load(local_ref("tiny", folder))
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    if fast:
        unpad(model)
    asked = []
    model[0].register_forward_pre_hook(lambda *_, **__: asked.append(1))
    rows = pairs(ROWS).assign(**extra)
    texts = np.stack(fold_codes(rows["anchor"], rows["positive"]), axis=1)
    trainer = Trainer(model, make_dataset(model, rows), make_loss(model, recipe), recipe, texts, output)
    gradients = {}

    class Look(TrainerCallback):
        def on_pre_optimizer_step(self, *arguments, **options):
            gradients.update({name: weight.grad.clone() for name, weight in model.named_parameters() if weight.grad is not None})

    trainer.args.max_grad_norm = 0.0  # clipping would hide a wrong length
    trainer.add_callback(Look())
    trainer.train()
    return trainer.read_loss(), gradients, len(asked), trainer.tokens_seen


@pytest.mark.skipif(torch.cuda.is_available(), reason="On a card the trainer computes in half precision.")
@pytest.mark.parametrize(("loss", "extra", "passes"), [
    ("MultipleNegativesRanking", {}, 1),
    ("MultipleNegativesRanking", {"negative": [f"no such {n}" for n in range(ROWS)]}, 1),
    ("CoSENT", {"score": np.linspace(0, 1, ROWS)}, 1),
    ("CachedMultipleNegativesRanking", {}, 4),  # twice each side: a cached loss takes the batch apart
])
@pytest.mark.parametrize("dims", [[], [16]])
def test_one_pass_has_the_loss_and_the_gradients_of_several(loss, extra, passes, dims, tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(unpadded, "attend", unpadded.attend_one_by_one)
    recipe = Recipe(
        loss=loss, scale=20.0, epochs=1, batch_size=ROWS, learning_rate=1e-3, max_seq_length=64, held_out=0.0, patience=1,
        matryoshka_dims=dims,
    )
    value, gradients, asked, tokens = first_step(tiny, tmp_path / "fast", recipe, extra, fast=True)
    plain_value, plain, plain_asked, plain_tokens = first_step(tiny, tmp_path / "plain", recipe, extra, fast=False)
    assert asked == passes and plain_asked >= 2 and tokens == plain_tokens > 0
    assert value == pytest.approx(plain_value, abs=1e-5)
    assert_same(gradients, plain)
