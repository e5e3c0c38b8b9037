"""What ``search`` says of its trials: as they begin and end, and in the table at the end."""

import json
from types import SimpleNamespace

import pytest

from core.cli import search as command
from core.search.results import Row

ROWS = [
    Row(2, "s-2", {"epochs": 4}, "done", ndcg=0.75, hit=0.5, change=0.125, low=0.05, high=0.2, seconds=61.4, best=True),
    Row(1, "s-1", {"epochs": 1}, "stopped", ndcg=0.5, hit=0.25, change=-0.1, seconds=9),
    Row(3, "s-3", {"epochs": 2}, "failed", seconds=3),
]


@pytest.fixture
def trials(monkeypatch, tmp_path):
    """A search of three trials whose last one is over at the second look, with a line that nobody moves."""
    looks = iter([[Row(1, "s-1", {"epochs": 1}, "running"), Row(2, "s-2", {"epochs": 4}, "queued")], ROWS, ROWS])
    monkeypatch.setattr(command, "results", lambda search: next(looks))
    monkeypatch.setattr(command, "caution", lambda rows: "Choosing the best flatters it.")
    monkeypatch.setattr(command, "TICK", 0)
    at_work = iter([True, False])
    return SimpleNamespace(id="s", most=lambda: 3, working=lambda: next(at_work), runs=tmp_path)


def follow(search, **more) -> int:
    nothing = SimpleNamespace(refresh=lambda: None, launch_next=lambda: None, workspace=SimpleNamespace(root="/a b"))
    return command._follow(search, nothing, nothing, **{"as_json": False, **more})


def test_each_trial_is_told_when_it_begins_and_ends_and_the_best_is_marked(trials, capsys):
    assert follow(trials) == 0
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert lines[:4] == [
        "Trial 1 of 3: 1 pass at most", "  stopped after 9 s, nDCG@10 0.500, against base -0.100",
        "  done after 61 s, nDCG@10 0.750, against base +0.125 (+0.050 to +0.200)", "  failed after 3 s",
    ]
    best, second, third = lines[6:9]
    assert best.startswith("* 4 passes at most") and "+0.125 (+0.050 to +0.200)" in best and best.endswith("61 s  done")
    assert second.startswith("  1 pass at most") and "-0.100" in second and third.startswith("  2 passes at most") and "–" in third
    assert lines[-2:] == ["Choosing the best flatters it.", f"The best model is in {trials.runs / 's-2' / 'model'}"]


def test_as_json_each_line_is_an_object_and_the_last_one_the_result(trials, capsys):
    assert follow(trials, as_json=True) == 0
    *told, last = map(json.loads, capsys.readouterr().out.splitlines())
    assert [(one["kind"], one["run"], one["state"]) for one in told] == [
        ("trial", "s-1", "running"), ("trial", "s-1", "stopped"), ("trial", "s-2", "done"), ("trial", "s-3", "failed"),
    ]
    assert (last["kind"], last["search"], last["best"], last["caution"]) == ("result", "s", "s-2", "Choosing the best flatters it.")
    assert [one["run"] for one in last["trials"]] == ["s-2", "s-1", "s-3"]


def test_ctrl_c_says_how_to_stop_the_trial_at_work(trials, monkeypatch, capsys):
    def interrupt(search):
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "results", interrupt)
    assert follow(trials) == 130
    assert "python -m core stop RUN --workspace '/a b'" in capsys.readouterr().err


@pytest.mark.parametrize("as_json", [True, False])
def test_a_search_that_was_not_taken_says_why(trials, monkeypatch, capsys, as_json):
    failed = {"what": "It was refused.", "why": "The quota is zero.", "what_to_do": "Ask for more."}
    trials.prototype = SimpleNamespace(status=lambda: SimpleNamespace(last=failed))
    monkeypatch.setattr(command, "results", lambda search: [])
    assert follow(trials, as_json=as_json) == 1
    told = capsys.readouterr()
    assert json.loads(told.out) == failed if as_json else "The quota is zero." in told.out + told.err


def test_without_a_model_the_search_has_failed(trials, monkeypatch, capsys):
    monkeypatch.setattr(command, "results", lambda search: ROWS[2:])
    monkeypatch.setattr(command, "caution", lambda rows: None)
    assert follow(trials) == 1
    assert "The best model" not in capsys.readouterr().out
