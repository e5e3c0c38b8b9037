"""The loss that a recipe names."""

from typing import TYPE_CHECKING

from sentence_transformers.sentence_transformer import losses
from torch import nn

from core.errors import WorkbenchError
from core.recipe import Recipe, chosen
from core.training.checks import dimensions
from core.training.processes import world

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

#: Losses in which the other answers of a batch count as wrong ones.
RANKING = ("MultipleNegativesRanking", "CachedMultipleNegativesRanking")
#: Rows that a cached loss holds activations for at a time; more rows cost no more memory.
_CACHED_ROWS = 32


def make_loss(model: "SentenceTransformer", recipe: Recipe) -> nn.Module:
    """The recipe's loss, inside Matryoshka where it asks for shorter vectors.

    Where several processes share a batch, the ranking losses compare with the answers of all of them, so that the batch
    counts as one; the other losses compare only inside each share.

    Raises:
        WorkbenchError: a Matryoshka dimension is longer than the model's vectors.
    """
    loss: nn.Module
    match recipe.loss:
        case "MultipleNegativesRanking":
            loss = losses.MultipleNegativesRankingLoss(
                model, scale=chosen(recipe.scale), gather_across_devices=world() > 1
            )
        case "CachedMultipleNegativesRanking":
            loss = losses.CachedMultipleNegativesRankingLoss(
                model, scale=chosen(recipe.scale), mini_batch_size=_CACHED_ROWS, gather_across_devices=world() > 1
            )
        case "CoSENT":
            loss = losses.CoSENTLoss(model, scale=chosen(recipe.scale))
        case "AnglE":
            loss = losses.AnglELoss(model, scale=chosen(recipe.scale))
        case "OnlineContrastive":
            loss = losses.OnlineContrastiveLoss(model)
        case _:
            raise WorkbenchError("The run does not say which loss to use.", "", "Start a new run from the pairs.")
    if not recipe.matryoshka_dims:
        return loss
    full = dimensions(model)
    if max(recipe.matryoshka_dims) > full:
        raise WorkbenchError(
            f"The Matryoshka dimension {max(recipe.matryoshka_dims)} is longer than the model's vectors.",
            f"This model makes {full} numbers a text.", f"Use dimensions up to {full}.",
        )
    return losses.MatryoshkaLoss(model, loss, sorted({full, *recipe.matryoshka_dims}, reverse=True))
