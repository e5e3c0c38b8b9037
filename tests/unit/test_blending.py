"""Mixes of a base and a tuned model: their arithmetic, their curve, and a mix that is kept as a run."""

import json
import shutil
import zipfile

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as some
from safetensors.torch import load_file
from scipy.spatial import geometric_slerp

from core.blending import SHARES, Curve, Point, best, keep_blend, largest_angle, mix, trade_off
from core.errors import WorkbenchError
from core.evaluation.general import general_pool
from core.evaluation.measurement import measure_model
from core.evaluation.seen import rows_seen
from core.models import local_ref
from core.runs.run import RESUMABLE, trained_runs
from core.runs.take_home import repeat_script, zip_model
from core.workspace import Workspace
from tests.tiny import moved_run


@pytest.fixture
def workspace(tmp_path):
    return Workspace.at(tmp_path / "workspace")


@pytest.fixture
def make(workspace, tiny):
    """A maker of a run whose model is its base, moved."""
    return lambda far, held_out=12: moved_run(workspace, tiny, far, held_out)


def directions(seed: int) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    a, b = draw.normal(size=(2, 7))
    return a / np.linalg.norm(a), b / np.linalg.norm(b)


@given(seed=some.integers(0, 10_000), share=some.floats(0, 1))
@settings(deadline=None)
def test_an_arc_is_the_one_that_scipy_draws_and_a_line_is_straight(seed, share):
    a, b = directions(seed)
    both = {"w": torch.tensor(3 * a)}, {"w": torch.tensor(3 * b)}
    arc, line = (mix(*both, share, way)["w"].numpy() for way in ("spherical", "linear"))
    assert np.allclose(arc, 3 * geometric_slerp(a, b, share), atol=1e-9)
    assert np.allclose(line, 3 * (a + share * (b - a)), atol=1e-9)


@pytest.mark.parametrize("way", ["linear", "spherical"])
def test_the_ends_are_the_two_models_also_where_there_is_no_arc(way):
    base = {"w": torch.tensor([1.0, 2.0]), "zero": torch.zeros(2), "turned": torch.tensor([1.0, 0.0]), "n": torch.tensor(3)}
    tuned = {"w": torch.tensor([2.0, -1.0]), "zero": torch.ones(2), "turned": torch.tensor([-2.0, 0.0]), "n": torch.tensor(4)}
    for share, end in ((0.0, base), (1.0, tuned)):
        mixed = mix(base, tuned, share, way)
        for name in ("w", "zero", "turned"):
            assert torch.allclose(mixed[name], end[name], atol=1e-6), name
    half = mix(base, tuned, 0.5, way)
    assert torch.allclose(half["zero"], torch.full((2,), 0.5)) and torch.isfinite(half["turned"]).all()
    assert half["w"].dtype == torch.float32 and half["n"].dtype == base["n"].dtype
    assert float(half["w"].norm()) == pytest.approx(5**0.5 if way == "spherical" else 2.5**0.5)
    assert largest_angle(base, tuned) == pytest.approx(180)


def test_the_curve_leads_from_the_base_to_the_tuned_model(make, workspace, tiny):
    run, told = make(0.08), []
    curve = trade_off(run, workspace, lambda done, everything: told.append((done, everything)))
    assert [point.share for point in curve.points] == list(SHARES) and len(SHARES) >= 5
    assert {point.way for point in curve.points} == {"linear"} and 0 < curve.angle < 5
    assert curve.evidence == "held-out" and curve.questions == (12, len(general_pool().queries))
    assert told == [(done, len(SHARES)) for done in range(len(SHARES) + 1)]
    for point, folder in ((curve.points[0], tiny), (curve.points[-1], run.model)):
        alone = measure_model(local_ref("alone", folder), general_pool(), workspace)
        assert point.general == pytest.approx(alone.metrics["ndcg@10"].mean(), abs=1e-3)
    assert curve.points[0].own_change[0] == 0 and curve.points[0].general_change[0] == 0
    assert any(point.general_change[0] != 0 for point in curve.points[1:])
    kept = keep_blend(run, curve.points[3].share, workspace).report()  # mixed anew, from the two models' own weights
    assert kept["general"]["tuned"] == pytest.approx(curve.points[3].general, abs=1e-5)
    assert kept["tuned"]["ndcg@10"] == pytest.approx(curve.points[3].own, abs=1e-5)
    last = curve.points[-1]
    assert last.own - curve.points[0].own == pytest.approx(last.own_change[0], abs=1e-9)


