"""Linear layers by oneDNN on a CPU: the matrix library that torch uses otherwise leaves the wide vector units of some
processors idle. On an AMD EPYC with AVX-512 the products of a training step are 1.8 to 2.3 times as fast (measured).

The same sums in another order: results and gradients equal ``nn.Linear``'s up to rounding, in the same float32.
"""

import os
from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

#: oneDNN and what joins torch to it each keep what they have made for a product's shape, 1,024 shapes unless told otherwise.
#: Texts packed without padding make new shapes at nearly every step, a quarter to half a megabyte each: training and
#: encoding grew by two gigabytes. Made anew, one costs half a millisecond (measured); more than a step's are not kept.
_KEPT_SHAPES = {"ONEDNN_PRIMITIVE_CACHE_CAPACITY": "64", "LRU_CACHE_CAPACITY": "64"}


class Linear(nn.Linear):
    """``nn.Linear`` whose products, forward and backward, are oneDNN's where it is on a CPU in float32."""

    def forward(self, input: Tensor) -> Tensor:
        if input.device.type != "cpu" or input.dtype != torch.float32 or torch.is_autocast_enabled("cpu"):
            return super().forward(input)
        return apply(_Linear, input, self.weight, self.bias)


def apply(function: type[torch.autograd.Function], *arguments: Any) -> Tensor:
    """The result of a function with a backward pass of its own."""
    call: Callable[..., Tensor] = function.apply
    return call(*arguments)


class _Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(input, weight)
        return product(input, weight, bias)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        input, weight = ctx.saved_tensors
        for_input, for_weight, for_bias = ctx.needs_input_grad
        rows = gradient.reshape(-1, gradient.shape[-1])
        return (
            product(gradient, weight.t()) if for_input else None,
            product(rows.t(), input.reshape(-1, input.shape[-1]).t()) if for_weight else None,
            rows.sum(dim=0) if for_bias else None,
        )


def product(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """input [..., in] times weight [out, in] transposed, plus bias [out]: [..., out], by oneDNN; by torch's own library where
    that refuses, as it does where memory is short, without saying so."""
    try:
        return _product(input, weight, bias)
    except RuntimeError:
        return nn.functional.linear(input, weight, bias)


def _product(input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    output: Tensor = torch.ops.mkldnn._linear_pointwise(input, weight, bias, "none", [], "")
    return output


@cache
def available() -> bool:
    """Whether this torch can do it: torch does not promise to keep the operator, nor how it is called, so it is tried once."""
    for name, value in _KEPT_SHAPES.items():  # read at the first product
        os.environ.setdefault(name, value)
    try:
        there: bool = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]  # torch's own, without types
        return there and _is_right()
    except Exception:  # in whichever way another torch refuses
        return False


def _is_right() -> bool:
    """Whether small products are torch's own up to rounding: laid out in rows, transposed, with and without a bias."""
    draw = torch.Generator().manual_seed(0)
    weight, bias = torch.randn(8, 6, generator=draw), torch.randn(8, generator=draw)
    inputs = torch.randn(2, 5, 6, generator=draw), torch.randn(6, 5, generator=draw).t()
    return all(
        torch.allclose(_product(input, weight, added), nn.functional.linear(input, weight, added), rtol=1e-4, atol=1e-4)
        for input in inputs for added in (bias, None)
    )


def replace_linear(model: nn.Module) -> None:
    """Let every ``nn.Linear`` in ``model`` compute as ``Linear``; its weights stay the very same tensors."""
    if available():
        for module in model.modules():
            if type(module) is nn.Linear:
                module.__class__ = Linear
