"""Gradients of a loss, and whether two ways to work them out agree."""

from collections.abc import Mapping

import torch
from sentence_transformers.sentence_transformer import losses


def of_loss(model, loss_class, sides) -> dict[str, torch.Tensor]:
    """The gradient of each weight that the loss of these features reaches; a cached loss takes them in parts."""
    options = {"mini_batch_size": 5} if loss_class is losses.CachedMultipleNegativesRankingLoss else {}
    loss_class(model, **options)(sides, None).backward()
    return {name: weight.grad for name, weight in model.named_parameters() if weight.grad is not None}


def assert_same(found: Mapping[str, torch.Tensor], plain: Mapping[str, torch.Tensor]) -> None:
    """The same weights have the same gradients, up to rounding."""
    assert found.keys() == plain.keys()
    for name, gradient in plain.items():
        torch.testing.assert_close(found[name], gradient, atol=1e-5, rtol=1e-3, msg=name)
