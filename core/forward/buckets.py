"""Forward passes that waste little on padding: texts of about one length together, a few at a time. For the models that
``packing`` cannot serve.

Exact: each text's vector and each weight's gradient are what one padded pass gives, up to rounding (and the random
numbers of dropout). On a CPU this is 1.5 to 3 times as fast, as padding is most of a mixed batch.
"""

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

#: Padded tokens of one pass at most: small enough for the processor's cache.
TOKENS = 2048
#: What one more pass costs, in tokens: its weights' gradients are added to the others' (measured on two cores).
PASS_TOKENS = 80

#: Model types whose embedding layer is one table look-up, which can then be done once for all passes of a batch. The
#: gradient of each look-up is a dense tensor as large as the whole table (47 MB for the built-in model).
_ONE_TABLE = {"distilbert", "modernbert", "mpnet"}


def split_by_length(model: "SentenceTransformer") -> None:
    """Let ``model``'s forward passes on a CPU, in training and without gradients, run in pieces of like length.

    Replaces ``model.forward`` on this object, which is where the library's own wrapper losses hook in too. After it
    only ``sentence_embedding`` is there in the features that the model gives back.
    """
    whole = model.forward
    backbone: Any = getattr(model[0], "auto_model", None)
    config = getattr(backbone, "config", None)
    table = backbone.get_input_embeddings() if getattr(config, "model_type", None) in _ONE_TABLE else None

    def forward(features: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        ids, mask = features.get("input_ids"), features.get("attention_mask")
        if ids is None or mask is None or ids.dim() != 2 or ids.device.type != "cpu":
            return whole(features, **kwargs)
        pieces = plan_pieces(mask.sum(dim=1), TOKENS, PASS_TOKENS)
        rest = {key: value for key, value in features.items() if not isinstance(value, Tensor)}
        # Padding may be on either side: keep the columns in which some row of the piece has a token.
        kept = [mask[rows].any(dim=0) for rows in pieces]
        masks = [mask[rows][:, columns] for rows, columns in zip(pieces, kept, strict=True)]
        tokens = [ids[rows][:, columns] for rows, columns in zip(pieces, kept, strict=True)]
        if table is None:
            inputs = [{"input_ids": piece} for piece in tokens]
        else:
            looked_up = table(torch.cat([piece.reshape(-1) for piece in tokens]))
            parts = looked_up.split([piece.numel() for piece in tokens])
            inputs = [
                {"inputs_embeds": part.view(*piece.shape, -1)} for part, piece in zip(parts, tokens, strict=True)
            ]
        vectors = [
            whole({**rest, **given, "attention_mask": piece}, **kwargs)["sentence_embedding"]
            for given, piece in zip(inputs, masks, strict=True)
        ]
        back = torch.argsort(torch.cat(pieces))
        features["sentence_embedding"] = torch.cat(vectors)[back]
        return features

    model.forward = forward  # type: ignore[method-assign, assignment]  # on this object, as the docstring says


def plan_pieces(lengths: Tensor, tokens: int, piece_cost: int) -> list[Tensor]:
    """Row numbers in groups of like length, each with at most ``tokens`` padded tokens (or one row).

    Of all ways to cut the rows, in order of length, the one with the least padding and fewest pieces (each more costs
    ``piece_cost`` tokens): the best way to cut the first n rows ends with some piece, after the best way to cut those
    before it.
    """
    order = torch.argsort(lengths, stable=True)
    longest = lengths[order].tolist()
    cost, cut = [0], [0]  # of the first n rows: the least cost, and where the last piece begins
    for end in range(1, len(longest) + 1):
        least, at = cost[end - 1] + longest[end - 1], end - 1
        for start in range(end - 2, -1, -1):
            padded = (end - start) * longest[end - 1]
            if padded > tokens:
                break
            if cost[start] + padded < least:
                least, at = cost[start] + padded, start
        cost.append(least + piece_cost)
        cut.append(at)
    pieces, end = [], len(longest)
    while end > 0:
        pieces.append(order[cut[end] : end])
        end = cut[end]
    return pieces[::-1]
