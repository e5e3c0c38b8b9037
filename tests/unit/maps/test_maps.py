import numpy as np
import pytest
from scipy.spatial.distance import pdist
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors

from core.maps import kept, neighbours
from core.maps.neighbours import nearest, share_kept
from core.maps.procrustes import align
from core.maps.projection import chosen, project
from core.models import ModelRef
from core.workspace import Workspace

RANDOM = np.random.default_rng(5)
SPACE = RANDOM.normal(size=(80, 12)) * np.linspace(3, 0.2, 12)


def turn(mirrored):
    found, _ = np.linalg.qr(np.random.default_rng(6).normal(size=(12, 12)))
    if (np.linalg.det(found) < 0) != mirrored:
        found[:, 0] *= -1
    assert np.linalg.det(found) == pytest.approx(-1 if mirrored else 1)
    return found


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("shift", [0, 2.5])
def test_a_planted_rotation_reflection_and_shift_are_undone(mirrored, shift):
    assert align(SPACE @ turn(mirrored) + shift, SPACE) == pytest.approx(SPACE, abs=1e-9)


def test_alignment_keeps_every_distance():
    other = RANDOM.normal(size=(80, 12))
    assert pdist(align(other, SPACE)) == pytest.approx(pdist(other))


def test_spaces_of_different_width_meet_in_the_wider_one():
    wide = np.pad(SPACE, ((0, 0), (0, 4)))
    assert align(SPACE @ turn(False), wide) == pytest.approx(wide, abs=1e-9)
    assert project(wide, SPACE @ turn(True)).tuned_xy.shape == (80, 2)
    assert project(SPACE, wide).tuned_xy == pytest.approx(project(SPACE, wide).base_xy, abs=1e-9)


def test_a_turned_space_lies_on_itself_and_a_moved_text_alone_moves():
    tuned = SPACE.copy()
    tuned[7] += 6
    shown = project(SPACE, tuned @ turn(True))
    moved = np.linalg.norm(shown.base_xy - shown.tuned_xy, axis=1)
    assert moved.argmax() == 7 and moved[7] > 5 * np.median(moved)


def test_the_picture_is_one_pca_on_the_stack():
    other = SPACE + 0.3 * RANDOM.normal(size=SPACE.shape)
    shown = project(SPACE, other)
    pca = PCA(2, svd_solver="full").fit(np.concatenate([SPACE, align(other, SPACE)]))
    assert shown.variance == pytest.approx(pca.explained_variance_ratio_.sum())
    assert shown.base_xy == pytest.approx(pca.transform(SPACE), abs=1e-6)
    assert np.array_equal(shown.shown, np.arange(80)) and shown.total == 80


def test_a_large_set_is_sampled_and_the_same_seed_gives_the_same_map():
    first, again, other = (project(SPACE, SPACE, largest=20, seed=seed) for seed in (1, 1, 2))
    assert len(first.shown) == 20 and first.total == 80 and np.all(np.diff(first.shown) > 0)
    assert np.array_equal(first.base_xy, again.base_xy) and not np.array_equal(first.shown, other.shown)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("space", [SPACE[:1], np.ones((5, 12))], ids=["one text", "equal texts"])
def test_texts_at_one_place_make_a_map_too(space):
    shown = project(space, space)
    assert shown.base_xy == pytest.approx(np.zeros((len(space), 2)), abs=1e-9) and shown.variance == 0


def test_neighbours_are_those_of_an_independent_search_and_only_of_the_rows_asked_for():
    wanted = NearestNeighbors(n_neighbors=11, metric="cosine", algorithm="brute").fit(SPACE).kneighbors(SPACE)[1][:, 1:]
    assert np.array_equal(nearest(SPACE), wanted)
    assert np.array_equal(nearest(SPACE * 7, rows=[3, 50]), wanted[[3, 50]])


@pytest.mark.parametrize("block", [3, 7, 79, 80])
def test_neighbours_are_the_same_in_squares_of_any_size(block, monkeypatch):
    wanted = NearestNeighbors(n_neighbors=11, metric="cosine", algorithm="brute").fit(SPACE).kneighbors(SPACE)[1][:, 1:]
    monkeypatch.setattr(neighbours, "_BLOCK", block)
    assert np.array_equal(nearest(SPACE), wanted)


def test_neighbours_are_looked_for_in_the_full_space_and_a_turn_changes_none():
    assert share_kept(SPACE, SPACE @ turn(True)) == pytest.approx(1)
    tuned = SPACE.copy()
    tuned[7] = -SPACE[7]
    kept = share_kept(SPACE, tuned)
    assert kept[7] == 0 and np.median(kept) == 1
    other = RANDOM.normal(size=(80, 12))
    assert share_kept(SPACE, other) == pytest.approx(
        [len(set(one) & set(two)) / 10 for one, two in zip(nearest(SPACE), nearest(other), strict=True)]
    )
    assert project(SPACE, tuned).kept == pytest.approx(kept)


@pytest.mark.parametrize("texts", [1, 2, 5])
def test_few_texts_have_few_neighbours(texts):
    assert nearest(SPACE[:texts]).shape == (texts, texts - 1)
    assert share_kept(SPACE[:texts], -SPACE[:texts]) == pytest.approx(1)


def test_a_map_is_drawn_once_of_the_texts_it_shows_and_kept(tmp_path, monkeypatch):
    asked, random = [], np.random.default_rng(5)
    vectors = {name: random.normal(size=(30, 6)) for name in ("base", "tuned")}

    def embed(ref, texts, workspace):
        asked.append(len(texts))
        return vectors[ref.name][[int(text) for text in texts]]

    monkeypatch.setattr(kept, "embed", embed)
    monkeypatch.setattr(kept, "chosen", lambda total: chosen(total, largest=20))
    refs, texts = [ModelRef(name, tmp_path, name * 9) for name in vectors], [str(at) for at in range(30)]
    workspace = Workspace.at(tmp_path)
    first, again = (kept.map_of(*refs, texts, "ab", workspace) for _ in range(2))
    assert asked == [20, 20] and (first.total, first.seed) == (again.total, again.seed) == (30, 0)
    whole = project(vectors["base"], vectors["tuned"], largest=20)
    for name in ("base_xy", "tuned_xy", "shown", "kept"):
        assert np.array_equal(getattr(first, name), getattr(again, name))
        assert np.allclose(getattr(first, name), getattr(whole, name))
    assert again.variance == first.variance == pytest.approx(whole.variance)
    next((workspace.cache / "maps").iterdir()).write_bytes(b"PK")
    assert np.array_equal(kept.map_of(*refs, texts, "ab", workspace).base_xy, first.base_xy) and len(asked) == 4
    kept.map_of(*refs, texts, "cd", workspace)
    assert len(asked) == 6
