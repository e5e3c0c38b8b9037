"""Looking words up in the model's table so that the backward pass touches only the rows that a batch used.

The library's own look-up makes a gradient as large as the table (47 MB for the built-in model) anew for each call, most
of it zeros: a tenth of a training step. Here one buffer serves all steps, and only the rows of the last step are cleared.
"""

from typing import Any

import torch
from torch import Tensor, nn

from core.forward.linear import apply


class WordTable:
    """The look-up of one model's ``nn.Embedding`` on a CPU.

    The gradient is added to ``weight.grad`` during the backward pass itself, which gradient hooks (of distributed
    training) do not see; ``torch.distributed`` must not be in use.
    """

    def __init__(self, embedding: nn.Embedding):
        self.embedding = embedding
        self._buffer: Tensor | None = None
        self._used: list[Tensor] = []

    def __call__(self, ids: Tensor) -> Tensor:
        """The vectors [tokens, width] of ``ids`` (int64 [tokens])."""
        weight = self.embedding.weight
        if not (torch.is_grad_enabled() and weight.requires_grad):
            return nn.functional.embedding(ids, weight)
        return apply(_LookUp, weight, ids, self)

    def add_gradient(self, ids: Tensor, gradient: Tensor) -> None:
        """Add ``gradient`` [tokens, width] to the rows ``ids`` of the table's gradient."""
        weight = self.embedding.weight
        if weight.grad is None:  # the first backward pass since the optimizer's step
            if self._buffer is None:
                self._buffer = torch.zeros_like(weight)
            for rows in self._used:
                self._buffer[rows] = 0
            self._used = []
            weight.grad = self._buffer
        weight.grad.index_add_(0, ids, gradient)
        if self.embedding.padding_idx is not None:
            weight.grad[self.embedding.padding_idx] = 0
        self._used.append(ids)


class _LookUp(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, weight: Tensor, ids: Tensor, table: WordTable) -> Tensor:
        ctx.ids, ctx.table = ids, table
        return weight[ids]

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, None, None]:
        ctx.table.add_gradient(ctx.ids, gradient)
        return None, None, None
