"""Which of the ways to make a model's forward passes quicker is taken: by where the model is, and of what kind."""

from typing import TYPE_CHECKING

from core.forward.buckets import split_by_length
from core.forward.linear import replace_linear
from core.forward.packing import can_pack, pack
from core.forward.unpadded import can_unpad, unpad

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


def speed_up(model: "SentenceTransformer") -> None:
    """Let ``model``'s forward passes, in training and without gradients, waste little on padding.

    On a CPU and on a GPU of NVIDIA's without any where the model's type allows it; on a CPU else in pieces of like length.
    Replaces ``model.forward`` on this object, which is where the library's own wrapper losses hook in too. After it only
    ``sentence_embedding`` is there in the features that the model gives back.
    """
    if model.device.type == "cpu":
        replace_linear(model)
        if can_pack(model):
            pack(model)
        else:
            split_by_length(model)
    elif can_unpad(model):
        unpad(model)
