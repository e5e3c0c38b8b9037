"""The roles that AWS's services act in. They are looked for, never made."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.aws.errors import asking
from core.aws.policy import EXECUTION_ROLE, SCHEDULER_ROLE, Service
from core.aws.session import Connection
from core.errors import WorkbenchError

#: There on SageMaker's notebook instances and in Studio.
NOTEBOOK_METADATA = Path("/opt/ml/metadata/resource-metadata.json")


@dataclass(frozen=True)
class Role:
    """A role of the account."""

    name: str
    arn: str


def check_arn(role: str) -> None:
    """Refuse what cannot be a role's ARN, before anything is paid for.

    Raises:
        WorkbenchError: it is none.
    """
    if not re.fullmatch(r"arn:aws[\w-]*:iam::\d{12}:role/[\w+=,.@/-]+", role):
        raise WorkbenchError(
            f"“{role}” is not the ARN of a role.", "One looks like arn:aws:iam::123456789012:role/name.",
            "Copy it from the IAM console, or choose one of the list.",
        )


def execution_roles(connection: Connection) -> list[Role]:
    """The roles that SageMaker may use, the likeliest first: on SageMaker itself the one that this notebook has.

    Raises:
        AwsError: the roles may not be listed.
    """
    if NOTEBOOK_METADATA.exists() and (arn := _own_role(connection)):
        return [Role(arn.rsplit("/", 1)[-1], arn)]
    return _trusted(connection, "sagemaker", (EXECUTION_ROLE, "AmazonSageMaker-ExecutionRole"))


def scheduler_role(connection: Connection) -> Role | None:
    """The role in which EventBridge Scheduler may delete an endpoint; None where there is none.

    Only a role of the proposed name is taken: what another role of the scheduler's is allowed cannot be seen from here,
    and an endpoint that is not deleted because its schedule lacks a permission costs money unseen.

    Raises:
        AwsError: the roles may not be listed.
    """
    found = _trusted(connection, "scheduler", (SCHEDULER_ROLE,))
    return next((role for role in found if role.name.startswith(SCHEDULER_ROLE)), None)


def _trusted(connection: Connection, service: Service, first: tuple[str, ...]) -> list[Role]:
    """The roles whose trust policy lets the service in; those named like ``first`` lead."""
    found = []
    with asking("list the account's roles", connection.region):
        for page in connection.client("iam").get_paginator("list_roles").paginate(PaginationConfig={"PageSize": 1000}):
            found += [
                Role(role["RoleName"], role["Arn"]) for role in page["Roles"]
                # Service-linked roles trust the service as well, but cannot be passed to it.
                if not role["Path"].startswith("/aws-service-role/")
                and _trusts(role.get("AssumeRolePolicyDocument"), f"{service}.amazonaws.com")
            ]
    rank = {start: place for place, start in enumerate(first)}
    return sorted(found, key=lambda role: (min(
        (place for start, place in rank.items() if role.name.startswith(start)), default=len(rank)
    ), role.name))


def _trusts(document: Any, service: str) -> bool:
    """Whether a trust policy allows the service to take the role on."""
    if not isinstance(document, dict):
        return False
    return any(
        statement.get("Effect") == "Allow"
        and {"sts:AssumeRole", "sts:*", "*"} & set(_many(statement.get("Action")))
        and service in _many((statement.get("Principal") or {}).get("Service"))
        for statement in _many(document.get("Statement"))
        if isinstance(statement, dict) and isinstance(statement.get("Principal"), dict)
    )


def _many(value: Any) -> list[Any]:
    """IAM writes a list of one as the one."""
    return value if isinstance(value, list) else [] if value is None else [value]


def _own_role(connection: Connection) -> str | None:
    """The role of the SageMaker notebook that this runs on.

    The SDK's ``get_execution_role`` reads it from the same file, but where that fails goes on to take the caller's role
    for it, which need not be one that SageMaker may use.
    """
    try:
        metadata = json.loads(NOTEBOOK_METADATA.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if arn := metadata.get("ExecutionRoleArn"):
        return str(arn)
    if metadata.get("DomainId") or not (name := metadata.get("ResourceName")):
        return None
    with asking("say which role this notebook has", connection.region):
        return str(connection.client("sagemaker").describe_notebook_instance(NotebookInstanceName=name)["RoleArn"])
