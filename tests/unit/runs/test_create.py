"""A new run appears whole, under its own name and with all that its plan decided, or not at all."""

import errno
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from core.errors import WorkbenchError
from core.pairs.dataset import PairSet
from core.recipe import Recipe
from core.runs import create
from core.runs.create import create_run, pairs_of
from core.runs.target import make_target
from core.workspace import read_object, write_json

PAIRS = PairSet("faq of may.csv", "pairs", {"anchor": "q", "positive": "a"}, pd.DataFrame({"row": [1]}))
SOURCE = {"name": "faq of may.csv", "digest": "d", "rows": 3, "set": None}


@pytest.fixture
def plan():
    rows = pd.DataFrame({"row": [1, 2, 3], "anchor": list("abc"), "positive": list("ABC"), "component": [0, 1, 1], "odd": 1})
    return SimpleNamespace(
        recipe=Recipe(effort="quick", batch_size=8), reasons={"batch_size": "It fits."}, seconds=12.4, seen=0,
        base=SimpleNamespace(name="all-MiniLM-L6-v2", path=Path("/nowhere"), digest="x"),
        split=SimpleNamespace(train=rows[:2].assign(fold=[0, 1]), held_out=rows[2:]),
    )


def test_what_was_decided_is_kept(workspace, plan):
    target = make_target({"on": "sagemaker", "spot": True})
    run = create_run(workspace, PAIRS, plan.recipe, name="  My\n run  ", source=SOURCE, plan=plan, target=target)
    kept = run.settings()
    assert (run.id, kept["id"], kept["name"], kept["kind"], kept["columns"]) == (
        "my-run-1", "my-run-1", "My run", "pairs", {"anchor": "q", "positive": "a"},
    )
    assert kept["source"] == SOURCE and kept["reasons"] == plan.reasons and kept["expected_seconds"] == 12
    assert kept["base"] == {"name": "all-MiniLM-L6-v2", "path": "/nowhere", "digest": "x", "seen": 0}
    assert kept["recipe"] == plan.recipe.model_dump(mode="json") and kept["target"] == target.model_dump(mode="json")
    assert kept["versions"]["sentence-transformers"] and kept["threads"] is None and isinstance(kept["created"], float)
    assert list(pd.read_parquet(run.train_file)) == ["row", "anchor", "positive", "component", "fold"]
    assert pd.read_parquet(run.heldout_file).to_dict("list") == {
        "row": [3], "anchor": ["c"], "positive": ["C"], "component": [1],
    }
    assert [path.name for path in workspace.runs.iterdir()] == [run.id]


def test_without_a_name_it_is_called_by_its_set_and_trains_here(workspace, plan):
    one, two = (create_run(workspace, PAIRS, plan.recipe, source=SOURCE, plan=plan) for _ in range(2))
    assert (one.id, two.id, one.settings()["name"]) == ("faq-of-may-quick-1", "faq-of-may-quick-2", "faq of may quick")
    assert one.on == "here"
    long = create_run(workspace, PAIRS, plan.recipe, name="x" * 200, source=SOURCE, plan=plan)
    assert long.settings()["name"] == "x" * 80


def test_an_id_that_is_taken_in_the_same_moment_is_not_taken_over(workspace, plan, monkeypatch):
    other = create_run(workspace, PAIRS, plan.recipe, name="a", source=SOURCE, plan=plan)
    before = read_object(other.recipe_file)
    ids = iter([other.id, "a-2"])
    monkeypatch.setattr(create, "new_run_id", lambda workspace, name: next(ids))
    run = create_run(workspace, PAIRS, plan.recipe, name="a", source=SOURCE, plan=plan)
    assert (run.id, run.settings()["id"]) == ("a-2", "a-2") and read_object(other.recipe_file) == before


def test_a_disk_that_refuses_leaves_nothing(workspace, plan, monkeypatch):
    def full(self, target):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "rename", full)
    with pytest.raises(WorkbenchError, match="could not be written") as caught:
        create_run(workspace, PAIRS, plan.recipe, source=SOURCE, plan=plan)
    assert "No space left" in caught.value.why and list(workspace.runs.iterdir()) == []


def test_a_run_from_before_there_were_folds_is_started_again_as_it_was(make_run):
    run = make_run()
    settings = read_object(run.recipe_file)
    settings["recipe"].pop("evidence")
    write_json(run.recipe_file, settings)
    pairs, recipe, groups = pairs_of(run, {"epochs": 2})
    assert (recipe.evidence, recipe.epochs, groups) == ("held-out", 2, [[3, 4]])
    assert (pairs.name, pairs.kind, list(pairs.frame)) == ("a.csv", "pairs", ["row", "anchor", "positive"])
