"""Forward passes without padding on a CPU: the real tokens of a batch in one row, so that each weight is used once.

Built on the libraries' own hooks (``hooks``). Texts of about one length attend together; everything else in the model works
on single tokens and needs no padding. Exact: each text's vector and each weight's gradient are
what one padded pass gives, up to rounding (and the random numbers of dropout).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from core.forward.buckets import plan_pieces
from core.forward.dropout import draw_seed, keep_mask, replace_dropout
from core.forward.hooks import choose_attention, first_position, takes_rows
from core.forward.linear import apply
from core.forward.wordtable import WordTable

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

_NAME = "workbench_packed"
#: Real tokens of one pass at most: more bring no speed (measured up to 16,384), and memory grows with them.
TOKENS = 2048
#: Padded tokens that attend together at most, and what one more group costs, in tokens. Guesses that served; unlike the
#: same figures of ``buckets`` they were not tuned: padding costs little here, as only the attention sees it.
GROUP_TOKENS, GROUP_COST = 2048, 40
#: Up to this length in tokens the attention weights are kept for the backward pass, with what is dropped of them: half of what
#: a feed-forward layer keeps a token, each.
KEPT_LENGTH = 64
#: Up to this length texts attend by matrix products where nothing is dropped, if there are several threads: torch's own
#: attention, which needs no memory for weights, hardly uses a second one (32 tokens: 3.6 ms against 1.6, 128: 17 against 14).
PRODUCTS_LENGTH = 128


@dataclass(frozen=True)
class Group:
    """Neighbouring texts of a packed row that attend together.

    Attributes:
        tokens: which tokens of the row these are.
        texts, length: how many texts, padded to how many tokens.
        places: int64 [texts * length]: the token of the row for each place (any token where a place is padding), and
            ``real``: int64, the places that are not padding, in order. None for both where no place is padding.
        mask: float32 [texts, 1, 1, length], minus infinity at padding; None where there is none.
    """

    tokens: slice
    texts: int
    length: int
    places: Tensor | None = None
    real: Tensor | None = None
    mask: Tensor | None = None


def can_pack(model: "SentenceTransformer") -> bool:
    """Whether the model is on a CPU, alone, and each of its parts is known to work on a packed row."""
    alone = not (torch.distributed.is_available() and torch.distributed.is_initialized())
    return takes_rows(model) and alone and model.device.type == "cpu"


def pack(model: "SentenceTransformer") -> None:
    """Let the passes of a model that ``can_pack`` allows run on packed rows."""
    whole: Callable[..., dict[str, Any]] = model.forward
    first: Any = model[0]
    backbone = first.auto_model
    replace_dropout(backbone)
    choose_attention(model, _NAME, packed_attention, "groups")
    offset = first_position(backbone.config)
    table = WordTable(backbone.get_input_embeddings())

    def forward(features: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        ids, mask = features["input_ids"], features["attention_mask"].bool()
        lengths = mask.sum(dim=1)
        vectors, order = [], torch.argsort(lengths, stable=True)
        rest = {key: value for key, value in features.items() if not isinstance(value, Tensor)}
        for rows in _passes(order, lengths):
            long = lengths[rows]
            starts = nn.functional.pad(long.cumsum(0), (1, 0))
            packed: dict[str, Any] = {
                "inputs_embeds": table(ids[rows][mask[rows]])[None],
                "position_ids": torch.arange(int(starts[-1]))[None] - torch.repeat_interleave(starts[:-1], long) + offset,
                "cu_seq_lens_q": starts, "groups": make_groups(long),
            }
            vectors.append(whole({**rest, **packed}, **kwargs)["sentence_embedding"])
        features["sentence_embedding"] = torch.cat(vectors)[torch.argsort(order)]
        return features

    model.forward = forward  # type: ignore[method-assign, assignment]  # on this object, as the docstring says


def _passes(order: Tensor, lengths: Tensor) -> list[Tensor]:
    """``order`` cut so that each part has at most ``TOKENS`` tokens (or one row)."""
    parts, start, total = [], 0, 0
    for at, length in enumerate(lengths[order].tolist()):
        if total + length > TOKENS and at > start:
            parts.append(order[start:at])
            start, total = at, 0
        total += length
    return [*parts, order[start:]]


def make_groups(lengths: Tensor) -> list[Group]:
    """The groups of texts with these lengths (int64, shortest first), packed in this order."""
    groups, begin = [], 0
    for rows in plan_pieces(lengths, GROUP_TOKENS, GROUP_COST):
        long = lengths[rows]
        total, most = int(long.sum()), int(long[-1])
        tokens = slice(begin, begin + total)
        begin += total
        if total == len(rows) * most:
            groups.append(Group(tokens, len(rows), most))
            continue
        place = torch.arange(most)
        padding = place >= long[:, None]
        starts = long.cumsum(0) - long
        places = (starts[:, None] + place.where(~padding, 0)).flatten()
        mask = torch.zeros(len(rows), 1, 1, most).masked_fill_(padding[:, None, None], -torch.inf)
        groups.append(Group(tokens, len(rows), most, places, (~padding).flatten().nonzero()[:, 0], mask))
    return groups


def packed_attention(
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None, *, groups: list[Group],
    scaling: float, dropout: float = 0.0, **kwargs: Any,
) -> tuple[Tensor, None]:
    """Attention inside each text of a packed row: [1, heads, tokens, width] each, to [1, tokens, heads, width]."""

    with torch.autocast("cpu", enabled=False):  # torch's attention takes six times as long in half precision here
        q, k, v = (side[0].transpose(0, 1).float() for side in (query, key, value))  # [tokens, heads, width]
        found = [_attend(q[group.tokens], k[group.tokens], v[group.tokens], group, scaling, dropout) for group in groups]
    return torch.cat(found)[None], None


class _Spread(torch.autograd.Function):
    """Tokens [tokens, ...] to places [places, ...]. Padding has no part in the result, so its gradient is 0."""

    @staticmethod
    def forward(ctx: Any, tokens: Tensor, group: Group) -> Tensor:
        assert group.places is not None  # see _attend
        ctx.group = group
        return tokens.index_select(0, group.places)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return gradient.index_select(0, ctx.group.real), None


class _Gather(torch.autograd.Function):
    """Places [places, ...] back to tokens [tokens, ...]."""

    @staticmethod
    def forward(ctx: Any, places: Tensor, group: Group) -> Tensor:
        assert group.real is not None  # see _attend
        ctx.group = group
        return places.index_select(0, group.real)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        group = ctx.group
        zeros = gradient.new_zeros(len(group.places), *gradient.shape[1:])
        return zeros.index_copy_(0, group.real, gradient), None


class _Attention(torch.autograd.Function):
    """softmax(query keyᵀ scaling + mask), some of it dropped if so wished, times value: [texts, heads, length, width] each.

    The weights [texts, heads, length, length] of long texts are made again in the backward pass. Kept for it they are much
    of a step's memory: 5.5 GB instead of 3.6 in all with 64 medical answers a step (measured).
    """

    @staticmethod
    def forward(
        ctx: Any, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, scaling: float, dropout: float, seed: int
    ) -> Tensor:
        # Each is read by several products, which would each lay it out anew.
        query, key, value = query.contiguous(), key.contiguous(), value.contiguous()
        ctx.settings = mask, scaling, dropout, seed
        weights, keep = _weights(query, key, *ctx.settings)
        if keep is None or query.shape[2] <= KEPT_LENGTH:
            ctx.save_for_backward(query, key, value, weights, keep)
            return torch.matmul(weights if keep is None else weights * keep, value)
        ctx.save_for_backward(query, key, value)
        return torch.matmul(weights.mul_(keep), value)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        query, key, value, *kept = ctx.saved_tensors
        scaling = ctx.settings[1]
        weights, keep = kept or _weights(query, key, *ctx.settings)
        gradient = gradient.contiguous()
        to_value = torch.matmul((weights if keep is None else weights * keep).transpose(2, 3), gradient)
        to_weights = torch.matmul(gradient, value.transpose(2, 3))
        if keep is not None:
            to_weights.mul_(keep)
        # The softmax's own gradient: weights (g - sum of g weights).
        to_scores = to_weights.sub_((to_weights * weights).sum(dim=-1, keepdim=True)).mul_(weights).mul_(scaling)
        return torch.matmul(to_scores, key), torch.matmul(to_scores.transpose(2, 3), query), to_value, *[None] * 4


def _weights(
    query: Tensor, key: Tensor, mask: Tensor | None, scaling: float, dropout: float, seed: int
) -> tuple[Tensor, Tensor | None]:
    """The attention weights, and which of them are kept (times what makes up for the others); None for all."""
    scores = torch.matmul(query, key.transpose(2, 3)).mul_(scaling)
    if mask is not None:
        scores += mask
    return scores.softmax(dim=-1), keep_mask(scores.shape, dropout, seed) if dropout else None


def _attend(query: Tensor, key: Tensor, value: Tensor, group: Group, scaling: float, dropout: float) -> Tensor:
    """The attention of one group: [tokens, heads, width] each, and so is the result."""
    heads, width = query.shape[1:]

    def spread(side: Tensor) -> Tensor:
        placed = side if group.places is None else apply(_Spread, side, group)
        return placed.view(group.texts, group.length, heads, width).transpose(1, 2)

    query, key, value = spread(query), spread(key), spread(value)
    if dropout or (group.length <= PRODUCTS_LENGTH and torch.get_num_threads() > 1):
        seed = draw_seed() if dropout else 0
        mixed = apply(_Attention, query, key, value, group.mask, scaling, dropout, seed)
    else:
        mixed = nn.functional.scaled_dot_product_attention(query, key, value, group.mask, scale=scaling)
    mixed = mixed.transpose(1, 2).reshape(-1, heads, width)
    return mixed if group.real is None else apply(_Gather, mixed, group)
