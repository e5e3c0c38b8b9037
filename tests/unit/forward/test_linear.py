import copy
import ctypes
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from core.endpoints.handler import inference
from core.forward import linear
from core.forward.linear import Linear, available, product, replace_linear

pytestmark = pytest.mark.skipif(not available(), reason="this torch has no oneDNN")


def pair(bias: bool = True) -> tuple[nn.Linear, nn.Linear]:
    """A layer that was replaced and its original, with equal weights."""
    torch.manual_seed(0)
    plain = nn.Sequential(nn.Linear(24, 40, bias=bias))
    mine = copy.deepcopy(plain)
    replace_linear(mine)
    assert type(mine[0]) is Linear and type(plain[0]) is nn.Linear
    return mine[0], plain[0]


@pytest.mark.parametrize("shape", [(1, 24), (7, 24), (2, 5, 24)], ids=str)
@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no-bias"])
def test_results_and_gradients_are_the_librarys(shape, bias):
    mine, plain = pair(bias)
    inputs = torch.randn(shape)
    found = []
    for layer in (mine, plain):
        given = inputs.clone().requires_grad_()
        result = layer(given)
        result.square().sum().backward()
        found.append([result.detach(), given.grad, *(weight.grad for weight in layer.parameters())])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-5)


def test_a_gradient_that_is_not_laid_out_in_rows_is_read_right():
    mine, plain = pair()
    inputs = torch.randn(6, 24)
    for layer in (mine, plain):
        layer(inputs).t().contiguous().square().sum().backward()
    torch.testing.assert_close(mine.weight.grad, plain.weight.grad, atol=1e-4, rtol=1e-4)


def test_frozen_weights_have_no_gradient_and_other_types_go_the_librarys_way():
    mine, plain = pair()
    mine.weight.requires_grad_(False)
    mine(torch.randn(3, 24)).sum().backward()
    assert mine.weight.grad is None and mine.bias.grad is not None
    halves = torch.randn(3, 24, dtype=torch.bfloat16)
    mine.to(torch.bfloat16)
    assert torch.equal(mine(halves), plain.to(torch.bfloat16)(halves))


def test_without_the_operator_layers_stay_as_they_are(monkeypatch):
    monkeypatch.setattr(linear, "available", lambda: False)
    layer = nn.Sequential(nn.Linear(2, 2))
    replace_linear(layer)
    assert type(layer[0]) is nn.Linear


def refuses(*_):
    raise RuntimeError("no such argument")


OTHERS = {
    "gone": None, "refuses": refuses, "takes less": lambda input, weight: input,
    "wrong": lambda input, weight, *_: nn.functional.linear(input, weight) + 0.01,
    "wrong without a bias": lambda input, weight, bias, *_: nn.functional.linear(input, weight, bias) + (bias is None),
    "not a number": lambda input, weight, *_: nn.functional.linear(input, weight) * float("nan"),
    "another shape": lambda input, weight, *_: nn.functional.linear(input, weight).reshape(-1)[:1],
}


@pytest.mark.parametrize("operator", OTHERS.values(), ids=OTHERS)
def test_an_operator_of_another_torch_is_not_used(monkeypatch, operator):
    ops = SimpleNamespace(mkldnn=SimpleNamespace(**({"_linear_pointwise": operator} if operator else {})))
    monkeypatch.setattr(torch, "ops", ops)
    linear.available.cache_clear()
    try:
        assert not linear.available()
    finally:
        linear.available.cache_clear()
    layer = nn.Sequential(nn.Linear(2, 2))
    inference._multiply_by_onednn(layer)
    assert type(layer[0]) is nn.Linear or operator is OTHERS["wrong without a bias"]  # which the handler needs not


def test_where_it_refuses_a_product_the_library_does_it(monkeypatch):
    mine, plain = pair()
    monkeypatch.setattr(linear, "_product", refuses)
    for layer in (mine, plain):
        layer(torch.ones(3, 24)).sum().backward()
    assert torch.equal(mine(torch.ones(3, 24)), plain(torch.ones(3, 24)))
    torch.testing.assert_close(mine.weight.grad, plain.weight.grad)
    served = nn.Sequential(copy.deepcopy(plain))
    inference._multiply_by_onednn(served)
    assert type(served[0]) is not nn.Linear
    monkeypatch.setattr(torch, "ops", SimpleNamespace(mkldnn=SimpleNamespace(_linear_pointwise=refuses)))
    assert torch.equal(served(torch.ones(3, 24)), plain(torch.ones(3, 24)))


def test_a_saved_model_knows_nothing_of_it():
    mine, plain = pair()
    assert mine.state_dict().keys() == plain.state_dict().keys()


class _Held(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in (
        "arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"
    )]


def test_what_is_made_for_shapes_gone_by_is_not_kept():
    """Nearly every step has numbers of tokens that no step had before; all that was made for them is gigabytes."""
    mallinfo = getattr(ctypes.CDLL(None), "mallinfo2", None)  # glibc's
    if mallinfo is None:
        pytest.skip("needs glibc 2.33")
    mallinfo.restype = _Held

    def held():
        found = mallinfo()
        return found.uordblks + found.hblkhd

    weight, rows = torch.randn(384, 384), torch.randn(512, 384)

    def grows(first, last):
        before = held()
        for count in range(first, last):
            product(rows[:count], weight)
        return held() - before

    grows(100, 200)  # as many as are kept, and more
    assert grows(200, 400) < 200 * 50_000  # each new shape takes half a megabyte while it is kept
