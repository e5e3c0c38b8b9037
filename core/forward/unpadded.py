"""Forward passes without padding on a GPU: the real tokens of a batch in one row, and attention inside each text by the
kernels of torch that take rows of texts of any length.

The same hooks as ``packing``, which does it for CPUs. What is worked out of a batch's lengths is worked out on the card, and
nothing is asked of it: the processor can go on to the next step while the card is at work.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from core.forward.hooks import choose_attention, first_position, takes_rows

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

_NAME = "workbench_unpadded"
#: The kernel for half precision wants a card of this compute capability or later, and heads of a width it can divide by this.
_FLASH_CAPABILITY, _WIDTH = (8, 0), 8


@dataclass(frozen=True)
class Row:
    """The real tokens of a padded batch, text by text.

    Attributes:
        places: int64 [tokens], where in the flattened batch each is.
        text, position: int64 [tokens], which text each is of, and where in it.
        starts: int32 [texts + 1], where in the row each text begins, and the row ends.
        longest: tokens of the longest text.
    """

    places: Tensor
    text: Tensor
    position: Tensor
    starts: Tensor
    longest: int


def make_row(mask: Tensor, lengths: np.ndarray | None = None) -> Row:
    """The row of a batch with this attention mask (1 for a token, 0 for padding: [texts, longest]).

    Args:
        lengths: int64, how many tokens each text has, where that is known: else the card is asked and waited for.
    """
    long = mask.sum(dim=1)
    if lengths is None or len(lengths) != len(mask):  # a loss may have given a part of the batch alone
        lengths = long.cpu().numpy()
    total = int(lengths.sum())
    starts = nn.functional.pad(long.cumsum(0), (1, 0))
    text = torch.repeat_interleave(torch.arange(len(mask), device=mask.device), long, output_size=total)
    places = torch.argsort(mask.flatten(), descending=True, stable=True)[:total]  # padding may be on either side
    position = torch.arange(total, device=mask.device) - starts[text]
    return Row(places, text, position, starts.to(torch.int32), int(lengths.max()))


def can_unpad(model: "SentenceTransformer") -> bool:
    """Whether the model is on a GPU, each of its parts is known to work on a row without padding, and the kernels take its
    heads: torch does not promise to keep them, nor how they are called, so they are tried once."""
    if model.device.type != "cuda" or not takes_rows(model):
        return False
    first: Any = model[0]
    heads = first.auto_model.config.num_attention_heads
    width = first.auto_model.config.hidden_size // heads
    return width % _WIDTH == 0 and _is_right(heads, width)


def unpad(model: "SentenceTransformer") -> None:
    """Let ``model``'s forward passes on a GPU, in training and without gradients, leave padding out.

    Replaces ``model.forward`` on this object, which is where the library's own wrapper losses hook in too. After it
    only ``sentence_embedding`` is there in the features that the model gives back.
    """
    whole: Callable[..., dict[str, Any]] = model.forward
    first: Any = model[0]
    choose_attention(model, _NAME, unpadded_attention, "row")
    begin = first_position(first.auto_model.config)

    def forward(features: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        if "sentence_embedding" in features:  # see read_together
            return features
        row = make_row(features["attention_mask"], features.get("lengths"))
        rest = {key: value for key, value in features.items() if not isinstance(value, Tensor)}
        packed: dict[str, Any] = {
            "input_ids": features["input_ids"].flatten()[row.places][None], "position_ids": row.position[None] + begin,
            "cu_seq_lens_q": row.starts, "seq_idx": row.text[None], "row": row,
        }
        features["sentence_embedding"] = whole({**rest, **packed}, **kwargs)["sentence_embedding"]
        return features

    model.forward = forward  # type: ignore[method-assign, assignment]  # on this object, as the docstring says


def read_together(model: nn.Module, sides: Sequence[dict[str, Any]]) -> None:
    """Read all sides of a batch in one pass of an unpadded ``model``, which finds each text's vector in the features of its
    side when a loss asks for it. What a pass costs the processor, however short its texts, is most of a step on a quick card."""
    widest = max(side["input_ids"].shape[1] for side in sides)

    def joined(name: str) -> Tensor:
        return torch.cat([nn.functional.pad(side[name], (0, widest - side[name].shape[1])) for side in sides])

    features = {"input_ids": joined("input_ids"), "attention_mask": joined("attention_mask")}
    lengths = np.concatenate([side["lengths"] for side in sides])
    vectors = model({**features, "lengths": lengths})["sentence_embedding"]
    for side, own in zip(sides, vectors.split([len(side["lengths"]) for side in sides]), strict=True):
        side["sentence_embedding"] = own


def is_unpadded(model: "SentenceTransformer") -> bool:
    """Whether ``unpad`` was called on the model, which then reads a batch's ``lengths``."""
    config = getattr(getattr(model[0], "auto_model", None), "config", None)
    return getattr(config, "_attn_implementation", None) == _NAME


