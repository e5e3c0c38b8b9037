"""Figures: right numbers, no user text that is read as markup, and a payload that a slow line carries."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
import pytest

from core.blending import Curve as Blends
from core.blending import Point
from workbench import charts
from workbench.charts import space
from workbench.curves import MOST_CHECKS, MOST_STEPS, Curve

EVIL = "<b onmouseover=alert(1)>x</b>"


def course(name="run", steps=50, total=60):
    loss = [1 / step for step in range(1, steps + 1)]
    return Curve(
        name, list(range(1, steps + 1)), loss, loss, [1e-5] * steps, [10, 20], [0.8, 0.85], [0.75, 0.8],
        total=total, base_ndcg=0.7, base_mrr=0.65,
    )


def space_map(places, kept=None):
    kinds = [charts.Kind(EVIL, "#000", "circle"), charts.Kind("other", "#000", "square")] * (len(places) // 2)
    kept = np.zeros(len(places)) if kept is None else kept
    return charts.space_map(places, places + 0.1, [EVIL] * len(places), range(len(places)), kept, kinds, "x")


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
        "map": space_map(places),
        "likeness": charts.likeness([("base", rng.random((4, 4))), ("tuned", rng.random((4, 4)))], [EVIL] * 4, [EVIL] * 4, "x"),
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
    go.Figure(figure)  # which knows each setting that Plotly has


def test_the_charts_of_a_long_run_are_light():
    one = course(steps=MOST_STEPS)
    thirds = [value / 3 for value in one.loss]
    checks = {"checked": one.steps[:MOST_CHECKS], "ndcg": thirds[:MOST_CHECKS], "mrr": thirds[:MOST_CHECKS]}
    one = dataclasses.replace(one, loss=thirds, smooth=thirds, **checks)
    assert len(charts.loss(one)) + len(charts.held_out(one)) < 16_000


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


def test_the_matrix_counts_every_pair_once_where_it_was_and_where_it_went():
    before = np.array([1] * 30 + [3] * 10 + [7] * 5 + [50, 5000])
    after = np.array([1] * 30 + [1] * 10 + [11] * 5 + [100, 101])
    cells = json.loads(charts.ranks(before, after, "x"))["data"][0]
    assert cells["x"] == cells["y"] == ["1st", "2 to 3", "4 to 10", "11 to 100", "over 100"]
    texts = cells["text"]  # a row an after, a column a before
    assert texts[0] == ["30", "10 ▲", "", "", ""] and texts[3] == ["", "", "5 ▼", "1", ""] and texts[4][4] == "1"
    assert cells["customdata"][0][1] == "10 pairs, better" and cells["customdata"][3][2] == "5 pairs, worse"
    assert cells["z"][0][1] > 0 > cells["z"][3][2] and cells["z"][0][0] == 0


def test_the_map_holds_both_places_and_a_line_only_where_neighbours_changed():
    places = np.random.default_rng(1).normal(size=(10, 2))
    kept = np.ones(10)
    kept[[2, 5]] = 0.2
    lines, before, *points = json.loads(space_map(places, kept))["data"]
    assert len(lines["x"]) == 6 and lines["x"][2] is None and len(before["x"]) == 2
    assert lines["x"][0] == pytest.approx(places[2, 0], abs=1e-3) and lines["x"][1] == pytest.approx(places[2, 0] + 0.1, abs=1e-3)
    assert sorted(one for trace in points for one in trace["customdata"]) == list(range(10))
    for trace in points:
        assert trace["meta"]["from"][0] == pytest.approx([x - 0.1 for x in trace["x"]], abs=1e-3)
    assert len(json.loads(space_map(places, np.ones(10)))["data"]) == 2


def test_of_many_that_changed_those_that_changed_most_have_a_line():
    kept = np.repeat([0.4, 0.1, 0.9], [charts.MOST_TRAILS, 60, 40])
    lines, before, *_ = json.loads(space_map(np.random.default_rng(1).normal(size=(len(kept), 2)), kept))["data"]
    assert len(before["x"]) == charts.MOST_TRAILS == len(lines["x"]) / 3
    assert set(range(charts.MOST_TRAILS, charts.MOST_TRAILS + 60)) < set(before["customdata"])
    assert max(before["customdata"]) < len(kept) - 40


def test_whatever_a_point_on_the_map_can_look_like_the_browser_can_paint_while_it_moves():
    script = (Path(charts.__file__).parents[1] / "map_view.js").read_text()
    for one in [value for value in vars(space).values() if isinstance(value, charts.Kind)]:
        assert f"'{one.symbol}': 'M" in script
    for _, symbol in space.GROUP_KINDS:
        assert f"'{symbol}': 'M" in script


def test_a_large_map_is_drawn_by_the_graphics_processor_and_stays_light():
    text = space_map(np.random.default_rng(1).normal(size=(10_000, 2)), np.ones(10_000))
    assert {trace["type"] for trace in json.loads(text)["data"]} == {"scattergl"}
    assert len(text) < 2_500_000


def test_the_heat_map_colours_by_the_rank_within_the_row():
    cosines = np.array([[0.9, 0.1, 0.5], [0.2, 0.1, 0.3], [0.0, -0.5, 0.8]])
    cells, own, *_ = json.loads(charts.likeness([("base", cosines), ("tuned", cosines)], ["q"] * 3, ["a"] * 3, "x"))["data"]
    assert [[cell[0] for cell in row] for row in cells["customdata"]] == [[1, 3, 2], [2, 3, 1], [2, 3, 1]]
    assert cells["z"][0][0] == 0 < cells["z"][0][2] < cells["z"][0][1]
    assert own["customdata"] == [1, 3, 1] and own["marker"]["symbol"] == ["circle", "x", "circle"]


def test_the_trade_off_shows_own_and_general_quality_of_each_mix_and_each_way():
    points = tuple(
        Point(way, share, 0.7 + share / 10, (0.0, None, None), 0.9 - share / 10, (0.0, None, None))
        for way in ("linear", "spherical")
        for share in (0.0, 0.5, 1.0)
    )
    own, general, *spherical = json.loads(charts.trade_off(Blends(points, "held-out", (17, 225), 6.0), "x"))["data"]
    assert own["x"] == [0, 0.5, 1] and own["y"] == pytest.approx([0.7, 0.75, 0.8])
    assert general["y"] == pytest.approx([0.9, 0.85, 0.8]) and own["marker"]["symbol"] != general["marker"]["symbol"]
    assert [trace["name"] for trace in spherical] == ["own data, spherical", "general language, spherical"]
