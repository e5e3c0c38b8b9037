"""Half precision: the matrix products of a training's passes, forward and backward, on numbers of 16 bits (bfloat16)."""

import time
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

import torch

from core.forward.hooks import takes_rows
from core.forward.linear import available, product

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

#: Of matrices by which a processor is tried, how often each way, and how much quicker the half one must be: with units for it
#: it is twice as quick, and without them many times slower.
_SIZE, _TIMES, _QUICKER = 512, 7, 1.2


def can_halve(model: "SentenceTransformer") -> bool:
    """Whether half precision makes a step of ``model`` quicker where it is. On a CPU only with packed rows: torch's own
    attention takes several times as long in it."""
    if model.device.type == "cuda":
        made_for_it: bool = torch.cuda.is_bf16_supported(including_emulation=False)
        return made_for_it
    return model.device.type == "cpu" and takes_rows(model) and _is_quicker()


def halve(model: "SentenceTransformer") -> None:
    """Let ``model``'s forward passes run in half precision while it is in training; what it is asked otherwise, as by a check,
    it answers in float32. The weights stay as they are, and so do the vectors that it gives back.

    Replaces ``model.forward`` on this object. Where a part of a pass wants float32 is torch's own choice (autocast).
    """
    whole = model.forward

    def forward(features: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        with torch.autocast(model.device.type, torch.bfloat16, enabled=model.training):
            features = whole(features, **kwargs)
        features["sentence_embedding"] = features["sentence_embedding"].float()
        return features

    model.forward = forward  # type: ignore[method-assign, assignment]  # on this object, as the docstring says


@cache
def _is_quicker() -> bool:
    """Whether this processor multiplies halves quicker: tried, as what it says of itself does not tell."""
    one, other = torch.randn(2, _SIZE, _SIZE).unbind()
    half_one, half_other = one.bfloat16(), other.bfloat16()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # whose time on the processor is known, whatever else the machine does
    try:
        whole = _seconds(lambda: (product if available() else torch.nn.functional.linear)(one, other))
        return whole > _QUICKER * _seconds(lambda: torch.nn.functional.linear(half_one, half_other))
    finally:
        torch.set_num_threads(threads)


def _seconds(multiply: Callable[[], Any]) -> float:
    """Of this thread on the processor, the least of some tries: the first one makes things ready."""
    tries = []
    for _ in range(_TIMES):
        begin = time.thread_time()
        multiply()
        tries.append(time.thread_time() - begin)
    return min(tries)
