"""What the page says about the connection to AWS, and what a deployment asks for and costs, without a browser or an account."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.aws.choices import Choices
from core.aws.overview import WHAT_AWS_ADDS, Overview
from core.aws.prices import Price
from core.aws.quotas import Quotas
from core.aws.session import Identity
from core.endpoints.host import DeploySpec, Scaling
from core.errors import WorkbenchError
from workbench.aws import Seen
from workbench.cards import connection as cards
from workbench.cards import deploy
from workbench.tabs.deploy import spec_of

EVIL = "</b><script>alert('x')</script>\" onload=\"alert(1)"
FULL = Overview(
    "work", "eu-central-1", identity=Identity("123456789012", "arn:aws:iam::123456789012:user/anna"),
    role="arn:aws:iam::123456789012:role/r", roles=("arn:aws:iam::123456789012:role/r",), bucket="b-1", bucket_state="ours",
    policies={"Trust policy": '{"a": 1}'},
)
PRICE = Price(0.115, "AWS's price list.", False)


def seen(found: Overview | None = None, **values) -> Seen:
    return Seen(Choices(), found, **values)


def test_nobody_is_alarmed_without_aws():
    for none in (seen(), seen(Overview(None, None, missing=("There are no AWS credentials on this machine.",)))):
        said = cards.summary(none)
        assert WHAT_AWS_ADDS in said and "notice" not in said and "missing" not in said and "dot" not in said
        assert none.why_not
    assert "no AWS credentials" in cards.facts(none), "the way to connect stands in the fold"


def test_who_you_are_and_what_is_used_is_shown():
    assert "connected" in cards.summary(seen(FULL)) and "user/anna" in cards.summary(seen(FULL)) and not seen(FULL).why_not
    facts = cards.facts(seen(FULL))
    assert all(word in facts for word in ("123456789012", "user/anna", "eu-central-1", "role/r", "b-1", "while this app runs"))
    assert "with this app closed" in cards.facts(seen(replace(FULL, scheduler_role="arn:s")))
    assert cards.policies(FULL).count("data-copy") == 1 and cards.policies(None) == ""


def test_each_missing_thing_has_its_line_and_only_the_bucket_a_button():
    lines = ("The bucket b-1 is not there.", "There is no role that SageMaker may act in.")
    said = cards.summary(seen(replace(FULL, bucket_state="missing", missing=lines)))
    assert "2 things are missing" in said and said.count('class="check"') == 2 and said.count("<button") == 1
    assert "make-bucket" not in cards.summary(seen(replace(FULL, bucket_state="foreign", missing=lines)))


def test_hostile_text_stays_text():
    evil = Overview(
        EVIL, EVIL, identity=Identity(EVIL, EVIL), role=EVIL, roles=(EVIL,), bucket=EVIL, bucket_state="missing",
        missing=(EVIL,), notes=(EVIL,), policies={EVIL: EVIL},
    )
    state = seen(evil, doing=EVIL, trouble=WorkbenchError(EVIL, EVIL, EVIL))
    shown = [
        cards.summary(state), cards.summary(seen(doing=EVIL)), cards.facts(state), cards.policies(evil),
        cards.facts(seen(replace(evil, identity=None))), cards.summary(seen(replace(evil, missing=()))),
        deploy.about("sagemaker", EVIL), deploy.cost_card(DeploySpec("tei", 8), Price(1.0, EVIL, True)),
        deploy.quota_note(DeploySpec("tei", 8, instance_type=EVIL), Quotas({f"{EVIL} for endpoint usage": 0})),
    ]
    for card in shown:
        assert "<script" not in card and 'onload="' not in card


@pytest.mark.parametrize("spec, words", [
    (DeploySpec("here", 8), ""),
    (DeploySpec("sagemaker", 8), "$0.12 an hour, about $0.92 until it deletes itself in 8 hours."),
    (DeploySpec("tei", 1, count=2), "$0.23 an hour, about $0.23 until it deletes itself in 1 hour."),
    (DeploySpec("sagemaker", None), "$0.12 an hour, about $83.95 a month, until you delete it."),
    (DeploySpec("sagemaker", 24, scaling=Scaling(1, 3, 100)), "$0.12 to $0.35 an hour, about $2.76 to $8.28 until"),
    (DeploySpec("serverless", 8, memory_mb=1024), "Nothing while it waits, $0.07 for each hour"),
])
def test_the_cost_is_said_before_the_button(spec, words):
    card = deploy.cost_card(spec, PRICE)
    assert words in card and (not card) is (spec.on == "here")


def test_an_unknown_price_is_not_called_free():
    card = deploy.cost_card(DeploySpec("sagemaker", 8), None)
    assert "not known" in card and "free" not in card and "$" not in card
    assert "whatever AWS asks" in deploy.keep_label(DeploySpec("sagemaker", None), None)
    assert deploy.type_label("ml.x.large", None, Quotas(None)) == "ml.x.large · price unknown"


def test_a_quota_that_is_too_small_is_told():
    quotas = Quotas({"ml.m5.large for endpoint usage": 2, "ml.g5.xlarge for endpoint usage": 0})
    assert deploy.quota_note(DeploySpec("sagemaker", 8, count=2), quotas) == ""
    assert "at most 2" in deploy.quota_note(DeploySpec("sagemaker", 8, scaling=Scaling(1, 3, 9)), quotas)
    assert "none of ml.g5.xlarge" in deploy.quota_note(DeploySpec("tei", 8, instance_type="ml.g5.xlarge"), quotas)
    assert deploy.quota_note(DeploySpec("sagemaker", 8, count=9), Quotas(None)) == "", "nobody knows"
    assert deploy.type_label("ml.m5.large", PRICE, quotas) == "ml.m5.large · $0.12 an hour · 2 at most"


def form(**values) -> tuple:
    usual = {"on": "sagemaker", "hours": 8, "instance_type": "ml.m5.large", "count": 1, "grow": False, "least": 1, "most": 2}
    return tuple((usual | {"calls": 600, "memory_mb": 3072, "concurrency": 5} | values).values())


def test_a_form_becomes_what_is_deployed():
    assert spec_of(*form(on="here", count=None)) == DeploySpec("here", 8)
    assert spec_of(*form(hours=0)) == DeploySpec("sagemaker", None)
    assert spec_of(*form(grow=True, least=2)).scaling == Scaling(2, 2, 600) and spec_of(*form(grow=True, least=2)).count == 2
    assert spec_of(*form(on="serverless", memory_mb=1024)) == DeploySpec("serverless", 8, memory_mb=1024)


@pytest.mark.parametrize("values", [
    {"on": "moon"}, {"instance_type": "ml.p5.48xlarge"}, {"count": None}, {"count": 0}, {"count": 1.5}, {"count": 10**9},
    {"grow": True, "least": 3}, {"grow": True, "calls": 0}, {"on": "serverless", "concurrency": 201},
])
def test_what_cannot_be_meant_is_refused_in_words(values):
    with pytest.raises(WorkbenchError):
        spec_of(*form(**values))


@given(st.integers(1, 50), st.integers(0, 50), st.floats(0.01, 50), st.integers(1, 100))
def test_more_machines_and_more_hours_never_cost_less(least, more, an_hour, hours):
    spec = DeploySpec("sagemaker", hours, count=least, scaling=Scaling(least, least + more, 1))
    low, high = deploy.an_hour(spec, Price(an_hour, "", False))
    assert low == pytest.approx(least * an_hour) and high >= low
    assert deploy.an_hour(replace(spec, scaling=None), Price(an_hour, "", False)) == (low, low)
