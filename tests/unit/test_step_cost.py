"""The fit of what a training step costs."""

import numpy as np
import pytest

from benchmarks.step_cost import fit


def test_the_fit_finds_planted_costs_and_says_what_it_does_not_explain():
    draw = np.random.default_rng(3)
    tokens, lengths = draw.uniform(100, 9000, 40), draw.uniform(10, 256, 40)
    seconds = 0.09 + 4e-4 * tokens + 1e-6 * tokens * lengths
    found, explained = fit(tokens, lengths, seconds)
    assert found == pytest.approx((0.09, 4e-4, 1e-6)) and explained == pytest.approx(1)
    assert fit(tokens, lengths, draw.permutation(seconds))[1] < 0.5
