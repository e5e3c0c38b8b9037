"""Which trial is best, and how much of that may be luck."""

import random
import shutil
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.runs.run import Run
from core.search.results import Row, caution, largest_of, luck, ranked, size_of, value_of
from core.workspace import files_below


def row(number: int, reached: float | None, half: float = 0.05, **more) -> Row:
    known = {} if reached is None else {
        "ndcg": reached, "value": reached, "low": reached - half, "high": reached + half, "final": True,
        "questions": 17,
    }
    return Row(number, f"run-{number}", {}, **{"state": "done", **known, **more})


@given(st.lists(st.one_of(st.none(), st.floats(0, 1)), max_size=12))
def test_the_best_is_first_and_only_one(values):
    table = ranked([row(number, value) for number, value in enumerate(values, start=1)])
    scored = [one.value for one in table if one.value is not None]
    assert scored == sorted(scored, reverse=True)
    assert sum(one.best for one in table) == bool(scored) and (not scored or table[0].best)
    assert sorted(one.number for one in table) == list(range(1, len(values) + 1))


def test_of_equals_the_first_is_best_and_what_is_not_over_cannot_be():
    table = ranked([row(3, 0.8), row(1, 0.8), row(2, None, state="running", value=0.99), row(4, None, state="queued")])
    assert [(one.number, one.best) for one in table] == [(1, True), (3, False), (2, False), (4, False)]


def test_where_scores_count_the_gap_does_too_but_not_at_the_cost_of_the_order():
    base = {"ndcg@10": 0.7}
    near = {"ndcg@10": 0.80, "matched": 0.9, "mismatched": 0.6}
    apart = {"ndcg@10": 0.78, "matched": 0.9, "mismatched": 0.1}
    lost = {"ndcg@10": 0.69, "matched": 1.0, "mismatched": None}
    assert value_of(near, base, "order") > value_of(apart, base, "order")
    assert value_of(apart, base, "scores") > value_of(near, base, "scores") > value_of(lost, base, "scores")


@pytest.mark.parametrize("count, known", [(1, 0.0), (2, 0.5642), (9, 1.4850), (30, 2.0428)])
def test_the_largest_of_several_draws(count, known):
    assert largest_of(count) == pytest.approx(known, abs=1e-3)


def test_luck_is_what_equal_trials_gain_by_being_picked():
    draw, error = random.Random(1), 0.1 / 3.92
    gained = statistics.fmean(max(draw.gauss(0, error) for _ in range(9)) for _ in range(4000))
    assert luck([row(number, 0.8) for number in range(1, 10)]) == pytest.approx(gained, rel=0.05)


def test_the_caution_says_how_much_and_only_when_there_is_a_choice():
    assert caution([row(1, 0.8), row(2, None)]) == ""
    said = caution([row(1, 0.8), row(2, 0.7)])
    assert "best of 2 trials" in said and "17 held-out questions" in said and "0.014" in said
    assert "No trial is clearly better than the base model" in said
    assert "clearly better" not in caution([row(1, 0.8, better=True), row(2, 0.7)])
    unknown = caution([row(1, 0.8, low=None, high=None, questions=1), row(2, 0.7, questions=1)])
    assert "cannot be told" in unknown and "1 held-out question " in unknown


def test_the_size_of_runs_that_another_page_deletes_meanwhile(tmp_path, monkeypatch):
    runs = [Run(tmp_path / f"run-{number}") for number in range(2)]
    for run in runs:
        run.model.mkdir(parents=True)
        (run.folder / "events.jsonl").write_bytes(b"12345")
        (run.model / "model.safetensors").write_bytes(b"1234567890")
    assert size_of(runs) == 2 * 15 and size_of([Run(tmp_path / "nowhere")]) == 0
    found = {run.folder: files_below(run.folder) for run in runs}
    shutil.rmtree(runs[0].folder)
    monkeypatch.setattr("core.search.results.files_below", found.get)
    assert size_of(runs) == 15
