"""Keyword search on the same questions: the line that an embedding model has to beat to be worth its trouble.

Okapi BM25 (Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009) with the idf of
Lucene, which is never negative, and its usual k1 and b; words as they are written, without stemming or stop words.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.evaluation.metrics import metrics
from core.evaluation.pool import Pool
from core.evaluation.ranks import masked_ranks_by, of_pairs

#: How soon a repeated word stops counting, and how much a long text is held back.
K1, B = 1.2, 0.75

#: Scripts that are written without spaces between words: Han, kana, Hangul and Thai.
_DENSE = "\u0e00-\u0e7f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af"
_WORDS = re.compile(rf"[{_DENSE}]+|[^\W{_DENSE}]+")
_IS_DENSE = re.compile(rf"[{_DENSE}]")


@dataclass(frozen=True)
class Keywords:
    """What keyword search does on a pool; the fields are those of a ``Measurement``.

    Attributes:
        metrics: each of ``METRICS`` as an array [queries].
        rank: the best masked rank among the right answers of each query [queries].
        pair_rank: the masked rank of each held-out pair's own answer, in the order of ``pool.pairs``.
    """

    metrics: dict[str, np.ndarray]
    rank: np.ndarray
    pair_rank: np.ndarray


class KeywordIndex:
    """BM25 over some texts, built once."""

    def __init__(self, texts: Sequence[str]):
        from scipy.sparse import csr_matrix
        from sklearn.feature_extraction.text import CountVectorizer

        self._counter = CountVectorizer(analyzer=words, dtype=np.float32)
        self._empty = not any(words(text) for text in texts)
        if self._empty:
            self._weights = csr_matrix((0, len(texts)), dtype=np.float32)
            return
        counts = self._counter.fit_transform(texts).tocsr()
        length = np.asarray(counts.sum(axis=1)).ravel()
        holding = np.bincount(counts.indices, minlength=counts.shape[1])
        idf = np.log(1 + (len(texts) - holding + 0.5) / (holding + 0.5))
        times = counts.data
        damping = np.repeat(K1 * (1 - B + B * length / length.mean()), np.diff(counts.indptr))
        counts.data = (idf[counts.indices] * times / (times + damping)).astype(np.float32)
        self._weights = counts.T.tocsr()

    def scores(self, questions: Sequence[str]) -> np.ndarray:
        """The score of every text for each question [questions, texts] as float32; 0 where they share no word."""
        if self._empty or not len(questions):
            return np.zeros((len(questions), self._weights.shape[1]), dtype=np.float32)
        return np.asarray((self._counter.transform(questions) @ self._weights).toarray())


def measure_keywords(pool: Pool) -> Keywords:
    """Rank the answers of ``pool`` by their BM25 score. An answer that shares no word with the question is last."""
    index = KeywordIndex(pool.corpus)
    ranks = masked_ranks_by(lambda start, end: index.scores(pool.queries[start:end]), pool)
    return Keywords(metrics(ranks), *of_pairs(ranks, pool))


def words(text: str) -> list[str]:
    """The words of ``text``, folded; of writing without spaces every two neighbouring characters."""
    found = []
    for word in _WORDS.findall(unicodedata.normalize("NFKC", text).casefold()):
        if len(word) > 2 and _IS_DENSE.match(word):
            found += [word[at : at + 2] for at in range(len(word) - 1)]
        else:
            found.append(word)
    return found
