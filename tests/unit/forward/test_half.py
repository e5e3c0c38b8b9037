"""Half precision: near enough, in training alone, and only where it is quicker."""

import pytest
import torch
from sentence_transformers.sentence_transformer import losses

from core.forward import half, packing
from core.forward.half import can_halve, halve
from core.forward.speed import speed_up
from core.models import load, local_ref
from core.workspace import Workspace
from tests.gradients import of_loss
from tests.tiny import pairs, tiny_model


def loaded(folder, halved):
    model = load(local_ref("tiny", folder)).to("cpu")
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    speed_up(model)
    if halved:
        halve(model)
    return model.train()


@pytest.mark.parametrize("loss_class", [losses.MultipleNegativesRankingLoss, losses.CachedMultipleNegativesRankingLoss])
def test_gradients_are_those_of_full_precision_but_for_rounding(loss_class, tiny, monkeypatch):
    frame, attended, attend = pairs(12), [], packing._attend
    monkeypatch.setattr(packing, "_attend", lambda *sides: (attended.append(sides[0].dtype), attend(*sides))[1])

    def gradients(halved):
        model = loaded(tiny, halved)
        sides = [model.preprocess(frame[side].tolist()) for side in ("anchor", "positive")]
        return of_loss(model, loss_class, sides)

    found, plain = gradients(True), gradients(False)
    assert found.keys() == plain.keys() and set(attended) == {torch.float32}  # in which attention is quick
    assert {gradient.dtype for gradient in found.values()} == {torch.float32}
    ours, theirs = (torch.cat([one[name].flatten() for name in plain]) for one in (found, plain))
    assert 0 < (ours - theirs).norm() < 0.05 * theirs.norm()


def test_what_is_asked_outside_of_training_is_answered_in_full_precision(tiny):
    texts = pairs(6)["positive"].tolist()
    model, plain = loaded(tiny, True), loaded(tiny, False)

    def vectors(one):
        return one(one.preprocess(texts))["sentence_embedding"].detach()

    in_training = vectors(model)
    assert in_training.dtype == torch.float32 and not torch.equal(in_training, vectors(plain))
    assert torch.equal(vectors(model.eval()), vectors(plain.eval()))
    assert {weight.dtype for weight in model.parameters()} == {torch.float32}


@pytest.mark.parametrize(("whole", "halves", "quicker"), [(1.0, 0.5, True), (1.0, 0.9, False), (1.0, 30.0, False)])
def test_a_processor_is_tried(whole, halves, quicker, monkeypatch):
    times = iter([whole, halves])
    monkeypatch.setattr(half, "_seconds", lambda multiply: (multiply(), next(times))[1])
    assert half._is_quicker.__wrapped__() is quicker


def test_only_packed_rows_on_a_processor_that_is_quicker(tiny, tmp_path, monkeypatch):
    other = tiny_model(tmp_path / "model", Workspace.at(tmp_path / "workspace"), "mpnet")
    monkeypatch.setattr(half, "_is_quicker", lambda: True)
    assert can_halve(loaded(tiny, False)) and not can_halve(loaded(other, False))
    monkeypatch.setattr(half, "_is_quicker", lambda: False)
    assert not can_halve(loaded(tiny, False))
