"""The blend card: what it says of a curve, and mixes that are asked while the page may be closed."""

import threading
import time

import pytest

from core.blending import Curve, Point
from core.errors import WorkbenchError
from core.runs.run import Run
from core.workspace import Workspace
from workbench import mixing
from workbench.cards import blend as cards


def curve(own: list[float], general: list[float], ways=("linear",)) -> Curve:
    """A curve with these changes from the base."""
    shares = [number / (len(own) - 1) for number in range(len(own))]
    return Curve(tuple(
        Point(way, share, 0.7 + mine, (mine, mine - 0.01, mine + 0.01), 0.75 + other, (other, None, None))
        for way in ways
        for share, mine, other in zip(shares, own, general, strict=True)
    ), "held-out", (17, 225), 1.0)


@pytest.mark.parametrize("own, general, said", [
    ([0, 0.10, 0.11], [0, 0.0, -0.05], "a mix with <b>50%</b> of the tuned model comes out best: own data +0.100"),
    ([0, 0.05, 0.11], [0, 0.0, -0.01], "the tuned model itself comes out best"),
    ([0, -0.05, -0.1], [0, 0.0, -0.1], "the base itself comes out best"),
    ([0, 0.0, 0.0], [0, 0.0, 0.0], "the tuned model itself comes out best"),
])
def test_the_best_mix_is_named(own, general, said):
    words = cards.curve_words(curve(own, general))
    assert said in words and "17 held-out questions" in words and "225 everyday questions" in words
    assert words.count("<tr>") == 4 and f"{own[1]:+.3f}, {own[1] - 0.01:+.3f} to {own[1] + 0.01:+.3f}" in words


def test_a_chosen_mix_is_told_with_its_way():
    both = curve([0, 0.10, 0.11], [0, 0.0, -0.05], ("linear", "spherical"))
    assert "50% tuned: own data 0.800 (+0.100, +0.090 to +0.110)" in cards.point_words(both, 0.5, "spherical")
    assert cards.point_words(curve([0, 0.1, 0.1], [0, 0, 0]), 0.5, "spherical") == "" == cards.point_words(both, 0.4, "linear")


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / "workspace" / "runs" / "one"
    folder.mkdir(parents=True)
    return Run(folder)


def ended(one: mixing.Mixing, run: Run) -> mixing.Asked:
    for thread in threading.enumerate():
        if thread.name == f"mixes of {run.id}":
            thread.join(10)
    return one.look(run)


def test_mixes_are_asked_in_the_background_and_once(run, tmp_path, monkeypatch):
    go, calls, found = threading.Event(), [], curve([0, 0.1, 0.2], [0, 0, 0])

    def trade_off(run, workspace, progress):
        calls.append(run.id)
        progress(1, 3)
        go.wait(10)
        return found

    monkeypatch.setattr(mixing, "trade_off", trade_off)
    one = mixing.Mixing(Workspace.at(tmp_path / "workspace"))
    assert one.look(run) is None and one.look(None) is None
    one.begin(run)
    one.begin(run)
    while one.look(run).done == 0:
        time.sleep(0.01)
    assert one.look(run) == mixing.Asked(1, 3) and one.look(run).at_work
    go.set()
    assert ended(one, run).curve is found and not one.look(run).at_work
    one.begin(run)
    assert calls == ["one"]


@pytest.mark.parametrize("error, what", [(WorkbenchError("Gone.", "", ""), "Gone."), (KeyError("x"), "could not be asked")])
def test_what_goes_wrong_is_said_and_can_be_tried_again(run, tmp_path, monkeypatch, error, what):
    calls = []

    def trade_off(*_):
        calls.append(1)
        raise error

    monkeypatch.setattr(mixing, "trade_off", trade_off)
    one = mixing.Mixing(Workspace.at(tmp_path / "workspace"))
    for _ in range(2):
        one.begin(run)
        assert what in ended(one, run).trouble.what and not one.look(run).at_work
    assert len(calls) == 2
