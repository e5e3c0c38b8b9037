"""Where a run trains: what may be asked for, and what it will cost."""

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.aws.prices import TRAINING_TYPES, Price
from core.errors import WorkbenchError
from core.recipe import form_fields
from core.runs.target import (
    ENDING_SECONDS,
    Cost,
    Target,
    duration,
    estimate,
    make_target,
    max_seconds,
    money,
    parse_target,
)

QUARTER = Price(0.25, "", False)


def test_it_comes_from_typed_text_and_survives_json():
    target = parse_target("sagemaker", [
        "instance_type=ml.g5.12xlarge", "instance_count=2", "max_dollars=", "subnets=subnet-1a, subnet-2b",
        "security_groups=sg-1", "tags=cost-centre=42 team=a=b",
    ])
    assert target.subnets == ("subnet-1a", "subnet-2b") and target.own_tags() == {"cost-centre": "42", "team": "a=b"}
    assert target.max_dollars is None and target.processes == 8
    assert make_target(target.model_dump(mode="json")) == target
    assert make_target({"subnets": None, "security_groups": "", "tags": []}) == Target()


@pytest.mark.parametrize(("settings", "word"), [
    ({"spot": True, "keep_warm_minutes": 5}, "spot"), ({"subnets": "subnet-1"}, "belong together"),
    ({"subnets": "x", "security_groups": "sg-1"}, "x"), ({"tags": "nothing"}, "name=value"),
    ({"tags": "aws:mine=1"}, "aws:mine"), ({"instance_type": "ml.huge"}, "ml.m5.xlarge"), ({"colour": 1}, "colour"),
    ({"max_hours": 0}, "Longest time"),
])
def test_what_cannot_be_is_refused_in_words(settings, word):
    with pytest.raises(WorkbenchError, match=word):
        make_target(settings)


def test_every_field_can_be_shown_in_a_form():
    for field in form_fields(Target):
        assert field.label and field.help.endswith("."), field.name


@given(
    st.sampled_from(TRAINING_TYPES), st.integers(1, 8), st.floats(0.05, 100), st.floats(0.1, 120), st.integers(0, 60),
    st.floats(0.05, 10), st.floats(1, 1e6),
)
def test_it_never_costs_more_than_is_allowed(kind, count, dollars, hours, warm, an_hour, seconds):
    target = make_target({
        "on": "sagemaker", "instance_type": kind, "instance_count": count, "max_dollars": dollars, "max_hours": hours,
        "keep_warm_minutes": warm,
    })
    price, plan = Price(an_hour, "", False), SimpleNamespace(seconds=seconds)
    try:
        limit = max_seconds(target, price)
    except WorkbenchError:
        return
    assert (limit + ENDING_SECONDS + 60 * warm) * an_hour * count / 3600 <= dollars * 1.000001
    assert limit <= hours * 3600
    cost = estimate(target, plan, price)
    assert cost.dollars <= cost.most_dollars and cost.hours <= cost.most_hours


def test_the_words_name_what_it_costs_and_when_it_stops():
    plan = SimpleNamespace(seconds=1200)
    words = estimate(make_target({"on": "sagemaker", "max_dollars": 1}), plan, QUARTER).words
    assert "$0.25 an hour" in words and "at the latest" in words
    assert "not known" in estimate(make_target({"on": "sagemaker"}), plan, None).words
    assert estimate(Target(), plan, None).dollars == 0
    with pytest.raises(WorkbenchError, match="too little"):
        max_seconds(make_target({"on": "sagemaker", "max_dollars": 0.05, "instance_count": 8}), QUARTER)


def test_the_estimate_counts_overhead_speed_waiting_and_every_instance():
    plan = SimpleNamespace(seconds=1224)
    asked = {"on": "sagemaker", "instance_count": 2, "max_hours": 2, "keep_warm_minutes": 30}
    cost = estimate(make_target(asked), plan, QUARTER)
    hours = (240 + 1224 / (1.2 * 1.7)) / 3600
    assert (cost.hours, cost.most_hours) == pytest.approx((hours, 7500 / 3600 + 0.5))
    assert (cost.dollars, cost.most_dollars) == pytest.approx(((hours + 0.5) * 0.5, (7500 / 3600 + 0.5) * 0.5))
    assert cost.words == (
        "About $0.37: 44 min at $0.50 an hour, 30 min of waiting included. How fast this instance is has not been measured."
        " It is stopped at $1.29 at the latest."
    )
    assert estimate(make_target({"on": "sagemaker", "spot": True}), plan, QUARTER).words.endswith(
        " at the latest. Spot usually costs less than that."
    )
    assert estimate(Target(), plan, None) == Cost(0.34, 0.0, 0.34, 0.0, "It costs nothing: it trains on this machine.")
    unknown = estimate(make_target(asked), plan, None)
    assert (unknown.hours, unknown.most_hours, unknown.dollars, unknown.most_dollars) == (
        cost.hours, cost.most_hours, None, None,
    )
    assert unknown.words == (
        "The price of ml.m5.xlarge is not known. It takes about 14 min, and is stopped after 2.58 hours at the latest."
    )


def test_the_money_limit_shortens_the_time_and_needs_a_price():
    assert max_seconds(make_target({"on": "sagemaker", "max_hours": 1.5}), None) == 5400
    limited = {"on": "sagemaker", "max_dollars": 0.25, "max_hours": 10}
    assert max_seconds(make_target(limited), QUARTER) == 3600 - ENDING_SECONDS
    assert max_seconds(make_target({**limited, "keep_warm_minutes": 10}), QUARTER) == 3000 - ENDING_SECONDS
    assert max_seconds(make_target({**limited, "max_hours": 0.5}), QUARTER) == 1800
    with pytest.raises(WorkbenchError, match="The price of ml.m5.xlarge is not known"):
        max_seconds(make_target(limited), None)
    with pytest.raises(WorkbenchError, match=r"too little for 8 ml.m5.xlarge") as caught:
        max_seconds(make_target({**limited, "instance_count": 8}), QUARTER)
    assert caught.value.why == "Starting, a first check and ending take about $0.34."


def test_amounts_and_times_are_written_as_people_do():
    assert [money(dollars) for dollars in (0.0123, 0.0949, 0.1, 1234.5)] == ["$0.012", "$0.095", "$0.10", "$1,234.50"]
    assert [duration(hours) for hours in (0, 0.5, 1.99, 2, 26.26)] == ["1 min", "30 min", "119 min", "2 hours", "26.3 hours"]
