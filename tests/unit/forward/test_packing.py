import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer import losses
from sentence_transformers.sentence_transformer.modules import WordWeights

from core.forward import dropout, packing
from core.forward.dropout import keep_mask
from core.forward.packing import can_pack, make_groups
from core.forward.speed import speed_up
from core.models import load, local_ref
from core.workspace import Workspace
from tests.gradients import assert_same, of_loss
from tests.tiny import pairs, tiny_model

PACKED = ["bert", "electra", "roberta", "xlm-roberta", "camembert"]


def sentences(model, texts):
    return model(model.preprocess(texts))["sentence_embedding"]


@pytest.mark.parametrize(("tokens", "threads"), [(40, 1), (10_000, 2)], ids=["several-passes", "one-pass"])
@pytest.mark.parametrize("model_type", PACKED)
def test_vectors_and_gradients_are_those_of_one_padded_pass(
    model_type, tokens, threads, tmp_path, monkeypatch, same_as_padded
):
    monkeypatch.setattr(packing, "TOKENS", tokens)
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    attended, apply = [], packing.apply
    monkeypatch.setattr(packing, "apply", lambda function, *sides: (attended.append(function), apply(function, *sides))[1])
    folder = tiny_model(tmp_path / "model", Workspace.at(tmp_path / "workspace"), model_type)
    assert can_pack(load(local_ref("tiny", folder)))
    same_as_padded(folder, speed_up)
    assert (packing._Attention in attended) is (threads > 1)  # of which torch's own attention makes no use


@pytest.mark.parametrize("loss_class", [losses.MultipleNegativesRankingLoss, losses.CachedMultipleNegativesRankingLoss])
def test_a_step_of_the_loss_has_the_librarys_gradients(loss_class, tiny):
    frame = pairs(12)

    def gradients(fast):
        model = load(local_ref("tiny", tiny)).eval()
        if fast:
            speed_up(model)
        sides = [model.preprocess(frame[side].tolist()) for side in ("anchor", "positive")]
        return of_loss(model, loss_class, sides)

    assert_same(gradients(fast=True), gradients(fast=False))


def test_dropout_is_at_work_in_training_and_follows_the_seed(tiny):
    model = load(local_ref("tiny", tiny)).train()
    speed_up(model)
    texts = pairs(6)["positive"].tolist()

    def once(seed):
        torch.manual_seed(seed)
        return sentences(model, texts).detach()

    assert torch.equal(once(1), once(1))
    assert not torch.allclose(once(1), once(2))


def test_other_models_run_in_pieces(tiny, tmp_path):
    folder = tiny_model(tmp_path / "model", Workspace.at(tmp_path / "workspace"), "mpnet")
    assert not can_pack(load(local_ref("tiny", folder)))
    whole = load(local_ref("tiny", tiny))
    weights = WordWeights(["a"], {"a": 2.0})  # a part that reads a padded batch
    assert can_pack(whole) and not can_pack(SentenceTransformer(modules=[whole[0], weights, whole[1]]))


def test_each_dropout_has_a_mask_of_its_own(tiny, monkeypatch):
    seeds = []

    def noted(module):
        def keep(shape, share, seed):
            seeds.append((module, seed))
            return keep_mask(shape, share, seed)
        return keep

    for module in (packing, dropout):
        monkeypatch.setattr(module, "keep_mask", noted(module.__name__))
    model = load(local_ref("tiny", tiny)).train()
    speed_up(model)
    texts = ["one two three", "four five six"]  # of one length, so that they attend together
    with torch.no_grad():
        sentences(model, texts)
    in_attention = [seed for module, seed in seeds if module == packing.__name__]
    elsewhere = [seed for module, seed in seeds if module == dropout.__name__]
    assert len(in_attention) == 2 and len(elsewhere) == 5  # two layers: one and two each, and one after the embeddings
    assert len(set(in_attention + elsewhere)) == 7


def test_a_saved_model_attends_as_before(tiny, tmp_path):
    model = load(local_ref("tiny", tiny))
    texts = pairs(5)["positive"].tolist()
    before = model.encode(texts)
    speed_up(model)
    model.save_pretrained(str(tmp_path / "saved"))
    after = load(local_ref("saved", tmp_path / "saved"))
    assert after[0].auto_model.config._attn_implementation != "workbench_packed"
    torch.testing.assert_close(torch.tensor(after.encode(texts)), torch.tensor(before), atol=1e-6, rtol=1e-5)


@given(st.lists(st.integers(1, 40), min_size=1, max_size=12).map(sorted))
def test_every_token_has_its_place_once(lengths):
    total = sum(lengths)
    numbers = torch.arange(total)
    seen = []
    for group in make_groups(torch.tensor(lengths)):
        part = numbers[group.tokens]
        if group.places is None:
            assert len(part) == group.texts * group.length
            seen += part.tolist()
        else:
            placed = part[group.places].view(group.texts, group.length)
            real = group.mask[:, 0, 0] == 0
            assert placed[real].tolist() == part.tolist() == placed.flatten()[group.real].tolist()
            seen += part.tolist()
    assert seen == list(range(total))


@pytest.mark.parametrize(("kept", "dropped"), [(0, 0.3), (64, 0.3), (64, 0.0)], ids=["made-again", "kept", "all"])
def test_attention_has_the_gradients_of_its_plain_form(kept, dropped, monkeypatch):
    monkeypatch.setattr(packing, "KEPT_LENGTH", kept)
    torch.manual_seed(0)
    sides = [torch.randn(2, 3, 5, 4, requires_grad=True) for _ in range(3)]
    mask = torch.zeros(2, 1, 1, 5)
    mask[1, ..., 3:] = -torch.inf
    goal = torch.randn(2, 3, 5, 4)

    def plain(query, key, value):
        weights = (query @ key.transpose(2, 3) * 0.5 + mask).softmax(-1)
        return weights * keep_mask(weights.shape, dropped, 7) @ value

    found = packing._Attention.apply(*sides, mask, 0.5, dropped, 7)
    torch.testing.assert_close(found, plain(*sides))
    for one, other in zip(
        torch.autograd.grad((found * goal).sum(), sides), torch.autograd.grad((plain(*sides) * goal).sum(), sides),
        strict=True,
    ):
        torch.testing.assert_close(one, other)
