import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import bootstrap, norm, permutation_test, t

from core.evaluation.statistics import (
    expanded_tail,
    paired_bootstrap,
    paired_bootstraps,
    sign_flip_p,
    sign_flip_ps,
    smallest_tellable_change,
)

SKEWED = np.random.default_rng(3).choice([0, 0, 0, 0.5, 0.37, 1, -0.5], size=60)


def test_the_interval_of_many_equals_scipys():
    many = np.random.default_rng(3).choice([0, 0, 0, 0.5, 0.37, 1, -0.5], size=600)
    found = paired_bootstrap(many, np.arange(600), resamples=20_000)
    expected = bootstrap((many,), np.mean, n_resamples=5_000, confidence_level=1 - 2 * expanded_tail(600),
                         method="percentile", rng=np.random.default_rng(1)).confidence_interval
    assert found.mean == pytest.approx(many.mean())
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=0.003)


def test_the_interval_of_few_is_that_of_drawing_them_one_by_one_with_a_quarter_of_what_was_not_seen():
    few = SKEWED[:12]
    values, weights = [*few, 1, -1], np.array([1] * 12 + [0.125, 0.125])
    drawn = np.random.default_rng(1).choice(values, p=weights / weights.sum(), size=(40_000, 12)).mean(axis=1)
    tail = expanded_tail(12)
    low, high = np.quantile(drawn, [tail, 1 - tail]) + few.mean() - np.average(values, weights=weights)
    found = paired_bootstrap(few, np.arange(12), resamples=40_000)
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.02)


def test_components_of_unequal_size_are_drawn_whole_as_scipy_draws_them():
    random = np.random.default_rng(4)
    components = random.integers(0, 150, size=600)
    differences = (random.normal(size=600) + random.normal(size=150)[components]) / 5  # alike inside a component
    groups = [differences[components == one] for one in np.unique(components)]
    sums, sizes = np.array([group.sum() for group in groups]), np.array([len(group) for group in groups])

    found = paired_bootstrap(differences, components, resamples=20_000)
    expected = bootstrap((sums, sizes), lambda x, n, axis: x.sum(axis) / n.sum(axis), paired=True, n_resamples=20_000,
                         confidence_level=1 - 2 * expanded_tail(len(groups)), method="percentile",
                         rng=np.random.default_rng(1)).confidence_interval
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=0.006)
    rows = paired_bootstrap(differences, np.arange(600), resamples=20_000)
    assert found.high - found.low > 1.3 * (rows.high - rows.low)  # rows alone would promise too much


def test_questions_of_which_none_moved_do_not_prove_that_none_ever_would():
    few, many = (paired_bootstrap(np.zeros(count), np.arange(count)) for count in (8, 300))
    assert few.mean == 0 and few.low < -0.05 and few.high > 0.05 and few.holds_zero
    assert -0.01 < many.low <= 0 <= many.high < 0.01


def test_the_same_rows_many_times_over_make_no_interval_narrower():
    once = paired_bootstrap(SKEWED, np.arange(60))
    tenfold = paired_bootstrap(np.tile(SKEWED, 10), np.tile(np.arange(60), 10))
    assert (tenfold.low, tenfold.high) == pytest.approx((once.low, once.high), abs=0.02)


def test_the_tails_widen_small_samples_as_students_t_does():
    for count in (8, 17, 1000):
        wanted = np.sqrt(count / (count - 1)) * t.ppf(0.975, count - 1)
        assert -norm.ppf(expanded_tail(count)) == pytest.approx(wanted)
    assert expanded_tail(100_000) == pytest.approx(0.025, abs=1e-4)


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    values, weights = np.array([0, 0.5, 0.37, 1, -0.63]), np.array([0.55, 0.15, 0.1, 0.1, 0.1])
    random = np.random.default_rng(0)
    covered = 0
    for seed in range(300):
        found = paired_bootstrap(random.choice(values, size=30, p=weights), np.arange(30), resamples=1000, seed=seed)
        covered += found.low <= values @ weights <= found.high
    assert 0.91 <= covered / 300 <= 0.985


