"""Dropout whose random numbers cost little: torch draws one number an element on a CPU, a seventh of a training step.

Here one 64-bit number serves four elements, 16 bits each, so the chance to drop is exact to 1/65,536. The generator
(SFC64) is seeded by torch's own for each mask: the same torch seed gives the same masks, and a loss that runs a batch
twice with torch's state put back (the cached one) gets the same masks twice.
"""

import numpy as np
import torch
from torch import Tensor, nn


def draw_seed() -> int:
    """A seed for ``keep_mask`` from torch's own generator."""
    return int(torch.randint(2**62, ()))


def keep_mask(shape: torch.Size, share_dropped: float, seed: int) -> Tensor:
    """Float32 of ``shape``: 0 with probability ``share_dropped``, else 1 / (1 - share_dropped)."""
    count = shape.numel()
    bits = np.random.SFC64(seed).random_raw((count + 3) // 4).view(np.uint16)[:count]
    mask = torch.from_numpy((bits >= round(share_dropped * 65536)).view(np.uint8)).to(torch.float32)
    return mask.mul_(1 / (1 - share_dropped)).view(shape)


class Dropout(nn.Dropout):
    """``nn.Dropout`` with ``keep_mask``."""

    def forward(self, input: Tensor) -> Tensor:
        if not self.training or self.p == 0 or input.device.type != "cpu":
            return super().forward(input)
        return input * keep_mask(input.shape, self.p, draw_seed())


def replace_dropout(model: nn.Module) -> None:
    """Put ``Dropout`` in the place of every ``nn.Dropout`` in ``model``."""
    for module in list(model.modules()):
        for name, child in module.named_children():
            if type(child) is nn.Dropout:
                setattr(module, name, Dropout(child.p).train(child.training))
