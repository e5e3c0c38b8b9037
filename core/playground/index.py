"""Passages made searchable once, by keywords and by both models, and then asked as often as one likes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from core.evaluation.keywords import KeywordIndex
from core.models import ModelRef, embed
from core.playground.documents import Passage
from core.workspace import Workspace

ENGINES = ("keywords", "base", "tuned")


@dataclass(frozen=True)
class Hit:
    """A passage in one of the lists.

    Attributes:
        passage: its place in the index.
        rank: its place in this list, 1 is first.
        score: BM25, or the cosine with the question.
        before: its rank under the base model.
        now: its rank under the tuned model.
    """

    passage: int
    rank: int
    score: float
    before: int
    now: int


@dataclass(frozen=True)
class Results:
    """What each of ``ENGINES`` finds for a question.

    Attributes:
        hits: the best passages of each, best first; keyword search finds only those that share a word.
        floors: the score of the middle one of all passages, for this question.
        passages: how many there are in all.
    """

    hits: dict[str, list[Hit]]
    floors: dict[str, float]
    passages: int


class Index:
    """Some passages under keyword search and two models."""

    def __init__(self, passages: Sequence[Passage], base: np.ndarray, tuned: np.ndarray):
        """``base`` and ``tuned``: the passages' vectors [passages, d], rows of length 1."""
        self.passages = list(passages)
        self._vectors = {"base": base, "tuned": tuned}
        self._keywords = KeywordIndex([one.text for one in passages])

    def ask(self, question: str, base: np.ndarray, tuned: np.ndarray, top: int = 10) -> Results:
        """Search for ``question``, whose vectors are ``base`` and ``tuned`` [d] (rows of length 1)."""
        scores = {
            "keywords": self._keywords.scores([question])[0],
            "base": self._vectors["base"] @ base,
            "tuned": self._vectors["tuned"] @ tuned,
        }
        order = {name: np.argsort(-values, kind="stable") for name, values in scores.items()}
        ranks = {name: np.argsort(places) + 1 for name, places in order.items()}
        hits = {
            name: [
                Hit(int(at), place, float(scores[name][at]), int(ranks["base"][at]), int(ranks["tuned"][at]))
                for place, at in enumerate(order[name][:top], 1)
                if name != "keywords" or scores[name][at] > 0
            ]
            for name in ENGINES
        }
        floors = {name: float(np.median(values)) if len(values) else 0.0 for name, values in scores.items()}
        return Results(hits, floors, len(self.passages))


def build_index(
    passages: Sequence[Passage], base: ModelRef, tuned: ModelRef, workspace: Workspace,
    progress: Callable[[int, int], None] | None = None,
) -> Index:
    """Read the passages with both models; vectors that the workspace's cache holds are not computed again."""
    texts = [one.text for one in passages]
    return Index(passages, embed(base, texts, workspace, progress), embed(tuned, texts, workspace, progress))


def ask(index: Index, question: str, base: ModelRef, tuned: ModelRef, workspace: Workspace, top: int = 10) -> Results:
    """``Index.ask`` for a question in words."""
    return index.ask(question, embed(base, [question], workspace)[0], embed(tuned, [question], workspace)[0], top)
