"""What the checks know besides the pairs: how much the model reads, and how alike it finds the texts."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from core.pairs.dataset import PairSet
from core.workspace import Workspace

if TYPE_CHECKING:
    from core.models import ModelRef

#: Counting the tokens of a million texts takes minutes; a sample says enough about how many are too long.
TOKEN_SAMPLE = 20_000
#: So many pairs are embedded for the checks on meaning, which takes seconds.
SAMPLE = 2_000


@dataclass(frozen=True)
class Context:
    """Figures from the base model; what is None is not known, and the checks that need it are skipped.

    Attributes:
        max_tokens: how many tokens of a text the model reads.
        token_lengths: ``anchor`` and ``positive``: int [n], tokens of each text before cutting; where the set is large,
            of a sample, then ``rows`` holds its row numbers.
        embeddings: ``anchor`` and ``positive``: float32 [n, d] with rows of length 1; ``rows``: their row numbers, in
            rising order; ``sampled``: whether they are only a part of the set.
        near: groups of row numbers whose questions ask nearly the same, where all rows were looked at for them.
    """

    max_tokens: int | None = None
    token_lengths: dict[str, np.ndarray] | None = None
    embeddings: dict[str, Any] | None = None
    near: tuple[tuple[int, ...], ...] | None = None


def make_context(
    pairs: PairSet,
    model: "ModelRef",
    workspace: Workspace,
    embeddings: bool,
    sample: int = SAMPLE,
    progress: Callable[[int, int], None] | None = None,
    near: tuple[tuple[int, ...], ...] | None = None,
) -> Context:
    """Ask ``model`` about the pairs.

    Args:
        embeddings: also embed the texts (imports torch; seconds to a minute), for the checks on meaning.
        sample: how many pairs to embed at most; which ones is always the same for the same number of pairs.
        progress: called with texts done and texts in all while embedding.
        near: as in ``Context``, where it is known.
    """
    from core import models

    frame = pairs.frame
    lengths = frame.iloc[_sample(len(frame), TOKEN_SAMPLE)]
    tokens = {side: models.token_lengths(model, lengths[side].tolist()) for side in ("anchor", "positive")}
    if len(lengths) < len(frame):
        tokens["rows"] = lengths["row"].to_numpy()
    vectors = None
    if embeddings and len(frame):
        part = frame.iloc[_sample(len(frame), sample)]
        texts = part["anchor"].tolist() + part["positive"].tolist()
        both = models.embed(model, texts, workspace, progress)
        vectors = {
            "anchor": both[: len(part)],
            "positive": both[len(part) :],
            "rows": part["row"].to_numpy(),
            "sampled": len(part) < len(frame),
        }
    return Context(models.describe(model).max_tokens, tokens, vectors, near)


def _sample(count: int, most: int) -> np.ndarray:
    """Positions of at most ``most`` of ``count`` rows, in rising order."""
    if count <= most:
        return np.arange(count)
    return np.sort(np.random.default_rng(0).choice(count, most, replace=False))
