"""One-time schedules that delete an endpoint while the app is closed: EventBridge Scheduler calls SageMaker itself.

A schedule deletes the endpoint alone; its configuration, model and archive wait for the app's own sweep. It bears the
endpoint's name, so setting it twice changes it, and deletes itself when it is done.
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from core.aws.errors import AwsError, asking, is_gone
from core.aws.names import PREFIX
from core.aws.session import Connection

TARGET = "arn:aws:scheduler:::aws-sdk:sagemaker:deleteEndpoint"
GROUP = "default"


def set_schedule(connection: Connection, endpoint: str, at: float, role_arn: str) -> None:
    """Have the endpoint deleted at a time; moves the schedule where it has one already.

    Args:
        at: seconds since 1970; the scheduler is exact to a minute.
        role_arn: the role that EventBridge Scheduler acts in.

    Raises:
        AwsError: AWS refuses, or cannot be reached.
    """
    scheduler = connection.client("scheduler")
    wanted = _schedule(endpoint, at, role_arn)
    try:
        with asking("set the time at which the endpoint deletes itself", connection.region):
            scheduler.create_schedule(**wanted)
    except AwsError as error:
        if error.kind != "exists":
            raise
        with asking("move the time at which the endpoint deletes itself", connection.region):
            scheduler.update_schedule(**wanted)


def scheduled_at(connection: Connection, endpoint: str) -> float | None:
    """When the endpoint will be deleted, in seconds since 1970; None where it has no schedule.

    Raises:
        AwsError: AWS refuses, or cannot be reached.
    """
    try:
        with asking("say when the endpoint deletes itself", connection.region):
            said: Mapping[str, Any] = connection.client("scheduler").get_schedule(Name=endpoint, GroupName=GROUP)
    except AwsError as error:
        if is_gone(error):
            return None
        raise
    found = re.fullmatch(r"at\((.+)\)", said["ScheduleExpression"])
    return datetime.fromisoformat(found[1]).replace(tzinfo=UTC).timestamp() if found else None


def list_schedules(connection: Connection) -> list[str]:
    """The names of the workbench's schedules: those of the endpoints that they will delete.

    Raises:
        AwsError: AWS refuses, or cannot be reached.
    """
    with asking("list the schedules", connection.region):
        pages = connection.client("scheduler").get_paginator("list_schedules")
        return [
            one["Name"] for page in pages.paginate(GroupName=GROUP, NamePrefix=PREFIX) for one in page["Schedules"]
        ]


def delete_schedule(connection: Connection, endpoint: str) -> bool:
    """Delete the endpoint's schedule and say whether there was one.

    Raises:
        AwsError: AWS refuses, or cannot be reached.
    """
    try:
        with asking("delete the schedule", connection.region):
            connection.client("scheduler").delete_schedule(Name=endpoint, GroupName=GROUP)
    except AwsError as error:
        if is_gone(error):
            return False
        raise
    return True


def _schedule(endpoint: str, at: float, role_arn: str) -> dict[str, Any]:
    """The whole schedule: changing one means sending all of it again."""
    return {
        "Name": endpoint,
        "GroupName": GROUP,
        "Description": "Embedding Workbench: deletes the endpoint at the end of its lifetime.",
        "ScheduleExpression": f"at({datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%S})",
        "ScheduleExpressionTimezone": "UTC",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "ActionAfterCompletion": "DELETE",
        "Target": {"Arn": TARGET, "RoleArn": role_arn, "Input": json.dumps({"EndpointName": endpoint})},
    }
