"""Figures: right numbers, no user text that is read as markup, and a payload that a slow line carries."""

import json

import numpy as np
import pytest

from workbench import charts
from workbench.curves import Curve

EVIL = "<b onmouseover=alert(1)>x</b>"


def course(name="run", steps=50, total=60):
    one = Curve(name, total=total, base_ndcg=0.7, base_mrr=0.65)
    one.steps = list(range(1, steps + 1))
    one.loss = [1 / step for step in one.steps]
    one.rate = [1e-5] * steps
    one.checked, one.ndcg, one.mrr = [10, 20], [0.8, 0.85], [0.75, 0.8]
    return one


def figures():
    rng = np.random.default_rng(0)
    places = rng.normal(size=(30, 2))
    return {
        "lengths": charts.token_lengths(np.arange(1, 40), np.arange(1, 400, 10), 256, "set"),
        "loss": charts.loss(course(EVIL), [course(EVIL)]),
        "held_out": charts.held_out(course(EVIL), [course(EVIL)]),
        "few ranks": charts.ranks(np.array([1, 2, 9]), np.array([1, 1, 12]), "x"),
        "many ranks": charts.ranks(rng.integers(1, 300, 500), rng.integers(1, 300, 500), "x"),
        "similarity": charts.similarity([("base", rng.random(9), rng.random(99)), ("tuned", rng.random(9), rng.random(99))], "x"),
        "map": charts.space_map(places, places + 0.1, [EVIL] * 30, range(30), "x"),
        "empty": charts.empty(),
    }


@pytest.mark.parametrize("name", figures())
def test_every_figure_is_whole_quiet_and_safe(name):
    text = figures()[name]
    figure = json.loads(text)
    assert "<b onmouseover" not in text
    assert figure["layout"]["paper_bgcolor"] == "rgba(0,0,0,0)"
    assert figure["layout"]["uirevision"]
    assert len(text) < 40_000


def test_the_loss_chart_holds_each_step_and_the_base_line_stands_in_the_other():
    loss, held = json.loads(charts.loss(course())), json.loads(charts.held_out(course()))
    assert loss["data"][0]["y"][:2] == [1.0, 0.5]
    assert held["data"][1]["x"] == [0, 10, 20] and held["data"][1]["y"] == [0.7, 0.8, 0.85]
    assert held["layout"]["shapes"][0]["y0"] == 0.7


def test_a_course_with_nothing_in_it_yet_is_drawn():
    for draw in (charts.loss, charts.held_out):
        assert json.loads(draw(Curve("new")))["layout"]["xaxis"]["range"][0] == 0


def test_lines_of_equal_pairs_are_one_thicker_line():
    figure = json.loads(charts.ranks(np.array([1, 1, 1, 5]), np.array([1, 1, 1, 2]), "x"))
    assert [trace["y"] for trace in figure["data"]] == [[1, 1], [5, 2]]
    assert figure["data"][0]["line"]["width"] > figure["data"][1]["line"]["width"]


def test_buckets_count_every_pair_once():
    before = np.array([1] * 30 + [3] * 10 + [7] * 5 + [50, 5000])
    figure = json.loads(charts.ranks(before, before, "x"))
    assert figure["data"][0]["y"] == [30, 10, 5, 1, 1]
