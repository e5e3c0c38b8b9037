"""A run's course, from its events to the numbers that are drawn."""

from hypothesis import given
from hypothesis import strategies as st

from workbench.curves import MOST_POINTS, curve, smoothed, thinned


def step(number, loss=1.0):
    return {"kind": "step", "step": number, "steps": 9, "loss": loss, "learning_rate": 1e-5}


def held(number, value, base=False, best=False):
    return {"kind": "held_out", "step": number, "ndcg@10": value, "mrr@10": value - 0.1, "base": base, "best": best}


def test_a_course():
    events = [
        {"kind": "start", "step": 0},
        {"kind": "plan", "steps": 9},
        held(0, 0.7, base=True),
        step(1, 2.0),
        step(2, 1.5),
        held(2, 0.8, best=True),
        {"kind": "stage", "text": "unknown to charts"},
    ]
    one = curve("run", events)
    assert (one.steps, one.loss, one.total) == ([1, 2], [2.0, 1.5], 9)
    assert (one.checked, one.ndcg, one.base_ndcg, one.best) == ([2], [0.8], 0.7, 2)


def test_a_resumed_run_draws_each_step_once():
    events = [
        {"kind": "start", "step": 0},
        step(1),
        step(2),
        held(2, 0.8),
        step(3, 9.0),
        {"kind": "start", "step": 2},
        step(3, 0.5),
    ]
    one = curve("run", events)
    assert one.steps == [1, 2, 3] and one.loss[-1] == 0.5 and one.checked == [2]


@given(st.floats(-5, 5), st.integers(1, 50))
def test_smoothing_a_constant_changes_nothing(value, length):
    assert all(abs(one - value) < 1e-9 for one in smoothed([value] * length))


@given(st.integers(1, 5000))
def test_thinning_keeps_both_ends_and_the_order(length):
    (values,) = thinned(list(range(length)))
    assert len(values) <= MOST_POINTS and values[0] == 0 and values[-1] == length - 1
    assert values == sorted(set(values))
