import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sentence_transformers.util.quantization import quantize_embeddings

from core.evaluation import sizes
from core.evaluation.comparison import compare_vectors
from core.evaluation.metrics import metrics
from core.evaluation.ranks import masked_ranks, unit
from core.evaluation.report import report
from core.evaluation.sizes import binary, int8


@pytest.fixture
def some(pool):
    return pool(60, 90)


def test_a_cut_vector_ranks_as_a_model_with_so_few_dimensions(some, vectors):
    base, tuned = vectors(some, noise=2, dimensions=300), vectors(some, noise=1, dimensions=300)
    table = {size.name: size for size in compare_vectors(some, base, tuned).sizes}
    assert list(table) == ["whole", "256 dimensions", "128 dimensions", "64 dimensions", "int8", "binary"]
    for number in (256, 128, 64):
        cut = compare_vectors(some, *(tuple(side[:, :number] for side in model) for model in (base, tuned)))
        size = table[f"{number} dimensions"]
        assert size.base == pytest.approx(cut.base.metrics["ndcg@10"].mean())
        assert size.change == cut.changes["ndcg@10"] and size.bytes == (4 * number, 4 * number)
    assert table["whole"].base > table["64 dimensions"].base
    assert (table["whole"].bytes[0], table["int8"].bytes[0], table["binary"].bytes[0]) == (1200, 300, 38)


def test_binary_vectors_rank_as_the_hamming_distance_of_the_librarys_bits(some, vectors):
    queries, corpus = vectors(some, noise=1)
    bits = [np.unpackbits(quantize_embeddings(side, precision="ubinary"), axis=1) for side in (queries, corpus)]
    distances = cdist(*bits, metric="hamming") * 32
    expected = [1 + np.count_nonzero(np.delete(row, right[0]) <= row[right[0]] + 1e-9)
                for row, right in zip(distances, some.right, strict=True)]
    assert [int(one[0]) for one in masked_ranks(binary(queries), binary(corpus), some)] == expected
    assert len(set(expected)) > 3


def test_bytes_hold_the_vector_up_to_half_a_step(some, vectors):
    queries, _ = vectors(some)
    largest = float(np.abs(queries).max())
    steps = queries / largest * 127
    found = int8(queries, largest)
    expected = unit(np.rint(steps))
    assert np.allclose(found, expected, atol=1e-6)
    assert np.abs(np.rint(steps)).max() == 127
    assert np.abs(found - queries).max() < 2 * largest / 127
    assert not int8(np.zeros((2, 3), dtype=np.float32), 0.0).any()


def test_the_largest_number_of_the_answers_sets_the_steps_of_the_bytes(some, vectors):
    _, corpus = vectors(some, dimensions=300)
    shrink = dict(sizes._shrinkers(corpus))["int8"]
    assert np.array_equal(shrink(corpus), int8(corpus, float(np.abs(corpus).max())))
    assert not dict(sizes._shrinkers(corpus[:0]))["int8"](corpus).any()  # no answers: nothing to measure by


def test_models_of_different_width_stand_in_one_table(some, vectors):
    found = compare_vectors(some, vectors(some, dimensions=100), vectors(some, dimensions=300))
    table = {size.name: size for size in found.sizes}
    assert table["256 dimensions"].base is None and table["256 dimensions"].change is None
    assert table["256 dimensions"].bytes == (None, 1024) and table["64 dimensions"].base is not None
    assert report(found)["sizes"][1]["interval"] is None


def test_many_questions_are_sampled_alike_for_every_size(some, vectors, monkeypatch):
    monkeypatch.setattr(sizes, "SAMPLE", 20)
    found = compare_vectors(some, vectors(some, noise=2), vectors(some, noise=1))
    picked = sizes.asked(some)
    assert len(picked) == 20 and found.sizes[0].base == pytest.approx(found.base.metrics["ndcg@10"][picked].mean())
    queries, corpus = vectors(some, noise=2)
    ranks = masked_ranks(binary(queries), binary(corpus), some)
    assert found.sizes[-1].base == pytest.approx(metrics([ranks[at] for at in picked])["ndcg@10"].mean())
