"""A run's course, from its events to the numbers that are drawn."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.curves import MOST_CHECKS, Course, smoothed, thinned


def step(number, loss=1.0):
    return {"kind": "step", "step": number, "steps": 9, "loss": loss, "learning_rate": 1e-5}


def curve(events):
    course = Course()
    for event in events:
        course.take(event)
    return course.curve("run")


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
    one = curve(events)
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
    one = curve(events)
    assert one.steps == [1, 2, 3] and one.loss[-1] == 0.5 and one.checked == [2]


def test_the_figures_are_of_the_newest_step_and_the_best_check():
    course = Course()
    for event in (held(0, 0.7, base=True), step(1, 2.0), held(1, 0.9), step(2, 1.0), held(2, 0.9), held(3, 0.8)):
        course.take(event)
    course.take({"kind": "stage", "text": "Writing."})
    assert (course.figures.stage, course.figures.step["step"], course.figures.best["step"]) == ("Writing.", 2, 1)


def test_a_loss_that_was_not_a_number_has_no_point():
    assert curve([step(1), {**step(2), "loss": None}, step(3)]).steps == [1, 3]


def of_fold(number, passed, value):
    return {**held(passed, value), "fold": number, "pass": float(passed), "questions": 4}


@pytest.mark.parametrize(("whole", "needed"), [
    ({"kind": "plan", "steps": 9}, "steps"),
    (step(2), "step loss learning_rate"),
    (held(2, 0.8, best=True), "step ndcg@10 mrr@10"),
    ({"kind": "stage", "text": "Fold 1.", "number": 1, "before": 0, "steps": 9}, "text before steps"),
    (of_fold(1, 2, 0.8), "step ndcg@10 mrr@10 pass questions"),
])
def test_a_damaged_line_is_left_out_and_all_others_are_drawn(whole, needed):
    before, after = [{"kind": "plan", "steps": 7}, held(0, 0.6, base=True), step(1)], [held(1, 0.7), step(3, 0.5)]
    assert curve([*before, whole, *after]) != curve([*before, *after])
    for lost in needed.split():
        damaged = {name: value for name, value in whole.items() if name != lost}
        assert curve([*before, damaged, *after]) == curve([*before, *after]), lost


def test_a_damaged_check_of_a_fold_takes_only_that_pass_from_the_mean():
    one = curve([of_fold(1, 0, 0.5), of_fold(1, 2, 0.7), of_fold(2, 0, 0.7), of_fold(2, 1, 0.8)])
    assert one.base_ndcg == pytest.approx(0.6) and one.checked == []


@pytest.mark.parametrize("questions", [0, -10, 10**400], ids=["none", "fewer", "too many for a float"])
def test_a_check_of_a_fold_that_asked_no_questions_is_left_out(questions):
    sound = [of_fold(1, 0, 0.5), of_fold(1, 1, 0.7)]
    damaged = [of_fold(2, 0, 0.9, questions=questions), of_fold(2, 1, 0.9, questions=questions)]
    assert curve([*damaged, *sound, *damaged]) == curve(sound)
    assert curve(damaged).checked == []


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=60))
def test_the_smoothed_loss_is_the_weighted_mean_of_all_before(values):
    """Against the closed form: weights 0.85^age, normalised."""
    got = curve([step(number, value) for number, value in enumerate(values, start=1)]).smooth
    for number, found in enumerate(got, start=1):
        weights = [0.85**age for age in reversed(range(number))]
        expected = sum(w * v for w, v in zip(weights, values, strict=False)) / sum(weights)
        assert abs(found - expected) < 1e-9


@given(st.floats(-5, 5), st.integers(0, 50))
def test_smoothing_a_constant_changes_nothing(value, number):
    assert abs(smoothed(value, value, number) - value) < 1e-9


@given(st.integers(1, 5000), st.data())
def test_thinning_keeps_both_ends_the_asked_for_row_and_the_order(length, data):
    also = data.draw(st.none() | st.integers(0, length - 1))
    (values,) = thinned(list(range(length)), most=400, also=also)
    assert len(values) <= 400 and values[0] == 0 and values[-1] == length - 1
    assert values == sorted(set(values)) and (also is None or also in values)


def test_the_best_check_stays_on_a_long_runs_chart():
    events = [held(number, 0.5 + (number == 777) / 10, best=number == 777) for number in range(1, 3001)]
    one = curve(events)
    assert len(one.checked) <= MOST_CHECKS and one.ndcg[one.checked.index(777)] == 0.6


def of_fold(fold, passed, value, before=0, questions=10):
    return {**held(before + 4 * passed, value, base=passed == 0), "pass": float(passed), "fold": fold, "questions": questions}


def training(number, before, done=0):
    return {"kind": "stage", "text": f"Training {number}", "number": number, "before": before, "done": done, "steps": 8}


def test_five_folds_show_the_training_under_way_and_the_mean_of_the_folds_that_are_done():
    first = [training(1, 0), {"kind": "plan", "steps": 48}, of_fold(1, 0, 0.5), step(1, 2.0), of_fold(1, 1, 0.6)]
    one = curve(first)
    assert (one.number, one.total, one.steps, one.checked, one.ndcg, one.base_ndcg) == (1, 8, [1], [4], [0.6], 0.5)
    second = [*first, of_fold(1, 2, 0.8), training(2, 8), of_fold(2, 0, 0.9, 8, 30), step(9, 1.0), of_fold(2, 1, 0.2, 8, 30)]
    two = curve(second)
    assert (two.number, two.steps, two.loss) == (2, [1], [1.0])
    assert (two.checked, two.ndcg, two.base_ndcg, two.best) == ([4, 8], [0.6, 0.8], 0.5, 8)  # fold 2 is not done
    done = curve([*second, of_fold(2, 2, 0.4, 8, 30)])
    assert done.ndcg == [0.3, 0.5] and round(done.base_ndcg, 9) == 0.8 and done.best is None


def test_a_fold_that_is_resumed_draws_each_step_once():
    events = [training(2, 8), of_fold(2, 0, 0.5, 8), step(9), step(10), step(11, 9.0), of_fold(2, 0.75, 0.6, 8)]
    again = curve([*events, {"kind": "start", "step": 10}, training(2, 8, done=2), of_fold(2, 0, 0.5, 8), step(11, 0.5)])
    assert again.steps == [1, 2, 3] and again.loss[-1] == 0.5
    assert again.checked == []  # a check in the middle of a pass has no like in other folds


def test_the_card_names_the_mean_of_the_folds():
    course = Course()
    for event in (training(1, 0), of_fold(1, 0, 0.5), of_fold(1, 1, 0.75), step(4)):
        course.take(event)
    figures = course.figures
    assert (figures.stage, figures.best["ndcg@10"], figures.best["of_folds"]) == ("Training 1", 0.75, True)
