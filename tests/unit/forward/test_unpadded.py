"""Rows without padding for a GPU. Where there is none, torch's attention to one text at a time stands in for its kernels."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sentence_transformers.sentence_transformer import losses
from sentence_transformers.util import batch_to_device

from core.forward import unpadded
from core.forward.speed import speed_up
from core.forward.unpadded import can_unpad, is_unpadded, make_row, unpad
from core.models import load, local_ref
from core.training.tokens import Collator, tokenise
from core.workspace import Workspace
from tests.gradients import assert_same, of_loss
from tests.tiny import pairs, tiny_model
from tests.unit.forward.test_packing import PACKED

on_a_card = pytest.mark.skipif(not torch.cuda.is_available(), reason="This machine has no GPU.")


@pytest.fixture
def one_by_one(monkeypatch):
    monkeypatch.setattr(unpadded, "attend", unpadded.attend_one_by_one)


@given(st.lists(st.integers(1, 9), min_size=1, max_size=8), st.booleans())
def test_every_token_has_its_place_once(lengths, on_the_left):
    longest = max(lengths)
    place = torch.arange(longest).flip(0) if on_the_left else torch.arange(longest)
    mask = (place < torch.tensor(lengths)[:, None]).long()
    row = make_row(mask, np.array(lengths))
    assert row.longest == longest and row.starts.dtype == torch.int32
    assert row.places.tolist() == mask.flatten().nonzero()[:, 0].tolist()
    assert row.text.tolist() == [text for text, length in enumerate(lengths) for _ in range(length)]
    assert row.position.tolist() == [position for length in lengths for position in range(length)]
    assert row.starts.diff().tolist() == lengths
    for other in (make_row(mask), make_row(mask, np.array([*lengths, 1]))):  # not known, or known of another batch
        assert torch.equal(other.places, row.places) and other.longest == longest


@pytest.mark.parametrize("model_type", PACKED)
def test_vectors_and_gradients_are_those_of_one_padded_pass(model_type, tmp_path, one_by_one, same_as_padded):
    same_as_padded(tiny_model(tmp_path / "model", Workspace.at(tmp_path / "workspace"), model_type), unpad)


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("loss_class", [losses.MultipleNegativesRankingLoss, losses.CachedMultipleNegativesRankingLoss])
def test_a_step_of_the_loss_has_the_librarys_gradients(loss_class, side, tiny, one_by_one):
    frame = pairs(12)

    def gradients(fast):
        model = load(local_ref("tiny", tiny)).to("cpu").eval()
        model.tokenizer.padding_side = side if fast else "right"
        if fast:
            unpad(model)
        collator = Collator(model)
        rows = [tokenise(model, frame[name].tolist()).to_pylist() for name in ("anchor", "positive")]
        sides = [{**collator.pad(row), **({"lengths": np.array(list(map(len, row)))} if fast else {})} for row in rows]
        assert is_unpadded(model) == fast
        return of_loss(model, loss_class, sides)

    assert_same(gradients(fast=True), gradients(fast=False))


def test_where_there_is_no_card_or_no_kernel_padding_stays(tiny, monkeypatch):
    model = load(local_ref("tiny", tiny)).to("cpu")
    assert not can_unpad(model)
    unpadded._is_right.cache_clear()
    monkeypatch.setattr(unpadded, "attend", None)  # as if torch no longer had them
    assert not unpadded._is_right(2, 16)
    unpadded._is_right.cache_clear()


@on_a_card
@pytest.mark.parametrize("model_type", PACKED)
def test_on_a_card_too(model_type, tmp_path, same_as_padded):
    folder = tiny_model(tmp_path / "model", Workspace.at(tmp_path / "workspace"), model_type)
    model = load(local_ref("tiny", folder))
    assert model.device.type == "cuda" and can_unpad(model)
    same_as_padded(folder, speed_up, "cuda")


@on_a_card
def test_on_a_card_dropout_is_at_work_in_training_and_follows_the_seed(tiny):
    model = load(local_ref("tiny", tiny)).train()
    speed_up(model)
    texts = pairs(6)["positive"].tolist()

    def once(seed):
        torch.manual_seed(seed)
        with torch.autocast("cuda", torch.bfloat16):
            return model(batch_to_device(model.preprocess(texts), model.device))["sentence_embedding"]

    assert torch.allclose(once(1), once(1), atol=1e-4)  # a card adds in any order
    assert not torch.allclose(once(1), once(2), atol=1e-2)
