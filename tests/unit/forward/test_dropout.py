import torch
from scipy import stats
from torch import nn

from core.forward.dropout import Dropout, draw_seed, keep_mask, replace_dropout


def test_the_share_that_is_dropped_is_the_one_asked_for():
    torch.manual_seed(3)
    mask = keep_mask(torch.Size([1000, 1001]), 0.1, draw_seed())
    dropped = int((mask == 0).sum())
    assert stats.binomtest(dropped, mask.numel(), 0.1).pvalue > 1e-4
    assert set(mask.unique().tolist()) == {0.0, torch.tensor(1 / 0.9).item()}
    assert abs(float(mask.mean()) - 1) < 1e-3  # what is kept makes up for what is dropped


def test_neighbours_are_dropped_independently():
    torch.manual_seed(4)
    kept = keep_mask(torch.Size([400_000]), 0.3, draw_seed()) > 0
    for step in (1, 2, 4, 16):  # four elements come from one random number
        both = float((kept[:-step] & kept[step:]).double().mean())
        assert abs(both - 0.49) < 0.004


def test_a_mask_follows_torchs_seed():
    torch.manual_seed(5)
    one = keep_mask(torch.Size([77]), 0.5, draw_seed())
    state = torch.get_rng_state()
    two = keep_mask(torch.Size([77]), 0.5, draw_seed())
    torch.set_rng_state(state)
    assert torch.equal(keep_mask(torch.Size([77]), 0.5, draw_seed()), two) and not torch.equal(one, two)


def test_dropout_takes_the_place_of_the_librarys():
    model = nn.Sequential(nn.Linear(3, 3), nn.Sequential(nn.Dropout(0.5))).train()
    replace_dropout(model)
    assert type(model[1][0]) is Dropout and model[1][0].p == 0.5
    ones = torch.ones(4, 100, requires_grad=True)
    result = model[1][0](ones)
    result.sum().backward()
    assert torch.equal(result.detach(), ones.grad) and 0 < int((result == 0).sum()) < 400
    assert torch.equal(model.eval()[1][0](ones), ones)
