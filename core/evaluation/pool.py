"""Which questions are asked, which answers they are ranked against, and which of these are right."""

import hashlib
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from core.pairs.text import digest, fold_codes

#: From this score on (0..1) a scored pair counts as belonging together.
RIGHT_SCORE = 0.5


@dataclass(frozen=True)
class Pool:
    """Held-out questions and every answer that they are ranked against. Texts that fold alike are one text.

    Attributes:
        queries: the distinct held-out questions that have a right answer.
        corpus: the distinct answers of the whole set, of training rows too, and the wrong answers of triplets.
        right: for each query the corpus indices of all its right answers (sorted, at least one), known from all rows.
        pairs: one row a held-out pair: ``row`` (record number in the file), ``query`` (index), ``answer`` (corpus
            index), ``component``; a pair that is there twice is listed once.
        components: for each query the component it belongs to: queries of one component are not independent.
    """

    queries: list[str]
    corpus: list[str]
    right: list[np.ndarray] = field(repr=False)
    pairs: pd.DataFrame = field(repr=False)
    components: np.ndarray = field(repr=False)

    @property
    def right_pairs(self) -> tuple[np.ndarray, np.ndarray]:
        """Every (query, right answer) as two index arrays of one length, query by query."""
        counts = [len(answers) for answers in self.right]
        answers = np.concatenate(self.right) if self.right else np.empty(0, dtype=np.int64)
        return np.repeat(np.arange(len(self.right)), counts), answers

    def only(self, queries: np.ndarray) -> "Pool":
        """The same answers for some of the queries alone (their indices, ascending)."""
        place = pd.Index(queries).get_indexer(self.pairs["query"])  # -1: not among them
        return Pool(
            [self.queries[at] for at in queries], self.corpus, [self.right[at] for at in queries],
            self.pairs.assign(query=place)[place >= 0].reset_index(drop=True), self.components[queries],
        )

    def same_pairs(self, other: "Pool") -> bool:
        """Whether both hold the same pairs and answers, in any order."""
        def texts(pool: Pool) -> tuple[set[tuple[str, str]], set[str]]:
            asked = zip(pool.pairs["query"], pool.pairs["answer"], strict=True)
            return {(pool.queries[query], pool.corpus[answer]) for query, answer in asked}, set(pool.corpus)

        return texts(self) == texts(other)

    def digest(self) -> str:
        """SHA-256 over all that a measurement depends on."""
        return self._digest

    @cached_property
    def _digest(self) -> str:
        parts = hashlib.sha256((digest(self.queries) + digest(self.corpus)).encode())
        for numbers in (*self.right_pairs, self.pairs["query"].to_numpy(), self.pairs["answer"].to_numpy()):
            parts.update(np.ascontiguousarray(numbers, dtype=np.int64).tobytes() + b"|")
        return parts.hexdigest()


def build_pool(held_out: pd.DataFrame, everything: pd.DataFrame) -> Pool:
    """Ask the held-out questions; rank every answer of the set for each.

    A row with a ``label`` of 0 or a ``score`` below 0.5 says that its texts do not belong together: its answer joins
    the corpus, and it is neither a question to ask nor a right answer.

    Args:
        held_out: rows with ``row``, ``anchor``, ``positive``, ``component``, as a split makes them; may have none.
        everything: all rows of the set, the held-out ones among them or not.
    """
    sides = [name for name in ("anchor", "positive", "negative") if name in everything]
    rows = pd.concat([held_out, everything], ignore_index=True)
    question, *answers = fold_codes(*(rows[side] for side in sides))  # equal numbers: one text; -1: no text

    texts = pd.concat([rows[side] for side in sides[1:]], ignore_index=True)
    in_order = pd.Series(np.concatenate(answers)).drop_duplicates()
    corpus = in_order[in_order != -1]
    rows = rows.assign(question=question, answer=pd.Index(corpus).get_indexer(pd.Index(answers[0])))  # -1 stays -1
    right = rows[_is_right(rows)]

    asked = right[right.index < len(held_out)]
    queries = asked.drop_duplicates("question")
    question_index = pd.Index(queries["question"])

    known = right.assign(query=question_index.get_indexer(right["question"]))[["query", "answer"]]
    known = known[known["query"] != -1].drop_duplicates().sort_values(["query", "answer"])
    starts = np.searchsorted(known["query"], np.arange(1, len(queries)))

    pairs = pd.DataFrame({
        "row": asked["row"].to_numpy(),
        "query": question_index.get_indexer(asked["question"]),
        "answer": asked["answer"].to_numpy(),
        "component": asked["component"].to_numpy(),
    }).drop_duplicates(["query", "answer"], ignore_index=True)
    return Pool(
        queries=queries["anchor"].to_numpy(object).tolist(),  # a tenth of the time of list()
        corpus=texts[corpus.index].to_numpy(object).tolist(),
        right=np.split(known["answer"].to_numpy(), starts) if len(queries) else [],
        pairs=pairs,
        components=queries["component"].to_numpy(),
    )


def _is_right(rows: pd.DataFrame) -> pd.Series:
    """Which rows say that their two texts belong together; a side without text is -1 in ``question`` or ``answer``."""
    right = (rows["question"] != -1) & (rows["answer"] != -1)
    if "label" in rows:
        right &= rows["label"] == 1
    if "score" in rows:
        right &= rows["score"] >= RIGHT_SCORE
    return right
