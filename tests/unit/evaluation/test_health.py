import numpy as np
import pytest
from scipy.spatial.distance import pdist
from sklearn.neighbors import NearestNeighbors

from core.evaluation import health
from core.evaluation.comparison import compare_vectors
from core.evaluation.health import alignment, kept, neighbours, sampled, uniformity
from core.evaluation.ranks import unit
from core.evaluation.report import report


@pytest.fixture
def spaces():
    random = np.random.default_rng(5)
    return unit(random.normal(size=(40, 12))), unit(random.normal(size=(70, 12)))


def test_uniformity_and_alignment_are_those_of_the_paper(spaces):
    """Its reference program: log mean exp(-2 pdist²), and mean |x - y|²."""
    queries, corpus = spaces
    expected = np.log(np.mean(np.exp(-2 * pdist(corpus.astype(float), "sqeuclidean"))))
    assert uniformity(corpus) == pytest.approx(expected, abs=1e-5)
    pairs = ((queries - corpus[:40]) ** 2).sum(axis=1)
    assert alignment(np.einsum("nd,nd->n", queries, corpus[:40])) == pytest.approx(pairs.mean(), abs=1e-5)
    assert uniformity(np.tile(corpus[:1], (5, 1))) == pytest.approx(0, abs=1e-5) and np.isnan(uniformity(corpus[:1]))


def test_neighbours_are_scikit_learns_over_questions_and_answers(spaces, monkeypatch):
    queries, corpus = spaces
    monkeypatch.setattr(health, "BLOCK_BYTES", 4 * 110 * 7)  # several blocks
    asked = np.array([0, 3, 39, 40, 41, 109])
    found = neighbours(queries, corpus, asked)
    everything = np.concatenate([queries, corpus])
    expected = NearestNeighbors(n_neighbors=11).fit(everything).kneighbors(everything[asked], return_distance=False)
    assert [set(row) for row in found] == [set(row) - {at} for row, at in zip(expected, asked, strict=True)]


def test_few_texts_have_few_neighbours(spaces):
    queries, corpus = spaces
    assert neighbours(queries[:1], corpus[:2], np.arange(3)).shape == (3, 2)
    assert neighbours(queries[:0], corpus[:1], np.arange(1)).shape == (1, 0)


def test_no_text_is_a_neighbour_of_itself_however_far_the_others_are():
    far = unit(np.array([[1, 0], [-1, 0.3], [-1, -0.3]]))
    assert [set(row) for row in neighbours(far[:1], far[1:], np.array([0]), count=2)] == [{1, 2}]


def test_the_share_kept_counts_common_neighbours():
    assert list(kept(np.array([[1, 2], [3, 4]]), np.array([[2, 9], [4, 3]]))) == [0.5, 1]


def test_a_turned_space_keeps_its_neighbours_and_another_does_not(pool, vectors):
    some = pool(60)
    base = vectors(some)
    turn, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(32, 32)))
    assert compare_vectors(some, base, tuple(side @ turn for side in base)).neighbours_kept.mean() > 0.99
    other = tuple(np.random.default_rng(1).normal(size=side.shape) for side in base)
    assert compare_vectors(some, base, other).neighbours_kept.mean() < 0.2


def test_the_health_of_both_spaces_is_told_with_what_it_means(pool, vectors):
    some = pool(60)
    found = compare_vectors(some, vectors(some, noise=3), vectors(some, noise=0.5))
    lines = {one["name"]: one for one in report(found)["health"]}
    assert list(lines) == ["matched mean", "floor", "lift", "AUC", "alignment", "uniformity", "neighbours kept"]
    for side, measured in (("base", found.base), ("tuned", found.tuned)):
        matched, floor = lines["matched mean"][side], lines["floor"][side]
        assert matched == pytest.approx(measured.matched.mean(), abs=1e-6)
        assert lines["lift"][side] == pytest.approx(matched - floor, abs=3e-6)
    assert lines["neighbours kept"]["base"] is None and 0 < lines["neighbours kept"]["tuned"] < 1
    assert all(one["meaning"].endswith(".") for one in lines.values())


def test_what_cannot_be_told_is_none(pool, vectors):
    some = pool(1)
    lines = {one.name: one for one in compare_vectors(some, vectors(some), vectors(some)).health}
    assert lines["floor"].base is lines["lift"].tuned is lines["AUC"].base is None
    assert lines["neighbours kept"].tuned == 1  # the question's one neighbour is its answer


def test_a_sample_is_always_the_same_and_in_order():
    assert np.array_equal(sampled(5000), sampled(5000)) and np.all(np.diff(sampled(5000)) > 0)
    assert len(sampled(5000)) == 2000 and np.array_equal(sampled(3), [0, 1, 2])
