"""The doctor asks AWS itself: what is missing and which permission is refused comes from its answers."""

import re
from collections.abc import Iterator

import pytest

from core.aws import overview, permissions, policy, session
from core.aws.choices import Choices
from core.aws.session import Connection, connect
from core.doctor.account import look_at_account
from tests.sagemaker_double.client import RunningDouble, running_double

REGION = "us-east-1"
#: How the double calls what boto3 does: signing name and operation.
ASKED = {
    "tag:GetResources": ("tagging", "GetResources"), "logs:DescribeLogGroups": ("logs", "DescribeLogGroups"),
    "s3:ListBucket": ("s3", "ListObjectsV2"),
}


@pytest.fixture(scope="module")
def double() -> Iterator[RunningDouble]:
    with running_double() as double:
        yield double


@pytest.fixture(scope="module")
def connection(double) -> Iterator[Connection]:
    """One for all: making boto3's clients takes longer than all requests together."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in double.environment.items():
            patch.setenv(name, value)
        patch.setattr(session, "ATTEMPTS", 1)
        connection = connect(region=REGION)
        connection.client("s3").create_bucket(Bucket="doctor-looks")
        yield connection


@pytest.fixture
def there(double, connection, monkeypatch) -> Iterator[Connection]:
    monkeypatch.setattr(overview, "connect", lambda *_: connection)
    yield connection
    double.clear()


def test_every_look_is_in_the_policy_that_is_shown():
    allowed = {
        action for statement in policy.caller_policy("123456789012", REGION, "bucket", None)["Statement"]
        for action in statement["Action"]
    }
    assert {*permissions.LOOKS, *permissions.BUCKET_LOOKS} <= allowed


def test_each_permission_that_is_refused_is_named(double, there):
    assert permissions.refused_looks(there, "doctor-looks", 60) == ([], None)
    for refused in (*permissions.LOOKS, *permissions.BUCKET_LOOKS):
        service, operation = ASKED.get(refused, refused.split(":"))
        double.ask("access-denied", service=service, operation=operation, times=1)
        assert permissions.refused_looks(there, "doctor-looks", 60) == ([refused], None)


def test_an_account_with_nothing_in_it_and_one_that_refuses_and_one_that_is_silent(double, there, monkeypatch):
    found = look_at_account(Choices(region=REGION))
    assert any(one.state == "bad" and "lack" in one.what and any("bucket" in name for name in one.names) for one in found)
    double.ask("access-denied", service="sagemaker", operation="ListModels")
    found = look_at_account(Choices(region=REGION))
    assert any("AWS refuses sagemaker:ListModels." == one.what for one in found)
    told = " ".join(f"{one.what} {one.why} {one.what_to_do}" for one in found)
    assert not re.search(r"\d{12}|arn:", told)  # a bundle holds these sentences: no account, no user


def test_silence_and_no_credentials_are_told(there, monkeypatch):
    monkeypatch.undo()
    for name, value in {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_ACCESS_KEY_ID": "AKIATESTINGTESTING12", "AWS_SECRET_ACCESS_KEY": "s",
        "AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(session, "ATTEMPTS", 1)
    [silent] = look_at_account(Choices(region=REGION))
    assert silent.state == "bad" and "cannot be reached" in silent.names[0]
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    [nobody] = look_at_account(Choices(region=REGION))
    assert nobody.state == "bad" and "no AWS credentials" in nobody.names[0]


def test_the_time_it_takes_is_bounded(there):
    refused, trouble = permissions.refused_looks(there, None, -1.0)
    assert refused == [] and "in time" in trouble.what
