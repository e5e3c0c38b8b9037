"""The policies: complete, limited to the workbench's own, and short enough for IAM."""

import json

import botocore.session
import pytest

from core.aws import buckets, policy
from core.aws.names import deployment_name, training_job_name, tuning_job_name

ACCOUNT, REGION, BUCKET = "123456789012", "eu-central-1", "embedding-workbench-123456789012-eu-central-1"
CALLER = policy.caller_policy(ACCOUNT, REGION, BUCKET, "arn:aws:iam::123456789012:role/r")

#: Actions that IAM names otherwise than the API's operation, or that no operation has.
NO_OPERATION = {
    "iam:PassRole", "s3:ListBucket", "s3:PutBucketPublicAccessBlock", "s3:PutEncryptionConfiguration",
    "s3:PutLifecycleConfiguration", "s3:ListMultipartUploadParts", "sagemaker:InvokeEndpoint",
    "ecr:GetAuthorizationToken",
}
SERVICES = {"servicequotas": "service-quotas", "tag": "resourcegroupstaggingapi"}


def actions(document) -> set[str]:
    return {action for statement in document["Statement"] for action in statement["Action"]}


def resources(document, action: str) -> set[str]:
    return {one for statement in document["Statement"] if action in statement["Action"] for one in statement["Resource"]}


@pytest.mark.parametrize("document", [
    CALLER, policy.execution_policy(BUCKET, REGION, ACCOUNT), policy.scheduler_policy(ACCOUNT, REGION),
], ids=["caller", "execution", "scheduler"])
def test_every_action_exists_and_none_is_a_pattern(document):
    session = botocore.session.Session()
    for action in actions(document) - NO_OPERATION:
        service, name = action.split(":")
        assert name in session.get_service_model(SERVICES.get(service, service)).operation_names, action
    assert len(json.dumps(document, separators=(",", ":"))) <= 6144, "the longest that IAM takes as a managed policy"
    sids = [statement["Sid"] for statement in document["Statement"]]
    assert len(set(sids)) == len(sids) and all(sid.isalnum() for sid in sids)


def test_what_the_workbench_calls_is_allowed():
    asked = """sagemaker:CreateTrainingJob sagemaker:DescribeTrainingJob sagemaker:ListTrainingJobs sagemaker:StopTrainingJob
    sagemaker:CreateModel sagemaker:DescribeModel sagemaker:DeleteModel sagemaker:ListModels
    sagemaker:CreateEndpointConfig sagemaker:DescribeEndpointConfig sagemaker:DeleteEndpointConfig
    sagemaker:ListEndpointConfigs sagemaker:CreateEndpoint sagemaker:DescribeEndpoint sagemaker:DeleteEndpoint
    sagemaker:ListEndpoints sagemaker:InvokeEndpoint sagemaker:AddTags sagemaker:ListTags iam:PassRole iam:GetRole
    iam:ListRoles s3:CreateBucket s3:ListBucket s3:GetBucketLocation s3:GetObject s3:PutObject s3:DeleteObject
    s3:PutBucketPublicAccessBlock s3:PutEncryptionConfiguration s3:PutLifecycleConfiguration logs:DescribeLogStreams
    logs:GetLogEvents logs:DeleteLogGroup logs:DeleteLogStream tag:GetResources sts:GetCallerIdentity
    servicequotas:ListServiceQuotas pricing:GetProducts cloudwatch:GetMetricData scheduler:CreateSchedule
    scheduler:UpdateSchedule scheduler:GetSchedule scheduler:ListSchedules scheduler:DeleteSchedule"""
    assert set(asked.split()) <= actions(CALLER)


def test_what_makes_changes_or_costs_is_limited_to_our_own_names():
    for action in actions(CALLER):
        if action.split(":")[1].startswith(("Create", "Put", "Delete", "Stop", "Update", "Invoke", "AddTags")):
            if action.startswith(("cloudwatch", "application-autoscaling", "iam:CreateServiceLinkedRole")):
                continue  # a scaling policy's alarms and its role bear names of AWS's choice
            assert all("ewb-" in one or BUCKET in one for one in resources(CALLER, action)), action


@pytest.mark.parametrize("kind, name", [
    ("endpoint", deployment_name("faq-1", "me", "serverless", "d")), ("model", deployment_name("faq-1", "me", "tei", "d")),
    ("training-job", training_job_name("faq-1", "me")), ("hyper-parameter-tuning-job", tuning_job_name("faq-1", "me")),
])
def test_the_names_that_are_given_are_among_those_allowed(kind, name):
    allowed = resources(CALLER, "sagemaker:CreateEndpoint")
    assert any(f":{kind}/{name}".startswith(one.partition(f"{ACCOUNT}")[2].rstrip("*")) for one in allowed)


def test_everything_in_the_bucket_lies_where_it_is_allowed():
    (objects,) = resources(CALLER, "s3:PutObject")
    for folder in (buckets.TRAINING, buckets.MODELS):
        assert f"arn:aws:s3:::{BUCKET}/{folder}".startswith(objects.rstrip("*"))


def test_a_role_is_passed_only_to_its_service():
    passed = {
        statement["Resource"][0]: statement["Condition"]["StringEquals"]["iam:PassedToService"]
        for statement in CALLER["Statement"] if statement["Action"] == ["iam:PassRole"]
    }
    assert passed == {
        "arn:aws:iam::123456789012:role/r": "sagemaker.amazonaws.com",
        "arn:aws:iam::123456789012:role/embedding-workbench-scheduler": "scheduler.amazonaws.com",
    }


def test_the_trust_is_for_this_account_alone():
    (statement,) = policy.trust_policy("sagemaker", ACCOUNT)["Statement"]
    assert statement["Principal"] == {"Service": "sagemaker.amazonaws.com"}
    assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": ACCOUNT}}


@pytest.mark.parametrize("region, part", [("eu-west-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")])
def test_arns_begin_with_the_regions_part_of_aws(region, part):
    document = policy.caller_policy(ACCOUNT, region, BUCKET, None)
    arns = {one for statement in document["Statement"] for one in statement["Resource"] if one != "*"}
    assert all(arn.startswith(f"arn:{part}:") for arn in arns)


def test_as_json_is_what_was_made():
    assert json.loads(policy.as_json(CALLER)) == CALLER
