"""Which of the permissions that are needed for looking are there: each is tried by one small request that changes nothing.

What may be made and deleted cannot be known without making and deleting; the policies of the overview list all of it.
"""

import time
from typing import Any

from core.aws.errors import AwsError, asking
from core.aws.names import FOLDER, PREFIX
from core.aws.policy import ENDPOINT_LOGS
from core.aws.prices import LIST_REGIONS
from core.aws.schedules import GROUP
from core.aws.session import Connection
from core.aws.tags import MADE_BY, MAKER

#: Permission -> boto3's service and operation, and the smallest request of its kind.
LOOKS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "sagemaker:ListEndpoints": ("sagemaker", "list_endpoints", {"MaxResults": 1}),
    "sagemaker:ListEndpointConfigs": ("sagemaker", "list_endpoint_configs", {"MaxResults": 1}),
    "sagemaker:ListModels": ("sagemaker", "list_models", {"MaxResults": 1}),
    "sagemaker:ListTrainingJobs": ("sagemaker", "list_training_jobs", {"MaxResults": 1}),
    "sagemaker:ListHyperParameterTuningJobs": ("sagemaker", "list_hyper_parameter_tuning_jobs", {"MaxResults": 1}),
    "iam:ListRoles": ("iam", "list_roles", {"MaxItems": 1}),
    "tag:GetResources": (
        "resourcegroupstaggingapi", "get_resources", {"TagFilters": [{"Key": MADE_BY, "Values": [MAKER]}], "ResourcesPerPage": 1},
    ),
    "scheduler:ListSchedules": ("scheduler", "list_schedules", {"GroupName": GROUP, "NamePrefix": PREFIX, "MaxResults": 1}),
    "logs:DescribeLogGroups": (
        "logs", "describe_log_groups", {"logGroupNamePrefix": f"{ENDPOINT_LOGS}{PREFIX}", "limit": 1},
    ),
    "application-autoscaling:DescribeScalableTargets": (
        "application-autoscaling", "describe_scalable_targets", {"ServiceNamespace": "sagemaker", "MaxResults": 1},
    ),
    "servicequotas:ListServiceQuotas": (
        "service-quotas", "list_service_quotas", {"ServiceCode": "sagemaker", "MaxResults": 1},
    ),
    "pricing:GetProducts": ("pricing", "get_products", {"ServiceCode": "AmazonSageMaker", "MaxResults": 1}),
}
#: Asked where there is a bucket.
BUCKET_LOOKS = ("s3:ListBucket",)


def refused_looks(connection: Connection, bucket: str | None, seconds: float) -> tuple[list[str], AwsError | None]:
    """Which permissions AWS refuses.

    Args:
        bucket: the bucket whose objects may be listed; None where there is none yet.
        seconds: after which no further request is begun.

    Returns:
        The refused permissions, and what else kept AWS from answering; then not all of them were tried.
    """
    looks = dict(LOOKS)
    if bucket:
        looks[BUCKET_LOOKS[0]] = ("s3", "list_objects_v2", {"Bucket": bucket, "Prefix": f"{FOLDER}/", "MaxKeys": 1})
    refused: list[str] = []
    end = time.monotonic() + seconds
    for permission, (service, operation, request) in looks.items():
        if time.monotonic() > end:
            return refused, AwsError(
                "unreachable", "TimeOut", "AWS did not answer in time.", f"Its answers took more than {seconds:.0f} seconds.",
                "Try again in a few minutes.",
            )
        try:
            with asking("answer a question", connection.region):
                client = connection.client(service, _region_of(service, connection.region))
                getattr(client, operation)(**request)
        except AwsError as error:
            if error.kind != "denied":
                return refused, error
            refused.append(permission)
    return refused, None


def _region_of(service: str, region: str) -> str:
    """Where a service is asked: the price list is in a few regions alone."""
    return LIST_REGIONS[0] if service == "pricing" and region not in LIST_REGIONS else region
