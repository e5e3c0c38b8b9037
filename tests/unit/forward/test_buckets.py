import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.forward import buckets
from core.forward.buckets import PASS_TOKENS, plan_pieces, split_by_length
from core.models import load, local_ref
from core.workspace import Workspace
from tests.tiny import pairs, tiny_model

MODEL_TYPES = ["bert", "roberta", "mpnet", "distilbert", "electra", "modernbert", "deberta-v2"]


@pytest.mark.parametrize("model_type", MODEL_TYPES)
def test_vectors_and_gradients_are_those_of_one_padded_pass(model_type, tmp_path, monkeypatch, same_as_padded):
    monkeypatch.setattr(buckets, "TOKENS", 64)
    same_as_padded(tiny_model(tmp_path / "model", Workspace.at(tmp_path / "workspace"), model_type), split_by_length)


def test_one_look_up_serves_all_pieces(tmp_path, monkeypatch):
    monkeypatch.setattr(buckets, "TOKENS", 64)
    model = load(local_ref("tiny", tiny_model(tmp_path / "model", Workspace.at(tmp_path / "workspace"), "distilbert")))
    split_by_length(model)
    calls = []
    model[0].auto_model.get_input_embeddings().register_forward_hook(lambda *_: calls.append(1))
    model(model.preprocess(pairs(20)["positive"].tolist()))
    assert len(calls) == 1


@given(st.lists(st.integers(1, 60), min_size=1, max_size=9), st.integers(30, 200))
def test_pieces_are_the_cheapest_way_to_cut_the_rows(lengths, tokens):
    pieces = plan_pieces(torch.tensor(lengths), tokens, PASS_TOKENS)
    assert sorted(torch.cat(pieces).tolist()) == list(range(len(lengths)))

    def cost(groups):
        padded = [len(group) * max(group) for group in groups]
        if any(size > tokens and len(group) > 1 for size, group in zip(padded, groups, strict=True)):
            return float("inf")
        return sum(padded) + PASS_TOKENS * len(groups)

    in_order = sorted(lengths)
    every_way = (
        [in_order[a:b] for a, b in itertools.pairwise([0, *cuts, len(lengths)])]
        for count in range(len(lengths)) for cuts in itertools.combinations(range(1, len(lengths)), count)
    )
    assert cost([[lengths[row] for row in piece] for piece in pieces]) == min(map(cost, every_way))