def test_the_interval_covers_the_truth_of_a_nearly_perfect_base_too():
    values, weights = np.array([0, 0.37, 0.5, -0.37]), np.array([0.93, 0.04, 0.02, 0.01])
    random = np.random.default_rng(0)
    covered = 0
    for seed in range(300):
        found = paired_bootstrap(random.choice(values, size=17, p=weights), np.arange(17), resamples=1000, seed=seed)
        covered += found.low <= values @ weights <= found.high
    assert covered / 300 >= 0.93


@given(st.lists(st.sampled_from([-1.0, -0.5, 0.0, 0.37, 1.0]), min_size=2, max_size=30))
def test_the_interval_lies_about_the_mean_within_what_is_possible_and_does_not_depend_on_their_order(differences):
    values = np.array(differences)
    found = paired_bootstrap(values, np.arange(len(values)), resamples=500)
    assert -1 <= found.low <= found.mean + 1e-9 and found.mean - 1e-9 <= found.high <= 1
    turned = paired_bootstrap(values[::-1], np.arange(len(values)), resamples=500)
    assert (turned.low, turned.high) == pytest.approx((found.low, found.high))


def test_one_component_has_no_interval_and_holds_zero():
    found = paired_bootstrap(np.array([0.5, 0.7]), np.array([3, 3]))
    assert found.mean == pytest.approx(0.6) and found.low is None and found.high is None and found.holds_zero


def test_p_equals_scipys_permutation_test():
    some = SKEWED[:25] - 0.1
    expected = permutation_test((some,), np.mean, permutation_type="samples", n_resamples=20_000,
                                rng=np.random.default_rng(1)).pvalue
    assert sign_flip_p(some, np.arange(25), flips=20_000) == pytest.approx(expected, abs=0.02)


def test_p_of_four_questions_that_all_improved_is_that_of_four_coins():
    differences = np.array([0.5, 0.4, 1, 0.3, 0, 0, 0, 0])
    assert sign_flip_p(differences, np.arange(8)) == pytest.approx(2 / 16, abs=0.015)


def test_p_is_1_without_any_difference_and_small_for_a_large_one():
    assert sign_flip_p(np.zeros(20), np.arange(20)) == 1
    assert sign_flip_p(np.full(20, 0.1), np.arange(20)) < 0.001


def test_p_flips_whole_components():
    differences, one = np.full(20, 0.1), np.repeat([0, 1], 10)
    assert sign_flip_p(differences, one) == pytest.approx(0.5, abs=0.03)


def test_the_smallest_change_that_can_be_told_is_the_one_measured():
    assert smallest_tellable_change(17) == pytest.approx(0.20, abs=0.005)
    assert smallest_tellable_change(85) == pytest.approx(0.09, abs=0.005)


def test_several_measures_at_once_are_each_as_alone():
    both, components = np.column_stack([SKEWED, np.roll(SKEWED, 7) / 2]), np.arange(60) // 2
    for number, (interval, p) in enumerate(
        zip(paired_bootstraps(both, components), sign_flip_ps(both, components), strict=True)
    ):
        alone = paired_bootstrap(both[:, number], components)
        assert (interval.mean, interval.low, interval.high) == pytest.approx((alone.mean, alone.low, alone.high), abs=0.01)
        assert p == pytest.approx(sign_flip_p(both[:, number], components), abs=0.02)
    assert len(paired_bootstraps(both[:0], components[:0])) == 2


def test_p_of_components_that_all_moved_alike_is_that_of_a_fair_coin():
    """Only the two of 2^8 arrangements in which all have one sign are as far from 0."""
    assert sign_flip_p(np.full(8, 0.5), np.arange(8)) == pytest.approx(2 / 2**8, abs=0.003)
