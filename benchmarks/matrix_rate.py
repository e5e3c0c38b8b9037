"""The machine's float32 matrix rate, and how much of it a training step needs."""

import statistics
import time
from collections.abc import Callable

SIZE, REPETITIONS = 2048, 7


def matrix_rate(clock: Callable[[], float] = time.perf_counter) -> float:
    """Floating-point operations a second of a product of two 2,048 x 2,048 float32 matrices, with torch's threads: the
    faster of the libraries that torch brings (its usual one and oneDNN), the median of some repetitions."""
    import torch

    from core.forward.linear import available, product

    one, other = torch.randn(SIZE, SIZE), torch.randn(SIZE, SIZE)
    ways: list[Callable] = [torch.mm]
    if available():
        ways.append(product)
    return max(_rate(way, one, other, clock) for way in ways)


def _rate(multiply: Callable, one, other, clock: Callable[[], float]) -> float:
    seconds = []
    for _ in range(REPETITIONS + 1):
        start = clock()
        multiply(one, other)
        seconds.append(clock() - start)
    return 2 * SIZE**3 / statistics.median(seconds[1:])


def training_flops(model, lengths) -> float:
    """Operations of a training step's products on texts of these ``lengths`` (tokens), padding not counted.

    Forward 2 a weight and token, backward twice that; attention 4 a token, other token, width and layer (Kaplan et al.
    2020, arXiv 2001.08361, table 1), and again twice that backward.
    """
    from torch import nn

    backbone = model[0].auto_model
    layers = [part for part in backbone.encoder.modules() if isinstance(part, nn.Linear)]
    weights = sum(layer.weight.numel() for layer in layers)
    config = backbone.config
    attention = 4 * config.num_hidden_layers * config.hidden_size * float((lengths**2).sum())
    return 3 * (2 * weights * float(lengths.sum()) + attention)
