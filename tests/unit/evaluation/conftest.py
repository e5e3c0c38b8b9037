import numpy as np
import pandas as pd
import pytest

from core.evaluation.pool import Pool, build_pool


@pytest.fixture
def pairs():
    """A maker of plain rows: ``pairs(5)`` or ``pairs(3, anchor=[...])``."""

    def make(count, **columns):
        frame = pd.DataFrame({
            "row": range(1, count + 1),
            "anchor": [f"question {number}" for number in range(count)],
            "positive": [f"answer {number}" for number in range(count)],
            "component": range(count),
        })
        return frame.assign(**columns)

    return make


@pytest.fixture
def pool(pairs):
    """A maker of pools: ``pool(5)`` asks five questions; ``pool(2, 10)`` two of ten."""

    def make(asked, rows=None) -> Pool:
        frame = pairs(rows or asked)
        return build_pool(frame.head(asked), frame)

    return make


@pytest.fixture
def vectors():
    """A maker of unit vectors of questions and answers whose pairs are as near as ``noise`` allows."""

    def make(pool, noise=1.0, seed=0, dimensions=32):
        random = np.random.default_rng(seed)
        corpus = random.normal(size=(len(pool.corpus), dimensions))
        queries = corpus[[right[0] for right in pool.right]]
        queries = queries + noise * random.normal(size=queries.shape)
        return tuple(
            (side / np.linalg.norm(side, axis=1, keepdims=True)).astype(np.float32) for side in (queries, corpus)
        )

    return make
