"""Runs the one-time schedules of moto's EventBridge Scheduler that delete an endpoint; moto itself runs none."""

import contextlib
import datetime
import json
import re
import threading
import zoneinfo
from typing import TYPE_CHECKING

from tests.sagemaker_double.account import ACCOUNT_ID

if TYPE_CHECKING:
    from tests.sagemaker_double.server import Double

DELETE_ENDPOINT = "arn:aws:scheduler:::aws-sdk:sagemaker:deleteEndpoint"


def due(expression: str, timezone: str, now: datetime.datetime) -> bool:
    """Whether ``at(2026-01-31T12:00:00)``, in that time zone, has come."""
    found = re.fullmatch(r"at\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)", expression)
    if not found:
        return False
    return datetime.datetime.fromisoformat(found.group(1)).replace(tzinfo=zoneinfo.ZoneInfo(timezone)) <= now


class Schedules:
    """Looks once a second."""

    def __init__(self, double: "Double"):
        self._double = double
        self._over = threading.Event()
        self._done: set[tuple[str, str, float]] = set()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def close(self) -> None:
        """Look no more."""
        self._over.set()

    def _watch(self) -> None:
        while not self._over.wait(1):
            with contextlib.suppress(RuntimeError):  # a schedule was made or deleted while we looked
                self._run_due(datetime.datetime.now(datetime.UTC))

    def _run_due(self, now: datetime.datetime) -> None:
        from moto.scheduler.models import scheduler_backends

        for region, backend in list(scheduler_backends[ACCOUNT_ID].items()):
            for group in list(backend.schedule_groups.values()):
                for schedule in list(group.schedules.values()):
                    key = (region, schedule.arn, schedule.creation_date)
                    ready = schedule.state == "ENABLED" and key not in self._done
                    if ready and due(schedule.schedule_expression, schedule.schedule_expression_timezone, now):
                        self._done.add(key)
                        self._delete_endpoint(region, schedule.target)
                        if schedule.action_after_completion == "DELETE":
                            group.delete_schedule(schedule.name)

    def _delete_endpoint(self, region: str, target: dict) -> None:
        from botocore.exceptions import ClientError

        if target["Arn"] == DELETE_ENDPOINT:
            with contextlib.suppress(ClientError):  # gone already
                name = json.loads(target["Input"])["EndpointName"]
                self._double.clients.get("sagemaker", region).delete_endpoint(EndpointName=name)
