"""An endpoint's instances follow its calls: Application Auto Scaling, by the calls that one instance answers a minute."""

from typing import Any

from core.aws.errors import AwsError, asking, is_gone
from core.aws.hosting import VARIANT
from core.aws.session import Connection

#: Seconds after a change before instances are added, and before they are removed.
ADD_AFTER, REMOVE_AFTER = 60, 300


def set_scaling(connection: Connection, endpoint: str, least: int, most: int, calls_a_minute: int) -> None:
    """Let the number of instances follow the calls; changes what was set before.

    Args:
        endpoint: one that is in service.
        least, most: instances.
        calls_a_minute: what one instance is to answer.

    Raises:
        AwsError: AWS refuses, or cannot be reached.
    """
    autoscaling, target = connection.client("application-autoscaling"), _target(endpoint)
    with asking("let the number of instances follow the calls", connection.region):
        autoscaling.register_scalable_target(**target, MinCapacity=least, MaxCapacity=most)
        autoscaling.put_scaling_policy(
            **target, PolicyName=endpoint, PolicyType="TargetTrackingScaling",
            TargetTrackingScalingPolicyConfiguration={
                "TargetValue": float(calls_a_minute),
                "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
                "ScaleOutCooldown": ADD_AFTER, "ScaleInCooldown": REMOVE_AFTER,
            },
        )


def has_scaling(connection: Connection, endpoint: str) -> bool:
    """Whether the endpoint's instances follow its calls.

    Raises:
        AwsError: AWS refuses, or cannot be reached.
    """
    target = _target(endpoint)
    with asking("say whether instances follow the calls", connection.region):
        return bool(connection.client("application-autoscaling").describe_scalable_targets(
            ServiceNamespace=target["ServiceNamespace"], ResourceIds=[target["ResourceId"]],
            ScalableDimension=target["ScalableDimension"],
        )["ScalableTargets"])


def delete_scaling(connection: Connection, endpoint: str) -> bool:
    """Let the number of instances follow nothing any more, and say whether it did.

    Raises:
        AwsError: AWS refuses, or cannot be reached.
    """
    autoscaling, target = connection.client("application-autoscaling"), _target(endpoint)
    try:
        with asking("end the scaling", connection.region):
            for policy in autoscaling.describe_scaling_policies(**target)["ScalingPolicies"]:
                autoscaling.delete_scaling_policy(**target, PolicyName=policy["PolicyName"])
            autoscaling.deregister_scalable_target(**target)
    except AwsError as error:
        if is_gone(error):
            return False
        raise
    return True


def _target(endpoint: str) -> dict[str, Any]:
    return {
        "ServiceNamespace": "sagemaker", "ResourceId": f"endpoint/{endpoint}/variant/{VARIANT}",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }
