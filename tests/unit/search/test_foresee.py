"""What a search on SageMaker costs before it starts: the money is for all trials together."""

import pytest

from core.aws.prices import Price
from core.errors import WorkbenchError
from core.runs.target import Target, estimate
from core.search.remote import foresee, share_of, trials_of

PRICE = Price(0.23, "An estimate.", True)


def test_trials_share_the_money(plan):
    target = Target(on="sagemaker", max_dollars=1.0, max_hours=10)
    cost = foresee(target, plan, 4, PRICE)
    each = estimate(share_of(target, 4), plan, PRICE)
    assert cost.most_dollars == pytest.approx(4 * each.most_dollars) and cost.most_dollars <= 1.0
    assert cost.dollars == pytest.approx(4 * estimate(Target(on="sagemaker"), plan, PRICE).dollars)
    with pytest.raises(WorkbenchError, match="too little"):
        foresee(target, plan, 30, PRICE)


def test_what_a_search_does_not_do_is_said(plan):
    assert "warm" in foresee(Target(on="sagemaker", keep_warm_minutes=10), plan, 2, PRICE).words
    assert "begins again" in foresee(Target(on="sagemaker", spot=True), plan, 2, PRICE).words
    assert "not known" in foresee(Target(on="sagemaker"), plan, 2, None).words


def test_no_more_trials_than_there_are_combinations():
    assert trials_of({"learning_rate": (1e-4, 1e-3), "batch_size": (8, 16, 32)}, 30) == 6
    assert trials_of({"learning_rate": (1e-4, 1e-3), "batch_size": (8, 16, 32)}, 4) == 4
