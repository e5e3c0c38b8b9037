import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import bootstrap, norm, permutation_test, t

from core.evaluation.statistics import expanded_tail, paired_bootstrap, sign_flip_p, smallest_tellable_change

SKEWED = np.random.default_rng(3).choice([0, 0, 0, 0.5, 0.37, 1, -0.5], size=60)


def test_the_interval_equals_scipys():
    found = paired_bootstrap(SKEWED, np.arange(60), resamples=40_000)
    level = 1 - 2 * expanded_tail(60)
    expected = bootstrap((SKEWED,), np.mean, n_resamples=40_000, confidence_level=level, method="percentile",
                         rng=np.random.default_rng(1)).confidence_interval
    assert found.mean == pytest.approx(SKEWED.mean())
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=0.01)


def test_components_of_unequal_size_are_drawn_whole_as_scipy_draws_them():
    random = np.random.default_rng(4)
    components = random.integers(0, 25, size=90)
    differences = random.normal(size=90) + random.normal(size=25)[components]  # alike inside a component
    groups = [differences[components == one] for one in np.unique(components)]
    sums, sizes = np.array([group.sum() for group in groups]), np.array([len(group) for group in groups])

    found = paired_bootstrap(differences, components, resamples=40_000)
    expected = bootstrap((sums, sizes), lambda x, n, axis: x.sum(axis) / n.sum(axis), paired=True, n_resamples=40_000,
                         confidence_level=1 - 2 * expanded_tail(len(groups)), method="percentile",
                         rng=np.random.default_rng(1)).confidence_interval
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=0.02)
    rows = paired_bootstrap(differences, np.arange(90), resamples=40_000)
    assert found.high - found.low > 1.3 * (rows.high - rows.low)  # rows alone would promise too much


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


@given(st.lists(st.sampled_from([-1.0, -0.5, 0.0, 0.37, 1.0]), min_size=2, max_size=30))
def test_the_interval_lies_within_the_values_and_does_not_depend_on_their_order(differences):
    values = np.array(differences)
    found = paired_bootstrap(values, np.arange(len(values)), resamples=500)
    assert values.min() - 1e-9 <= found.low <= found.high <= values.max() + 1e-9
    turned = paired_bootstrap(values[::-1], np.arange(len(values)), resamples=500)
    assert (turned.low, turned.high) == (found.low, found.high)


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
