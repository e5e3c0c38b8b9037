"""What the base model scores: from the cache where it holds the very same vectors, else read anew."""

import numpy as np
import pytest

from core.models import embed, load, local_ref
from core.models.cache import EmbeddingCache
from core.training.checks import HeldOut
from tests.tiny import pairs


@pytest.fixture(scope="module")
def rows():
    long = " ".join(["apple"] * 40)
    return pairs(12).assign(component=range(12), positive=lambda frame: frame["positive"] + " " + long)


def asked(tiny, rows, limit):
    model = load(local_ref("tiny", tiny))
    model.max_seq_length = limit
    return model, HeldOut(model, rows, rows.head(0), 0)


def test_vectors_that_the_workspace_has_are_those_that_the_model_gives(tiny, rows, workspace):
    base = local_ref("tiny", tiny)
    model, held_out = asked(tiny, rows, 64)
    texts = [*held_out.pool.queries, *held_out.pool.corpus]
    anew = np.concatenate(held_out.vectors_before(model, base, workspace))  # nothing is in the cache yet
    embed(base, texts, workspace)
    kept = np.concatenate(held_out.vectors_before(model, base, workspace))
    assert kept == pytest.approx(anew, abs=1e-5)
    marked = np.eye(len(texts), 32, dtype=np.float32)
    EmbeddingCache(workspace.cache / "embeddings", base.digest).put(dict(zip(texts, marked, strict=True)))
    assert (np.concatenate(held_out.vectors_before(model, base, workspace)) == marked).all()  # so it is read from there


def test_where_training_reads_less_of_a_text_the_cache_is_left_alone(tiny, rows, workspace):
    base = local_ref("tiny", tiny)
    model, held_out = asked(tiny, rows, 16)
    texts = [*held_out.pool.queries, *held_out.pool.corpus]
    whole = embed(base, texts, workspace)
    cut = np.concatenate(held_out.vectors_before(model, base, workspace))
    assert cut == pytest.approx(np.concatenate(held_out.vectors(model)), abs=1e-6)
    assert np.abs(cut - whole).max() > 1e-3


def test_with_one_text_unknown_all_are_read(tiny, rows, workspace):
    base = local_ref("tiny", tiny)
    model, held_out = asked(tiny, rows, 64)
    texts = [*held_out.pool.queries, *held_out.pool.corpus][1:]
    EmbeddingCache(workspace.cache / "embeddings", base.digest).put({text: np.zeros(32, np.float32) for text in texts})
    assert np.concatenate(held_out.vectors_before(model, base, workspace)).any(axis=1).all()
