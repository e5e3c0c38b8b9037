"""What the workbench needs to be allowed, as IAM policies made from the same names that the code uses."""

import json
from typing import Any, Literal

from core.aws.names import FOLDER, PREFIX

Policy = dict[str, Any]
Service = Literal["sagemaker", "scheduler"]

#: The names that the page proposes for roles that are not there yet.
EXECUTION_ROLE, SCHEDULER_ROLE = "embedding-workbench-execution", "embedding-workbench-scheduler"

TRAINING_LOGS, ENDPOINT_LOGS = "/aws/sagemaker/TrainingJobs", "/aws/sagemaker/Endpoints/"

#: Where the containers' images come from; see images.py.
_REPOSITORIES = ("pytorch-training", "huggingface-pytorch-inference", "tei", "tei-cpu")

_MAKE_AND_DELETE = (
    "AddTags", "ListTags",
    "CreateTrainingJob", "DescribeTrainingJob", "StopTrainingJob", "UpdateTrainingJob",
    "DeleteTrainingJob",
    "CreateHyperParameterTuningJob", "DescribeHyperParameterTuningJob", "StopHyperParameterTuningJob",
    "ListTrainingJobsForHyperParameterTuningJob",
    "CreateModel", "DescribeModel", "DeleteModel",
    "CreateEndpointConfig", "DescribeEndpointConfig", "DeleteEndpointConfig",
    "CreateEndpoint", "DescribeEndpoint", "UpdateEndpoint", "DeleteEndpoint", "InvokeEndpoint",
)
_LIST = ("ListTrainingJobs", "ListHyperParameterTuningJobs", "ListModels", "ListEndpointConfigs", "ListEndpoints")
_KINDS = ("training-job", "hyper-parameter-tuning-job", "model", "endpoint-config", "endpoint")


def caller_policy(
    account: str, region: str, bucket: str, role_arn: str | None, scheduler_role_arn: str | None = None
) -> Policy:
    """What the person's own user or role needs: everything that the workbench calls, on its own resources alone.

    Args:
        role_arn: the execution role; where there is none yet, the name that the page proposes is put in.
        scheduler_role_arn: the role that lets an endpoint delete itself, likewise.
    """
    aws = f"arn:{partition(region)}"
    role_arn = role_arn or f"{aws}:iam::{account}:role/{EXECUTION_ROLE}"
    scheduler_role_arn = scheduler_role_arn or f"{aws}:iam::{account}:role/{SCHEDULER_ROLE}"
    sagemaker = f"{aws}:sagemaker:{region}:{account}"
    logs = f"{aws}:logs:{region}:{account}:log-group"
    return _policy(
        _allow("MakeAndDelete", _actions("sagemaker", _MAKE_AND_DELETE), [f"{sagemaker}:{kind}/{PREFIX}*" for kind in _KINDS]),
        _allow("Look", [
            *_actions("sagemaker", _LIST), "iam:ListRoles", "logs:DescribeLogGroups", "tag:GetResources",
            "sts:GetCallerIdentity", "servicequotas:ListServiceQuotas", "pricing:GetProducts", "cloudwatch:GetMetricData",
            "scheduler:ListSchedules",
        ], ["*"]),
        _pass_role("PassExecutionRole", role_arn, "sagemaker"),
        _pass_role("PassSchedulerRole", scheduler_role_arn, "scheduler"),
        _allow("Roles", ["iam:GetRole"], [role_arn, scheduler_role_arn]),
        _allow("Bucket", _actions("s3", (
            "CreateBucket", "ListBucket", "GetBucketLocation", "PutBucketPublicAccessBlock", "PutEncryptionConfiguration",
            "PutLifecycleConfiguration",
        )), [f"{aws}:s3:::{bucket}"]),
        _allow("Objects", _actions("s3", (
            "GetObject", "PutObject", "DeleteObject", "AbortMultipartUpload", "ListMultipartUploadParts",
        )), [f"{aws}:s3:::{bucket}/{FOLDER}/*"]),
        # Jobs share one log group, in which only their own streams are touched; an endpoint has a group of its own.
        # Listing a group's streams is checked against the stream with the empty name.
        _allow("FindLogs", ["logs:DescribeLogStreams"], [f"{logs}:{TRAINING_LOGS}:*", f"{logs}:{ENDPOINT_LOGS}{PREFIX}*"]),
        _allow("Logs", ["logs:GetLogEvents", "logs:DeleteLogStream"], [
            f"{logs}:{TRAINING_LOGS}:log-stream:{PREFIX}*", f"{logs}:{ENDPOINT_LOGS}{PREFIX}*",
        ]),
        _allow("EndpointLogs", ["logs:DeleteLogGroup"], [f"{logs}:{ENDPOINT_LOGS}{PREFIX}*"]),
        _allow("DeleteAfterAWhile", _actions("scheduler", (
            "CreateSchedule", "GetSchedule", "UpdateSchedule", "DeleteSchedule",
        )), [f"{aws}:scheduler:{region}:{account}:schedule/default/{PREFIX}*"]),
        _allow("Autoscaling", _actions("application-autoscaling", (
            "RegisterScalableTarget", "DeregisterScalableTarget", "DescribeScalableTargets", "PutScalingPolicy",
            "DeleteScalingPolicy", "DescribeScalingPolicies",
        )) + _actions("cloudwatch", ("PutMetricAlarm", "DeleteAlarms", "DescribeAlarms")), ["*"]),
        # AWS makes its own role for autoscaling when an account first uses it.
        _allow("FirstAutoscaling", ["iam:CreateServiceLinkedRole"], ["*"]) | {
            "Condition": {"StringEquals": {"iam:AWSServiceName": "sagemaker.application-autoscaling.amazonaws.com"}}
        },
    )


