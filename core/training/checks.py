"""Held-out checks: what the base scores, what each check scores, and which weights were the best so far."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch
from sentence_transformers.util import batch_to_device

from core.evaluation.comparison import pool_for
from core.evaluation.scores import Scores, score
from core.models import ModelRef, describe
from core.models.cache import EmbeddingCache
from core.recipe import Recipe
from core.training.tokens import Collator, tokenise
from core.workspace import Workspace

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

#: The answers of this many training rows join the pool, or a tenth of the rows where that is more, up to the second
#: figure: a check must stay cheap beside a pass.
POOL_ROWS = (2_000, 10_000)
#: Texts that are padded and sent through the model together (which splits them by length).
_AT_ONCE = 256


@dataclass
class Progress:
    """What the checks have found; part of a checkpoint.

    Attributes:
        base: the base model's scores.
        best: the best tuned scores so far, and the step they belong to (0: none yet).
        since_best: checks in a row that were no better.
        seconds: time spent in training steps.
        leg, before: which of the run's trainings this is, and how many steps there were before it.
    """

    base: Scores | None = None
    best: Scores | None = None
    best_step: int = 0
    since_best: int = 0
    seconds: float = 0.0
    leg: int = 1
    before: int = 0


class HeldOut:
    """The held-out questions and the answers they are asked of, tokenised once.

    ``tokens`` is how many there are, ``about`` what a check's event says besides its figures. Without held-out rows the
    pool is made of training pairs (``evidence`` says so); it serves the final report only.
    """

    def __init__(self, model: "SentenceTransformer", held_out: pd.DataFrame, train: pd.DataFrame, seed: int):
        rows = max(POOL_ROWS[0], min(POOL_ROWS[1], len(train) // 10))
        some = train if len(train) <= rows else train.sample(rows, random_state=seed)
        self.pool, self.evidence = pool_for(held_out, pd.concat([held_out, some], ignore_index=True))
        self._tokens = tokenise(model, [*self.pool.queries, *self.pool.corpus]).to_pylist()
        self._collator = Collator(model)
        self.tokens = sum(map(len, self._tokens))
        self.about: dict[str, int] = {}

    def vectors(
        self, model: "SentenceTransformer", progress: Callable[[int, int], None] | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """The vectors (float32) of the pool's questions and answers under ``model`` as it is now; ``progress`` is called with
        texts done and texts in all."""
        order = np.argsort([len(row) for row in self._tokens], kind="stable")
        found = np.zeros((len(order), dimensions(model)), dtype=np.float32)
        was_training = model.training
        model.eval()
        with torch.inference_mode():
            for start in range(0, len(order), _AT_ONCE):
                at = order[start : start + _AT_ONCE]
                features = self._collator.pad([self._tokens[i] for i in at])
                vectors = model(batch_to_device(features, model.device))["sentence_embedding"]
                found[at] = vectors.float().cpu().numpy()
                if progress is not None:
                    progress(start + len(at), len(order))
        model.train(was_training)
        return found[: len(self.pool.queries)], found[len(self.pool.queries) :]

    def vectors_before(
        self, model: "SentenceTransformer", base: ModelRef, workspace: Workspace,
        progress: Callable[[int, int], None] | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """The vectors under ``model``, which is still ``base``. Those that the workspace has already (the near-duplicates of
        the Pairs tab need them) are taken from there, where both read as much of every text."""
        own = describe(base).max_tokens
        limit = model.max_seq_length or own
        if own == limit or max(map(len, self._tokens)) < min(own, limit):
            texts = [*self.pool.queries, *self.pool.corpus]
            known = EmbeddingCache(workspace.cache / "embeddings", base.digest).get(texts)
            if all(text in known for text in texts):
                found = np.stack([known[text] for text in texts])
                return found[: len(self.pool.queries)], found[len(self.pool.queries) :]
        return self.vectors(model, progress)

    def check(self, model: "SentenceTransformer", step: int) -> Scores:
        """The figures of ``model`` after ``step``."""
        return self.scores(self.vectors(model))

    def scores(self, vectors: tuple[np.ndarray, np.ndarray]) -> Scores:
        """The figures of a check."""
        return score(*vectors, self.pool)


def dimensions(model: "SentenceTransformer") -> int:
    """How many numbers a text's vector has."""
    found = model.get_embedding_dimension()
    assert found is not None  # the library's parts all say it
    return found


def value(scores: Scores, base: Scores | None, recipe: Recipe) -> float:
    """What checks are compared by: ndcg@10; where scores count, also how far matching and unrelated texts are apart,
    unless the ranking falls below the base's for it."""
    if recipe.goal != "scores":
        return scores["ndcg@10"]
    lost = base is not None and scores["ndcg@10"] < base["ndcg@10"]
    return scores["ndcg@10"] + scores["matched"] - (scores["mismatched"] or 0.0) - (10.0 if lost else 0.0)


@dataclass
class Best:
    """Keeps the weights of the best check in memory, where they are wanted; a checkpoint brings them to disk."""

    recipe: Recipe
    progress: Progress
    weights: dict[str, torch.Tensor] | None = field(default=None, repr=False)
    keeps: bool = True

    def value(self, scores: Scores) -> float:
        """What checks are compared by."""
        return value(scores, self.progress.base, self.recipe)

    def offer(self, step: int, scores: Scores, model: "SentenceTransformer") -> bool:
        """Take the weights of ``step`` if they are the best so far; returns whether they are and the base is beaten."""
        progress = self.progress
        if progress.best is not None and not self.value(scores) > self.value(progress.best):
            progress.since_best += 1
            return False
        progress.best, progress.best_step, progress.since_best = scores, step, 0
        if self.keeps:
            self.weights = {name: tensor.detach().to("cpu", copy=True) for name, tensor in model.state_dict().items()}
        return self.beats_base

    @property
    def beats_base(self) -> bool:
        """Whether the best check is better than the base model."""
        base, best = self.progress.base, self.progress.best
        return base is not None and best is not None and self.value(best) > self.value(base)
