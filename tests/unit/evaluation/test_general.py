"""Everyday questions that are asked before and after: are they fit for it, and is forgetting called by its name?"""

import numpy as np
import pytest

from core.evaluation import measurement
from core.evaluation.general import forgetting, general_language, general_pool, general_rows
from core.evaluation.measurement import measure, measure_model
from core.models import BASE_MODEL, resolve
from core.workspace import Workspace


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """The built-in model on the probe questions, and its vectors of them."""
    from core.models import embed

    workspace, pool = Workspace.at(tmp_path_factory.mktemp("workspace")), general_pool()
    ref = resolve(BASE_MODEL, workspace)
    vectors = embed(ref, [*pool.queries, *pool.corpus], workspace)
    return measure_model(ref, pool, workspace), vectors


def measured(vectors: np.ndarray):
    pool = general_pool()
    return measure(pool, vectors[: len(pool.queries)], vectors[len(pool.queries) :])


def test_the_probes_are_many_and_no_text_is_there_twice():
    rows, pool = general_rows(), general_pool()
    assert len(rows) >= 200 and len(pool.queries) == len(pool.corpus) == len(rows)
    assert all(len(right) == 1 for right in pool.right)
    assert not (rows[["anchor", "positive"]] != rows[["anchor", "positive"]].map(str.strip)).any(axis=None)


def test_the_built_in_model_leaves_room_both_ways(base):
    assert 0.6 < base[0].metrics["ndcg@10"].mean() < 0.9


def test_the_same_model_has_forgotten_nothing(base):
    said = forgetting(base[0], measured(base[1]))
    assert said["change"] == 0 and said["better"] is None and said["questions"] == len(general_rows())
    assert said["sentence"].startswith(f"Everyday questions: {said['base']:.2f} before and after; nothing was forgotten")


def test_a_small_change_either_way_is_called_no_clear_one(base):
    noise = np.random.default_rng(1).normal(size=base[1].shape)
    said = forgetting(base[0], measured(base[1] + 0.004 * noise.astype(np.float32)))
    assert said["better"] is None and said["interval"][0] < 0 < said["interval"][1]
    assert f"{said['base']:.2f} before, {said['tuned']:.2f} after; no clear change" in said["sentence"]


def test_two_models_by_name_are_each_asked_once(base, tmp_path, monkeypatch):
    workspace = Workspace.at(tmp_path)
    ref, asked = resolve(BASE_MODEL, workspace), []
    monkeypatch.setattr(measurement, "embed", lambda ref, *_: asked.append(ref) or base[1])
    for _ in range(2):
        assert general_language(ref, ref, workspace) == forgetting(base[0], base[0])
    assert asked == [ref]


def test_a_model_that_confuses_everyday_things_has_forgotten_and_the_other_way_round(base):
    noise = np.random.default_rng(0).normal(size=base[1].shape)
    worse = measured(base[1] + 0.04 * noise.astype(np.float32))
    said = forgetting(base[0], worse)
    assert said["better"] is False and said["interval"][1] < 0 and said["tuned"] < said["base"]
    assert said["sentence"].startswith("Some general language was forgotten. Everyday questions: ") and "−0." in said["sentence"]
    assert said["change"] == pytest.approx(said["tuned"] - said["base"], abs=2e-6)
    back = forgetting(worse, base[0])
    assert back["better"] is True and back["sentence"].startswith("General language got better")
