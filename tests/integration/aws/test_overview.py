"""What the page says about the connection, and that looking makes nothing."""

import json

import pytest

from core.aws import buckets, policy
from core.aws.overview import WHAT_AWS_ADDS, overview
from core.aws.session import connect


def calls_of(monkeypatch) -> list[str]:
    """The operations that boto3 sends from now on."""
    import botocore.client

    sent, real = [], botocore.client.BaseClient._make_api_call

    def make(self, operation, parameters):
        sent.append(operation)
        return real(self, operation, parameters)

    monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", make)
    return sent


def test_in_an_empty_account_it_says_what_is_missing_and_makes_nothing(aws, monkeypatch):
    sent = calls_of(monkeypatch)
    seen = overview(region="eu-central-1")
    assert seen.identity.account == "123456789012" and not seen.ready
    assert seen.bucket == "embedding-workbench-123456789012-eu-central-1" and seen.bucket_state == "missing"
    assert len(seen.missing) == 2 and policy.EXECUTION_ROLE in seen.missing[0] and seen.bucket in seen.missing[1]
    assert policy.SCHEDULER_ROLE in seen.notes[0]
    assert all(json.loads(text)["Statement"] for text in seen.policies.values()) and len(seen.policies) == 5
    assert sent and all(name.startswith(("Get", "List", "Head", "Describe")) for name in sent), sent


def test_with_everything_there_nothing_is_missing(aws):
    connection = connect(region="eu-central-1")
    for name, service in ((policy.EXECUTION_ROLE, "sagemaker"), (policy.SCHEDULER_ROLE, "scheduler")):
        trust = policy.as_json(policy.trust_policy(service, "123456789012"))
        connection.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=trust)
    buckets.create(connection, buckets.default_bucket("123456789012", "eu-central-1"))
    seen = overview(region="eu-central-1")
    assert seen.ready and seen.missing == () and seen.notes == ()
    assert seen.role.endswith(f"role/{policy.EXECUTION_ROLE}") and seen.roles == (seen.role,)
    assert seen.scheduler_role.endswith(f"role/{policy.SCHEDULER_ROLE}")


def test_what_was_chosen_is_used(aws):
    connect(region="us-east-1").client("s3").create_bucket(Bucket="my-own")
    role = "arn:aws:iam::123456789012:role/chosen"
    seen = overview(region="us-east-1", bucket="my-own", role=role)
    assert seen.ready and (seen.bucket, seen.role) == ("my-own", role)
    assert role in seen.policies["Your own user or role: policy"]


def test_without_credentials_it_says_what_aws_would_add_and_what_to_do(aws, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    sent = calls_of(monkeypatch)
    seen = overview(region="us-east-1")
    assert seen.identity is None and not seen.ready and seen.notes == (WHAT_AWS_ADDS,) and not sent
    assert len(seen.missing) == 1 and "aws configure" in seen.missing[0]


def test_without_a_region_or_with_a_wrong_profile_it_says_so(aws):
    assert "Choose a region" in overview().missing[0]
    assert "profile was not found" in overview("nobody", "us-east-1").missing[0]


@pytest.mark.parametrize("bucket, role, words", [
    ("My Bucket", None, "cannot be a bucket's name"), (None, "my-role", "not the ARN of a role"),
])
def test_what_cannot_be_a_name_is_refused_in_words(aws, bucket, role, words):
    seen = overview(region="us-east-1", bucket=bucket, role=role)
    assert any(words in line for line in seen.missing)


def test_what_may_not_be_looked_at_is_said_and_the_rest_is_shown(aws, monkeypatch):
    import botocore.client
    from botocore.exceptions import ClientError

    real = botocore.client.BaseClient._make_api_call

    def deny(self, operation, parameters):
        if operation == "ListRoles":
            said = "User: arn:aws:iam::1:user/a is not authorized to perform: iam:ListRoles on resource: *"
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": said}}, operation)
        return real(self, operation, parameters)

    monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", deny)
    seen = overview(region="us-east-1")
    assert any("iam:ListRoles" in line for line in seen.missing) and seen.bucket_state == "missing" and seen.policies
    chosen = overview(region="us-east-1", role="arn:aws:iam::123456789012:role/chosen")
    assert not any("ListRoles" in line for line in chosen.missing), "a role that was chosen needs no list"


def test_no_text_holds_the_secret(aws):
    assert "a-secret-that-no-text-shows" not in repr(overview(region="us-east-1"))