def execution_policy(bucket: str, region: str = "*", account: str = "*") -> Policy:
    """What the execution role needs: read and write the workbench's part of the bucket, fetch images, write logs."""
    aws = f"arn:{partition(region)}"
    return _policy(
        _allow("Bucket", ["s3:ListBucket", "s3:GetBucketLocation"], [f"{aws}:s3:::{bucket}"]),
        _allow("Objects", _actions("s3", (
            "GetObject", "PutObject", "DeleteObject", "AbortMultipartUpload",
        )), [f"{aws}:s3:::{bucket}/{FOLDER}/*"]),
        _allow("Logs", _actions("logs", (
            "CreateLogGroup", "CreateLogStream", "PutLogEvents", "DescribeLogStreams",
        )), [f"{aws}:logs:{region}:{account}:log-group:/aws/sagemaker/*"]),
        _allow("Metrics", ["cloudwatch:PutMetricData"], ["*"]) | {
            "Condition": {"StringLike": {"cloudwatch:namespace": ["/aws/sagemaker/*", "aws/sagemaker/*"]}}
        },
        _allow("SignInForImages", ["ecr:GetAuthorizationToken"], ["*"]),
        _allow("Images", _actions("ecr", (
            "BatchCheckLayerAvailability", "BatchGetImage", "GetDownloadUrlForLayer",
        )), [f"{aws}:ecr:{region}:*:repository/{name}" for name in _REPOSITORIES]),
    )


def scheduler_policy(account: str, region: str) -> Policy:
    """What the scheduler's role needs: to delete endpoints of the workbench, nothing else."""
    endpoint = f"arn:{partition(region)}:sagemaker:{region}:{account}:endpoint/{PREFIX}*"
    return _policy(_allow("DeleteEndpoint", ["sagemaker:DeleteEndpoint"], [endpoint]))


def trust_policy(service: Service, account: str) -> Policy:
    """Who may use a role: the service, and only on behalf of this account."""
    return _policy({
        "Effect": "Allow", "Principal": {"Service": f"{service}.amazonaws.com"}, "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"aws:SourceAccount": account}},
    })


def as_json(policy: Policy) -> str:
    """The policy as text to copy into the IAM console."""
    return json.dumps(policy, indent=2)


def partition(region: str) -> str:
    """The part of AWS that a region belongs to, as ARNs begin with it."""
    return {"cn": "aws-cn", "us-gov": "aws-us-gov"}.get(region.rsplit("-", 2)[0], "aws")


def _policy(*statements: dict[str, Any]) -> Policy:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def _allow(name: str, actions: list[str], resources: list[str]) -> dict[str, Any]:
    return {"Sid": name, "Effect": "Allow", "Action": actions, "Resource": resources}


def _pass_role(name: str, role_arn: str, service: Service) -> dict[str, Any]:
    condition = {"StringEquals": {"iam:PassedToService": f"{service}.amazonaws.com"}}
    return _allow(name, ["iam:PassRole"], [role_arn]) | {"Condition": condition}


def _actions(service: str, names: tuple[str, ...]) -> list[str]:
    return [f"{service}:{name}" for name in names]
