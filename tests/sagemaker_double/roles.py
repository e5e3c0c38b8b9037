"""Execution roles: SageMaker takes none that it may not assume."""

import json
from typing import TYPE_CHECKING

from tests.sagemaker_double.account import ACCOUNT_ID
from tests.sagemaker_double.errors import invalid

if TYPE_CHECKING:
    from tests.sagemaker_double.server import Double

#: The role that the account has from the start.
ROLE_NAME = "SageMakerExecutionRole"

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{
        "Effect": "Allow", "Action": "sts:AssumeRole",
        "Principal": {"Service": ["sagemaker.amazonaws.com", "scheduler.amazonaws.com"]},
    }],
}


def create_role(double: "Double") -> str:
    """Make the role that the account has from the start; its ARN."""
    iam = double.clients.get("iam", "us-east-1")
    return iam.create_role(RoleName=ROLE_NAME, AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]


def require_role(double: "Double", arn: str) -> None:
    """Refuse a role that is not there, or that does not trust SageMaker.

    Raises:
        ServiceError: with the sentence of the real service.
    """
    iam = double.clients.get("iam", "us-east-1")
    refusal = invalid(
        f"Could not assume role {arn}. Please ensure that the role exists and allows principal 'sagemaker.amazonaws.com' "
        "to assume the role."
    )
    if not arn.startswith(f"arn:aws:iam::{ACCOUNT_ID}:role/"):
        raise refusal
    try:
        role = iam.get_role(RoleName=arn.rsplit("/", 1)[-1])["Role"]
    except iam.exceptions.NoSuchEntityException:
        raise refusal from None
    services = []
    for statement in role["AssumeRolePolicyDocument"]["Statement"]:
        named = statement.get("Principal", {}).get("Service", [])
        services += [named] if isinstance(named, str) else named
    if "sagemaker.amazonaws.com" not in services:
        raise refusal
