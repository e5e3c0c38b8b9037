"""``blend`` and ``compare`` with several models, on a tiny model: what they write, and what they refuse."""

import json

import pytest

from core.__main__ import main
from core.blending import SHARES
from core.runs.run import find_run, trained_runs
from core.workspace import Workspace
from tests.tiny import moved_run, pairs


@pytest.fixture(scope="module")
def workspace(tmp_path_factory, tiny):
    one = Workspace.at(tmp_path_factory.mktemp("cli") / "workspace")
    moved_run(one, tiny, far=0.08)
    return one


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("pairs") / "pairs.csv"
    pairs(30)[["anchor", "positive"]].to_csv(path, index=False)
    return path


@pytest.fixture
def told(workspace, capsys):
    """What a command writes to standard output."""

    def run(*arguments, status=0):
        capsys.readouterr()
        assert main([*map(str, arguments), "--workspace", str(workspace.root)]) == status
        written = capsys.readouterr()
        return written.out if status == 0 else written.err

    return run


def test_the_curve_is_a_table_and_the_best_mix_is_named(told):
    found = json.loads(told("blend", "moved", "--json"))
    assert [point["share"] for point in found["points"]] == list(SHARES) and found["evidence"] == "held-out"
    first, last = found["points"][0], found["points"][-1]
    assert first["general change"] == 0 and last["general interval"][0] <= last["general change"] <= last["general interval"][1]
    sums = [point["own change"] + point["general change"] for point in found["points"]]
    assert found["best"]["share"] == max(zip(sums, SHARES, strict=True))[1]
    words = told("blend", "moved")
    assert "12 held-out questions" in words and "comes out best" in words
    for point in found["points"]:
        assert any(f"{point['share']:.0%}" in line and f"{point['general']:.3f}" in line for line in words.splitlines())


def test_a_mix_is_kept_under_a_name(told, workspace):
    made = json.loads(told("blend", "moved", "--keep", "0.4", "--name", "Half and half", "--json"))
    kept = find_run(workspace, made["run"])
    assert kept in trained_runs(workspace) and kept.settings()["name"] == "Half and half"
    assert kept.settings()["blend"] == {"run": "moved", "share": 0.4, "way": "linear"} and made["report"] == kept.report()
    words = told("blend", "moved", "--keep", "0.4", "--way", "spherical")
    assert "Kept as moved-40-tuned-1." in words and "veryday questions: " in words
    assert find_run(workspace, "moved-40-tuned-1").settings()["blend"]["way"] == "spherical"


def test_what_cannot_be_blended_is_said(told):
    assert "not a blend" in told("blend", "moved", "--keep", "1.5", status=2)
    assert "--keep SHARE" in told("blend", "moved", "--name", "x", status=2)
    assert "nobody" in told("blend", "nobody", status=2)


def test_several_models_are_compared_in_one_table(told, tiny, file):
    names = ["moved", str(tiny)]
    found = json.loads(told("compare", tiny, *names, file, "--json"))
    assert [one["name"] for one in found["models"]] == names and found["seen"] == 18  # what the run was trained on
    moved, same = found["models"]
    assert moved["questions"] == same["questions"] == 12 and moved["base"] == same["base"] == same["tuned"]
    assert same["better"] is None and same["change"]["interval"] is not None
    alone = json.loads(told("compare", tiny, "moved", file, "--json"))
    assert alone["change"] == moved["change"]
    rows = told("compare", tiny, *names, file).splitlines()
    row = next(line for line in rows if line.startswith("moved"))
    assert f"{moved['tuned']['mrr@10']:.3f}" in row and f"{moved['change']['ndcg@10']:+.3f} (" in row


def test_too_many_models_and_files_of_several_are_refused(told, tiny, file, tmp_path):
    assert "6 models cannot" in told("compare", tiny, *["moved"] * 6, file, status=2)
    refused = told("compare", tiny, "moved", "moved", file, "--report", tmp_path / "out.html", status=2)
    assert "--report is of two models" in refused and not list(tmp_path.iterdir())
