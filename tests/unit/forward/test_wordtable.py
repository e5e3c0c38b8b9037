import torch
from torch import nn

from core.forward.wordtable import WordTable


def test_gradients_are_the_librarys_over_steps_and_passes():
    torch.manual_seed(0)
    mine, plain = nn.Embedding(50, 4, padding_idx=0), nn.Embedding(50, 4, padding_idx=0)
    plain.load_state_dict(mine.state_dict())
    table = WordTable(mine)
    for step in range(3):
        mine.zero_grad()
        plain.zero_grad()
        for _ in range(2):  # two look-ups a step add up
            ids = torch.randint(0, 50, (30,))
            goal = torch.randn(30, 4)
            vectors = table(ids)
            assert torch.equal(vectors, plain(ids))
            (vectors * goal).sum().backward()
            (plain(ids) * goal).sum().backward()
        torch.testing.assert_close(mine.weight.grad, plain.weight.grad, msg=f"step {step}")


def test_a_frozen_table_has_no_gradient():
    embedding = nn.Embedding(5, 2)
    embedding.weight.requires_grad_(False)
    assert not WordTable(embedding)(torch.tensor([1, 2])).requires_grad
