"""What the models of the folds said after each pass, kept on disk until all have spoken, and which pass to believe."""

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from core.evaluation.pool import Pool
from core.evaluation.scores import Scores, score
from core.recipe import Recipe
from core.training.checks import HeldOut, value
from core.workspace import write_atomically

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


@dataclass(frozen=True)
class FoldFiles:
    """The vectors of all texts under each fold's model after each of its passes: one file each, whole or not there.

    Folds and passes count from 1.
    """

    folder: Path
    passes: int

    def write(self, fold: int, passed: int, vectors: np.ndarray) -> None:
        """Keep vectors [texts, d]."""
        self.folder.mkdir(parents=True, exist_ok=True)
        data = io.BytesIO()
        np.save(data, vectors)
        write_atomically(self._file(fold, passed), data.getvalue())

    def read(self, fold: int, passed: int) -> np.ndarray:
        """What was kept."""
        return np.asarray(np.load(self._file(fold, passed), allow_pickle=False))

    def have(self, fold: int, passed: int | None = None) -> bool:
        """Whether all passes of ``fold`` up to ``passed`` (None: all) are there. A copy on S3 may lack any of them."""
        return all(self._file(fold, one).is_file() for one in range(1, 1 + (self.passes if passed is None else passed)))

    def _file(self, fold: int, passed: int) -> Path:
        return self.folder / f"{fold}-{passed}.npy"


class Unseen:
    """The questions of one fold, asked of the model that learns from the others.

    Args:
        whole: asks all questions of the run.
        fold: from 1; ``fold_of``: the fold (from 0) of each text of ``whole.pool``.
        a_pass: steps of a pass; what the model makes of all texts is kept after each.
    """

    def __init__(self, whole: HeldOut, fold: int, fold_of: np.ndarray, files: FoldFiles, a_pass: int):
        self.tokens = whole.tokens
        self.about = {"fold": fold}
        self._whole, self._fold, self._files, self._a_pass = whole, fold, files, a_pass
        self._asked = np.flatnonzero(fold_of[: len(whole.pool.queries)] == fold - 1)
        self._pool = whole.pool.only(self._asked)
        self.about["questions"] = len(self._asked)

    def check(self, model: "SentenceTransformer", step: int) -> Scores:
        """The figures of ``model`` after ``step``."""
        vectors = self._whole.vectors(model)
        if step % self._a_pass == 0:
            self._files.write(self._fold, step // self._a_pass, np.concatenate(vectors))
        return self.scores(vectors)

    def scores(self, vectors: tuple[np.ndarray, np.ndarray]) -> Scores:
        """The figures of vectors of all texts on this fold's questions."""
        return score(vectors[0][self._asked], vectors[1], self._pool)


@dataclass(frozen=True)
class Passes:
    """How many passes to believe; 0 is the base model.

    Attributes:
        own: for each fold, what the *other* folds found best: choosing for a question has never looked at it.
        final: what all folds found best: so long the model learns that is taken home.
    """

    own: tuple[int, ...]
    final: int


def choose(scores: Sequence[Sequence[Scores]], questions: Sequence[int], recipe: Recipe, least: int = 0) -> Passes:
    """The best number of passes by what counts in the recipe; of equals the fewest.

    Args:
        scores: [folds][passes + 1] of each fold's own questions; pass 0 is the base model.
        questions: how many questions each fold has.
        least: the fewest passes that may be chosen.
    """
    everyone = range(len(scores))

    def best(folds: Iterable[int]) -> int:
        means = [_mean([scores[fold][passed] for fold in folds], [questions[fold] for fold in folds])
                 for passed in range(len(scores[0]))]
        return max(range(least, len(means)), key=lambda passed: (value(means[passed], means[0], recipe), -passed))

    return Passes(tuple(best([one for one in everyone if one != fold]) for fold in everyone), best(list(everyone)))


def _mean(scores: Sequence[Scores], weights: Sequence[int]) -> Scores:
    """The mean over all questions of several folds."""
    def mean(name: str) -> float | None:
        figures = [cast(dict[str, float | None], one)[name] for one in scores]
        known = [(one, weight) for one, weight in zip(figures, weights, strict=True) if one is not None]
        return float(np.average([one for one, _ in known], weights=[weight for _, weight in known])) if known else None

    return cast(Scores, {name: mean(name) for name in scores[0]})


def scores_of(files: FoldFiles, pool: Pool, fold_of: np.ndarray, base: np.ndarray, folds: int) -> list[list[Scores]]:
    """``choose``'s scores from the kept vectors and those of the base model [texts, d]."""
    first, found = len(pool.queries), []
    for fold in range(1, folds + 1):
        asked = np.flatnonzero(fold_of[:first] == fold - 1)
        part = pool.only(asked)
        passes = [base, *(files.read(fold, passed) for passed in range(1, files.passes + 1))]
        found.append([score(vectors[asked], vectors[first:], part) for vectors in passes])
    return found
