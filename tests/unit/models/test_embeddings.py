import sqlite3
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from core.models import embed, encode, load, load_cached, local_ref
from core.models.cache import EmbeddingCache
from core.workspace import Workspace
from tests.tiny import tiny_model


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiny")
    return local_ref("tiny", tiny_model(folder / "model", Workspace.at(folder / "workspace")))


@pytest.fixture
def workspace(tmp_path):
    return Workspace.at(tmp_path / "workspace")


def test_vectors_are_the_library_s_own_with_length_one(tiny, workspace):
    rng = np.random.default_rng(0)
    mixed = [" ".join(rng.choice(["tea", "river", "billing", "x9"], size)) for size in rng.integers(1, 90, 150)]
    texts = ["short", "a much longer text about several things", "short", "", *mixed]
    vectors = embed(tiny, texts, workspace)
    expected = load(tiny).encode(texts, normalize_embeddings=True)
    assert "forward" in vars(load_cached(tiny))  # the fast way was taken
    assert vectors.dtype == np.float32 and (vectors * expected).sum(axis=1).min() > 0.99999
    assert np.allclose(vectors, expected, atol=1e-5) and np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("quicker", [True, False])
def test_half_precision_is_near_and_only_where_it_is_quicker(quicker, tiny, monkeypatch):
    monkeypatch.setattr("core.forward.half.can_halve", lambda model: quicker)
    texts = ["a question", "an answer to it, which is longer", "more"]
    exact, found = encode(load_cached(tiny), texts), encode(load_cached(tiny), texts, half=True)
    assert found.dtype == np.float32 and np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-3)
    assert np.sum(exact * found, axis=1).min() > 0.999 and np.array_equal(exact, found) is not quicker


def test_a_text_is_never_encoded_twice(tiny, workspace, monkeypatch):
    asked = []
    monkeypatch.setattr("core.models.vectors.encode", lambda model, texts: asked.extend(texts) or encode(model, texts))
    first = embed(tiny, ["one", "two", "one"], workspace)
    second = embed(tiny, ["two", "three", "one"], workspace)
    assert sorted(asked) == ["one", "three", "two"]
    assert (first[0] == second[2]).all() and (first[1] == second[0]).all()


def test_progress_counts_distinct_texts_up_to_all_of_them(tiny, workspace):
    seen = []
    embed(tiny, ["one", "two", "one"], workspace, lambda done, total: seen.append((done, total)))
    assert seen[0] == (0, 2) and seen[-1] == (2, 2)


def test_nothing_to_embed_is_no_vectors(tiny, workspace):
    assert embed(tiny, [], workspace).shape[0] == 0


def test_a_damaged_cache_is_rebuilt(tiny, workspace):
    before = embed(tiny, ["one"], workspace)
    file = workspace.cache / "embeddings" / f"{tiny.digest}.sqlite"
    file.write_bytes(b"this is no database" * 100)
    assert np.allclose(embed(tiny, ["one"], workspace), before, atol=1e-6)
    embed(tiny, ["one"], workspace)
    assert sqlite3.connect(file).execute("SELECT count(*) FROM vectors").fetchone() == (1,)


def test_a_cache_that_cannot_be_written_costs_only_the_caching(tiny, workspace):
    (workspace.cache / "embeddings").write_text("a file where the folder should be")
    assert embed(tiny, ["one"], workspace).shape == (1, 32)


def test_many_threads_share_one_cache(tmp_path):
    vectors = {f"text {number}": np.full(4, number, dtype=np.float32) for number in range(200)}

    def use(part):
        cache = EmbeddingCache(tmp_path, "abc")
        mine = dict(list(vectors.items())[part::4])
        cache.put(mine)
        return len(cache.get(mine)) == len(mine)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(use, list(range(4)) * 4))
    found = EmbeddingCache(tmp_path, "abc").get(vectors)
    assert all((found[text] == vector).all() for text, vector in vectors.items())
