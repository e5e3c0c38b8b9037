"""What a search tries: the plan's own settings first, every value about equally often, nothing twice."""

from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import WorkbenchError
from core.search.space import combinations, draw, in_words, make_space, parse_space, usual_space


def test_the_usual_space_is_around_the_plan(plan):
    space = usual_space(plan)
    assert space == {"learning_rate": (2.5e-5, 5e-5, 1e-4), "batch_size": (4, 8, 16)}
    assert combinations(space) == 9


rates = st.lists(st.sampled_from([1e-5, 2.5e-5, 5e-5, 1e-4, 2e-4]), min_size=1, max_size=5, unique=True)
sizes = st.lists(st.integers(2, 64), min_size=2, max_size=5, unique=True)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(rates, sizes, st.integers(2, 30))
def test_trials_are_few_different_and_even(plan, rates, sizes, trials):
    space = make_space({"learning_rate": rates, "batch_size": sizes})
    drawn = draw(space, trials, plan)
    assert drawn[0] == {"learning_rate": 5e-5, "batch_size": 8}
    assert len({tuple(changes.items()) for changes in drawn}) == len(drawn) <= trials
    assert len(drawn) >= min(trials, combinations(space))
    if len(drawn) < combinations(space):  # a draw, not all of them: every value has about the same share
        for name, values in space.items():
            tried = Counter(changes[name] for changes in drawn[1:])
            assert max(tried[value] for value in values) - min(tried[value] for value in values) <= 2
    assert draw(space, trials, plan) == drawn


@pytest.mark.parametrize(
    "text, said",
    [
        ("learning_rate", "names no values"),
        ("seed=1,2", "cannot be searched over"),
        ("batch_size=1,8", "from 2 to 4096"),
        ("learning_rate=x,1e-4", "a number from"),
    ],
)
def test_what_cannot_be_searched_is_explained(text, said):
    with pytest.raises(WorkbenchError, match=said):
        parse_space([text])


def test_values_are_read_sorted_and_once():
    assert parse_space(["learning_rate=1e-4, 5e-5,1e-4", "epochs=3"]) == {"learning_rate": (5e-5, 1e-4), "epochs": (3,)}


@pytest.mark.parametrize("trials", [0, 1, 31])
def test_too_few_or_many_trials(plan, trials):
    with pytest.raises(WorkbenchError, match="2 to 30"):
        draw(usual_space(plan), trials, plan)


def test_one_value_is_no_search(plan):
    with pytest.raises(WorkbenchError, match="nothing to search"):
        draw(make_space({"batch_size": [8]}), 3, plan)


def test_a_trial_is_called_by_its_settings():
    changes = {"learning_rate": 1e-4, "batch_size": 32, "epochs": 1}
    assert in_words(changes) == "learning rate 0.0001, 32 pairs a step, 1 pass at most"