def unpadded_attention(
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None, *, row: Row,
    scaling: float, dropout: float = 0.0, **kwargs: Any,
) -> tuple[Tensor, None]:
    """Attention inside each text of a row: [1, heads, tokens, width] each, to [1, tokens, heads, width]."""
    q, k, v = (side[0].transpose(0, 1) for side in (query, key, value))  # [tokens, heads, width]
    return attend(q, k, v, row, scaling, dropout)[None], None


def attend(query: Tensor, key: Tensor, value: Tensor, row: Row, scaling: float, dropout: float) -> Tensor:
    """[tokens, heads, width] each, and so is the result. By what torch's own attention of nested tensors calls, without the
    many small steps that those take to make."""
    starts, longest = row.starts, row.longest
    if query.dtype != torch.float32 and torch.cuda.get_device_capability(query.device) >= _FLASH_CAPABILITY:
        found = torch.ops.aten._flash_attention_forward(
            query, key, value, starts, starts, longest, longest, dropout, False, False, scale=scaling
        )
        mixed: Tensor = found[0]
        return mixed
    found = torch.ops.aten._efficient_attention_forward(
        query[None], key[None], value[None], None, starts, starts, longest, longest, dropout, 0, torch.is_grad_enabled(),
        scale=scaling,
    )
    mixed = found[0][0]
    return mixed


@cache
def _is_right(heads: int, width: int) -> bool:
    """Whether results and gradients are those of torch's attention to one text at a time, up to rounding."""
    try:
        return all(_agree(heads, width, dtype, near) for dtype, near in ((torch.float32, 1e-3), (torch.float16, 3e-2)))
    except Exception:  # in whichever way another torch, or another card, refuses
        return False


def _agree(heads: int, width: int, dtype: torch.dtype, near: float) -> bool:
    lengths = torch.tensor((3, 17, 1), device="cuda")
    row = make_row(torch.arange(17, device="cuda") < lengths[:, None])
    draw = torch.Generator("cuda").manual_seed(0)
    query, key, value, goal = torch.randn(4, len(row.text), heads, width, generator=draw, device="cuda").to(dtype).unbind()
    sides = [side.requires_grad_() for side in (query, key, value)]
    ours, theirs = attend(query, key, value, row, 0.3, 0.0), attend_one_by_one(query, key, value, row, 0.3, 0.0)
    gradients = zip(torch.autograd.grad(ours, sides, goal), torch.autograd.grad(theirs, sides, goal), strict=True)
    return all(torch.allclose(one, other, near, near) for one, other in [(ours, theirs), *gradients])


def attend_one_by_one(query: Tensor, key: Tensor, value: Tensor, row: Row, scaling: float, dropout: float) -> Tensor:
    """``attend``, slowly and anywhere: torch's own attention to one text after another."""
    lengths = row.starts.diff().tolist()
    parts = zip(*(torch.split(side.transpose(0, 1), lengths, dim=1) for side in (query, key, value)), strict=True)
    mixed = [
        nn.functional.scaled_dot_product_attention(q[None], k[None], v[None], dropout_p=dropout, scale=scaling)[0]
        for q, k, v in parts
    ]
    return torch.cat(mixed, dim=1).transpose(0, 1)