def test_the_best_mix_is_the_one_whose_changes_add_up_to_the_most():
    def found(*changes):
        points = [
            Point("linear", share, 0.7, (own, None, None), 0.7, (general, None, None))
            for share, (own, general) in zip(SHARES, changes, strict=False)
        ]
        return best(Curve(tuple(points), "held-out", (1, 1), 1.0)).share

    assert found((0, 0), (0.1, -0.01), (0.12, -0.05)) == 0.2
    assert found((0, 0), (0.1, 0.02), (0.1, 0.02)) == 0.4  # as good with more of what was learned
    assert found((0, 0), (-0.1, 0.02), (-0.1, 0.05)) == 0.0


def test_a_mix_is_asked_once_and_a_damaged_answer_is_asked_again(make, workspace):
    run = make(0.05)
    first = trade_off(run, workspace)
    files = sorted((workspace.cache / "blends").iterdir())
    assert len(files) == len(SHARES)
    known = json.loads(files[0].read_text())
    files[0].write_text(json.dumps({**known, "own": 0.123}))
    files[1].write_text("{")
    again = trade_off(run, workspace)
    assert 0.123 in [point.own for point in again.points]
    changed = [point for point, before in zip(again.points, first.points, strict=True) if point != before]
    assert [point.own for point in changed] == [0.123]


def test_weights_far_apart_are_mixed_along_the_arc_as_well(make, workspace):
    curve = trade_off(make(0.8, held_out=0), workspace)
    assert [point.way for point in curve.points] == ["linear"] * len(SHARES) + ["spherical"] * len(SHARES)
    assert curve.angle > 5 and curve.evidence == "training pairs"


def test_a_kept_blend_is_a_run_with_a_model(make, workspace, tmp_path):
    run = make(0.3)
    with run.events_file.open("w") as file:
        file.write('{"t": 1, "kind": "done", "best_step": 24}\n')
    new = keep_blend(run, 0.25, workspace)
    assert new.status().state == "done" and new.status().state not in RESUMABLE
    assert new in trained_runs(workspace) and new.folder != run.folder and new.on == "here"
    assert not list(workspace.runs.glob(".new-*"))
    assert [path.name for path in new.model.rglob("*.safetensors")] == ["model.safetensors"]
    base, tuned, mixed = (
        load_file(folder / "model.safetensors") for folder in (local_base(run), run.model, new.model)
    )
    for name, weight in mixed.items():
        assert torch.allclose(weight, 0.75 * base[name] + 0.25 * tuned[name], atol=1e-6), name
    report = new.report()
    assert report["model_digest"] == local_ref("", new.model).digest
    assert report["blend"] == new.settings()["blend"] == {"run": "moved", "share": 0.25, "way": "linear"}
    assert report["evidence"] == "held-out" and "may have been chosen" in report["verdict"] and report["general"]
    card = (new.model / "README.md").read_text()
    assert "A blend, made with Embedding Workbench: 25% of the weights of the model of the run moved," in card
    assert report["verdict"] in card and "fine-tuned with Embedding Workbench" not in card
    assert keep_blend(run, 0.5, workspace, "spherical", "My own").settings()["name"] == "My own"
    assert rows_seen(new.model, pd.read_parquet(run.train_file)).all()
    with zipfile.ZipFile(zip_model(new, tmp_path)) as archive:
        script = archive.read(f"{new.id}/repeat/repeat.py").decode()
    assert "SHARE = 0.25" in script and "WAY = 'linear'" in script and "STOP_AFTER_STEP = 24" in script
    assert "SHARE = 1.0" in repeat_script(run)


def local_base(run):
    from core.runs.base import find_base

    return find_base(run).path


@pytest.mark.parametrize("way", ["linear", "spherical"])
def test_the_script_mixes_as_the_workbench_does(make, way):
    run = make(0.3)
    written = repeat_script(run)
    only = written[written.index("def mix(") : written.index("set_seed(SEED)\n")]
    names = {"torch": torch, "SHARE": 0.3, "WAY": way}
    exec(only, names)  # our own template
    a, b = (torch.tensor(one) for one in directions(3))
    assert torch.allclose(names["mix"](2 * a, 5 * b), mix({"w": 2 * a}, {"w": 5 * b}, 0.3, way)["w"])


def test_what_cannot_be_blended_is_said(make, workspace, tiny):
    run = make(0.0)
    with pytest.raises(WorkbenchError, match="nothing to blend"):
        trade_off(run, workspace)
    for share in (0.0, 1.0, -1.0, float("nan")):
        with pytest.raises(WorkbenchError, match="not a blend"):
            keep_blend(run, share, workspace)
    shutil.rmtree(run.model)
    for call in (lambda: trade_off(run, workspace), lambda: keep_blend(run, 0.5, workspace)):
        with pytest.raises(WorkbenchError, match="no model yet"):
            call()
    assert [path.name for path in workspace.runs.iterdir()] == ["moved"]
