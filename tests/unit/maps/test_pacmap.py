"""The optional layout: fitted once for both spaces, kept, the same for the same seed, and judged by its trustworthiness."""

import numpy as np
import pytest

from core.errors import WorkbenchError
from core.maps import pacmap as room
from core.maps.pacmap import kept_pacmap, pacmap, trustworthy
from core.maps.projection import project
from core.workspace import Workspace

RANDOM = np.random.default_rng(7)
TOPIC = np.arange(60) % 3
BASE = np.eye(12)[TOPIC] + 0.1 * RANDOM.normal(size=(60, 12))
TUNED = BASE + 0.02 * RANDOM.normal(size=(60, 12))


def vectors():
    return BASE, TUNED


@pytest.fixture
def workspace(tmp_path):
    return Workspace.at(tmp_path)


@pytest.mark.skipif(not room.installed(), reason="PaCMAP is an optional extra")
def test_topics_stay_together_in_both_spaces_and_the_map_is_kept(workspace):
    shown = project(BASE, TUNED, seed=3)
    found = pacmap(shown, vectors, "a", workspace)
    assert found.layout == "PaCMAP" and found.variance is None and found.trust > 0.85
    assert np.array_equal(found.shown, shown.shown) and np.array_equal(found.kept, shown.kept)
    places = np.concatenate([found.base_xy, found.tuned_xy])  # one picture for both
    middles = np.array([places[np.tile(TOPIC, 2) == one].mean(axis=0) for one in range(3)])
    nearest = np.linalg.norm(places[:, None] - middles, axis=2).argmin(axis=1)
    assert np.array_equal(nearest, np.tile(TOPIC, 2))

    again = pacmap(shown, lambda: pytest.fail("worked out again"), "a", workspace)
    assert np.array_equal(again.base_xy, found.base_xy) and again.trust == found.trust


def kept(workspace, key, **arrays):
    folder = workspace.cache / "maps"
    folder.mkdir(exist_ok=True)
    np.savez(folder / f"{room._VERSION}-pacmap-{key}-60-0.npz", **arrays)


def test_what_is_kept_is_read_for_its_own_texts_alone_and_damage_is_as_if_it_were_missing(workspace):
    shown = project(BASE, TUNED)
    assert kept_pacmap(shown, "a", workspace) is None
    kept(workspace, "a", base_xy=BASE[:, :2], tuned_xy=TUNED[:, :2], trust=0.5)
    assert np.array_equal(kept_pacmap(shown, "a", workspace).base_xy, BASE[:, :2])
    assert kept_pacmap(shown, "b", workspace) is None and kept_pacmap(project(BASE, TUNED, seed=1), "a", workspace) is None
    kept(workspace, "a", base_xy=BASE[:9, :2], tuned_xy=TUNED[:9, :2], trust=0.5)
    assert kept_pacmap(shown, "a", workspace) is None
    kept(workspace, "a", base_xy=np.array([{}], dtype=object), tuned_xy=TUNED[:, :2], trust=0.5)
    assert kept_pacmap(shown, "a", workspace) is None
    (workspace.cache / "maps" / f"{room._VERSION}-pacmap-a-60-0.npz").write_bytes(b"PK\x03\x04 cut off")
    assert kept_pacmap(shown, "a", workspace) is None


def test_without_it_or_with_few_texts_or_when_it_fails_the_page_says_what_to_do(workspace, monkeypatch):
    monkeypatch.setattr(room, "installed", lambda: True)
    with pytest.raises(WorkbenchError, match="20 texts or more"):
        pacmap(project(BASE[:5], TUNED[:5]), vectors, "a", workspace)
    monkeypatch.setattr(room.sys, "executable", "/nowhere/python")
    with pytest.raises(WorkbenchError, match="could not lay out"):
        pacmap(project(BASE, TUNED), vectors, "a", workspace)
    monkeypatch.setattr(room, "installed", lambda: False)
    with pytest.raises(WorkbenchError) as missing:
        pacmap(project(BASE, TUNED), vectors, "a", workspace)
    assert "pip install" in missing.value.what_to_do


def test_trustworthiness_is_1_for_a_picture_that_keeps_all_neighbours_and_about_a_half_by_chance():
    flat = RANDOM.normal(size=(300, 2))
    full = np.pad(flat, ((0, 0), (0, 10)))
    assert trustworthy(full, 3 * flat, 0) == pytest.approx(1)
    assert trustworthy(full, RANDOM.normal(size=(300, 2)), 0) == pytest.approx(0.5, abs=0.06)
    # intruders counted by hand (Venna and Kaski): for each point those near in the picture, by their rank in the space
    lie = flat.copy()
    lie[:40] = RANDOM.normal(size=(40, 2))
    near = np.argsort(np.linalg.norm(lie[:, None] - lie, axis=2) + np.diag([np.inf] * 300), axis=1)[:, :10]
    rank = np.argsort(np.argsort(np.linalg.norm(full[:, None] - full, axis=2) + np.diag([-1.0] * 300), axis=1), axis=1)
    penalty = sum(max(0, int(rank[at, one]) - 10) for at in range(300) for one in near[at])
    assert trustworthy(full, lie, 0) == pytest.approx(1 - 2 / (300 * 10 * (2 * 300 - 3 * 10 - 1)) * penalty)


def test_trustworthiness_of_many_points_is_that_of_a_sample(monkeypatch):
    monkeypatch.setattr(room, "TRUST_SAMPLE", 50)
    flat = RANDOM.normal(size=(300, 2))
    some = np.random.default_rng(4).choice(300, 50, replace=False)
    lie = RANDOM.normal(size=(300, 2))
    assert trustworthy(flat, lie, 4) == trustworthy(flat[some], lie[some], 4) != trustworthy(flat, lie, 5)
