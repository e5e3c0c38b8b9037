import pytest
import torch

from core.models import load, local_ref
from core.training import buckets
from core.training.buckets import plan_pieces, split_by_length
from core.workspace import Workspace
from tests.tiny import pairs, tiny_model

MODEL_TYPES = ["bert", "roberta", "mpnet", "distilbert", "electra", "modernbert", "deberta-v2"]


@pytest.mark.parametrize("model_type", MODEL_TYPES)
def test_vectors_and_gradients_are_those_of_one_padded_pass(model_type, tmp_path, monkeypatch):
    monkeypatch.setattr(buckets, "CPU_TOKENS", 64)
    folder = tiny_model(tmp_path / "model", Workspace.at(tmp_path / "workspace"), model_type)
    texts = pairs(20)["positive"].tolist()
    goal = torch.randn(20, 32, generator=torch.Generator().manual_seed(1))

    def vectors_and_gradients(split):
        model = load(local_ref("tiny", folder)).eval()  # no dropout, whose random numbers differ
        if split:
            split_by_length(model)
        vectors = model(model.preprocess(texts))["sentence_embedding"]
        (vectors * goal).sum().backward()
        return vectors.detach(), {name: weight.grad for name, weight in model.named_parameters()}

    vectors, gradients = vectors_and_gradients(split=True)
    plain_vectors, plain_gradients = vectors_and_gradients(split=False)
    torch.testing.assert_close(vectors, plain_vectors, atol=1e-5, rtol=1e-4)
    for name, gradient in plain_gradients.items():
        if gradient is None:
            assert gradients[name] is None
        else:
            torch.testing.assert_close(gradients[name], gradient, atol=1e-5, rtol=1e-3, msg=name)


def test_one_look_up_serves_all_pieces(tiny, monkeypatch):
    monkeypatch.setattr(buckets, "CPU_TOKENS", 64)
    model = load(local_ref("tiny", tiny))
    split_by_length(model)
    calls = []
    model[0].auto_model.get_input_embeddings().register_forward_hook(lambda *_: calls.append(1))
    model(model.preprocess(pairs(20)["positive"].tolist()))
    assert len(calls) == 1


def test_pieces_hold_each_row_once_within_the_limit_and_by_length():
    lengths = torch.tensor([30, 3, 200, 4, 31, 3, 90])
    pieces = plan_pieces(lengths, 100)
    assert sorted(torch.cat(pieces).tolist()) == list(range(7))
    for piece in pieces:
        assert len(piece) == 1 or len(piece) * int(lengths[piece].max()) <= 100
    assert [int(lengths[piece].max()) for piece in pieces] == [4, 31, 90, 200]
