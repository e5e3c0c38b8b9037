"""A search from the command line with the real worker and a tiny model."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from core.runs.local import REPOSITORY
from core.runs.run import all_runs
from core.workspace import Workspace
from tests.tiny import pairs, tiny_model


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """A folder with a workspace, a tiny model and a file of pairs."""
    folder = tmp_path_factory.mktemp("search")
    tiny_model(folder / "tiny", Workspace.at(folder / "workspace"))
    named = pairs(40).rename(columns={"anchor": "question", "positive": "answer"})
    named[["question", "answer"]].to_csv(folder / "words.csv", index=False)
    return folder


def search(place: Path, *arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "core", "search", str(place / "words.csv"), "--workspace", str(place / "workspace")]
    return subprocess.run([*command, *arguments], cwd=REPOSITORY, capture_output=True, text=True)


def test_a_search_tells_of_each_trial_and_ends_with_the_table(place):
    settings = ("--set", f"base_model={place / 'tiny'}", "--set", "epochs=3", "--set", "learning_rate=1e-3")
    done = search(place, *settings, "--space", "learning_rate=1e-6,1e-3", "--json")
    assert done.returncode == 0, done.stderr
    first, *trials, last = [json.loads(line) for line in done.stdout.splitlines()]
    assert first["kind"] == "created" and [one["changes"] for one in first["trials"]] == [
        {"learning_rate": 1e-3}, {"learning_rate": 1e-6}
    ]
    assert {one["kind"] for one in trials} == {"trial"}
    assert [one["run"] for one in trials if one["state"] == "done"] == [one["run"] for one in first["trials"]]
    assert last["kind"] == "result" and last["search"] == first["search"]
    best, other = last["trials"]
    assert best["run"] == last["best"] == first["trials"][0]["run"] and best["best"] and not other["best"]
    assert best["ndcg"] > other["ndcg"] and best["low"] <= best["change"] <= best["high"] and best["seconds"] > 0
    assert "best of 2 trials" in last["caution"] and f"{best['questions']} held-out" in last["caution"]
    assert sum(run.model.exists() for run in all_runs(Workspace.at(place / "workspace"))) == 2


@pytest.mark.parametrize(
    "arguments, said", [(("--space", "seed=1,2"), "cannot be searched over"), (("--trials", "99"), "2 to 30")]
)
def test_what_cannot_be_searched_is_refused_before_anything_is_made(place, arguments, said):
    before = len(all_runs(Workspace.at(place / "workspace")))
    refused = search(place, *arguments)
    assert refused.returncode == 2 and said in refused.stderr
    assert len(all_runs(Workspace.at(place / "workspace"))) == before
