"""Names that AWS takes, always the same for the same thing, and tags there and back."""

import re

import botocore.session
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.aws import tags
from core.aws.names import deployment_name, training_job_name, tuning_job_name

#: The service's own limits.
SERVICE = botocore.session.Session().get_service_model("sagemaker")


def fits(name: str, operation: str, member: str) -> bool:
    limits = SERVICE.operation_model(operation).input_shape.members[member].metadata
    return len(name) <= limits["max"] and re.fullmatch(limits["pattern"], name) is not None


@given(run=st.text(min_size=1, max_size=90), owner=st.text(max_size=50), attempt=st.integers(1, 999))
def test_any_run_gets_a_name_that_aws_takes(run, owner, attempt):
    name = deployment_name(run, owner, "serverless", "digest")
    assert fits(name, "CreateEndpoint", "EndpointName") and fits(name, "CreateModel", "ModelName")
    assert fits(training_job_name(run, owner, attempt), "CreateTrainingJob", "TrainingJobName")
    assert fits(tuning_job_name(run, owner), "CreateHyperParameterTuningJob", "HyperParameterTuningJobName")


def test_the_same_is_called_the_same_and_another_otherwise():
    name = deployment_name("faq-quick-1", "arn:me", "sagemaker", "d1")
    assert name == deployment_name("faq-quick-1", "arn:me", "sagemaker", "d1")
    assert name.startswith("ewb-faq-quick-1-") and name.endswith("-sagemaker")
    others = {
        deployment_name("faq-quick-2", "arn:me", "sagemaker", "d1"),
        deployment_name("faq-quick-1", "arn:you", "sagemaker", "d1"),
        deployment_name("faq-quick-1", "arn:me", "sagemaker", "d2"), deployment_name("faq-quick-1", "arn:me", "tei", "d1"),
        training_job_name("faq-quick-1", "arn:me"),
        training_job_name("faq-quick-1", "arn:me", 2),
    }
    assert len(others) == 6 and name not in others


def test_long_ids_that_differ_at_the_end_stay_apart():
    assert deployment_name("x" * 70 + "-1", "me", "tei", "d") != deployment_name("x" * 70 + "-2", "me", "tei", "d")


def test_tags_go_there_and_back():
    made = tags.make_tags("endpoint", "arn:aws:iam::1:user/me", "faq-1", 1_900_000_000.0)
    assert made[tags.EXPIRES] == "2030-03-17T17:46:40Z"
    back = tags.from_list(tags.to_list(made))
    assert back == made and tags.made_here(back) and tags.expires_at(back) == 1_900_000_000.0


def test_an_owner_is_known_again_whatever_a_tag_may_hold():
    for owner in ("arn:aws:sts::1:assumed-role/A/me@example.org", "arn:aws:iam::1:user/a,b", "x" * 300):
        made = tags.make_tags("endpoint", owner, "faq-1")
        assert tags.is_of(made, owner) and not tags.is_of(made, "arn:aws:iam::1:user/you") and not tags.is_of({}, owner)


def test_what_has_no_lifetime_has_no_expiry():
    assert tags.EXPIRES not in tags.make_tags("training", "me", "faq-1")
    assert tags.expires_at({}) is None and tags.expires_at({tags.EXPIRES: "tomorrow"}) is None


def test_tags_of_others_are_not_ours():
    assert not tags.made_here({}) and not tags.made_here({tags.MADE_BY: "somebody"})


@pytest.mark.parametrize("owner", ["arn:aws:sts::1:assumed-role/r/me@example.com", "a<b>|c" * 100, "zoë"])
def test_values_are_such_as_aws_takes(owner):
    shape = SERVICE.shape_for("Tag").members["Value"]
    value = tags.make_tags("endpoint", owner, "faq-1")[tags.OWNER]
    assert len(value) <= shape.metadata["max"] and re.fullmatch(r"[\w\s.:/=+\-@]*", value)
