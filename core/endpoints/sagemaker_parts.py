"""What belongs to one deployment in the account, under its one name: looked for, and deleted until nothing is left."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from core.aws import buckets, hosting, logs, scaling, schedules
from core.aws.account import Account
from core.aws.errors import AwsError
from core.aws.policy import ENDPOINT_LOGS
from core.errors import WorkbenchError

#: SageMaker's states in which it lets nobody delete an endpoint.
BUSY = ("Creating", "Updating", "SystemUpdating", "RollingBack")
#: Seconds in which an endpoint must have come out of such a state, and in which it must be gone: SageMaker itself gives up
#: after half an hour.
_PATIENCE = 3600.0
#: How often SageMaker is asked to delete an endpoint that stays.
_ASKED = 5
#: Seconds between two looks at an endpoint that is going, and at one that lets nobody delete it yet.
_GOING, _BUSY_FOR_NOW = 0.5, 2.0
#: Pauses, in seconds, after which a request that met a busy or broken service is made again; the client has tried before.
_PAUSES = (1.0, 4.0, 15.0)

T = TypeVar("T")


@dataclass(frozen=True)
class Traces:
    """What is known about where a deployment's parts may be.

    Attributes:
        buckets: where its archive may lie.
        scaled: False where nothing scales it, as far as this machine knows.
    """

    buckets: frozenset[str]
    scaled: bool


@dataclass(frozen=True)
class Part:
    """One thing that belongs to a deployment.

    Attributes:
        what: in words: "the model".
        is_there: whether it is there now.
        delete: delete it, and say whether it was there.
        likely: False where the workbench has not made it, as far as it knows: if one may not even look for it, that is
            taken for "not there".
    """

    what: str
    is_there: Callable[[], bool]
    delete: Callable[[], bool]
    likely: bool = True

    def found(self) -> bool:
        """Whether it is there now.

        Raises:
            AwsError: AWS refuses, or cannot be reached.
        """
        return self._if_allowed(self.is_there)

    def remove(self) -> bool:
        """Delete it, and say whether it was there; likewise."""
        return self._if_allowed(self.delete)

    def _if_allowed(self, request: Callable[[], bool]) -> bool:
        try:
            return patiently(request)
        except AwsError as error:
            if error.kind == "denied" and not self.likely:
                return False
            raise


def archive_folder(bucket: str, name: str) -> str:
    """Where on S3 the archive of a deployment lies, and nothing else."""
    return f"s3://{bucket}/{buckets.MODELS}{name}/"


def parts(account: Account, name: str, traces: Traces) -> list[Part]:
    """Everything that may belong to the deployment but its endpoint, in the order in which it is deleted."""
    connection, group = account.connection, f"{ENDPOINT_LOGS}{name}"
    folders = [archive_folder(bucket, name) for bucket in sorted(traces.buckets)]
    return [
        Part(
            "the scaling", lambda: scaling.has_scaling(connection, name), lambda: scaling.delete_scaling(connection, name),
            traces.scaled,
        ),
        Part(
            "the configuration", lambda: hosting.describe_config(connection, name) is not None,
            lambda: hosting.delete_config(connection, name),
        ),
        Part(
            "the model", lambda: hosting.describe_model(connection, name) is not None,
            lambda: hosting.delete_model(connection, name),
        ),
        Part(
            "the archive on S3", lambda: any(buckets.list_prefix(connection, folder) for folder in folders),
            lambda: sum(buckets.delete_prefix(connection, folder) for folder in folders) > 0,
        ),
        Part(
            "the schedule", lambda: schedules.scheduled_at(connection, name) is not None,
            lambda: schedules.delete_schedule(connection, name), account.scheduler_role is not None,
        ),
        Part("the log", lambda: group in logs.groups(connection, group), lambda: logs.delete_group(connection, group)),
    ]


def archive_bucket(account: Account, name: str) -> str | None:
    """The bucket that the deployment's model has its archive in; None where there is no such model.

    Raises:
        AwsError: AWS refuses, or cannot be reached.
    """
    model = hosting.describe_model(account.connection, name)
    if model is None or not model.archive.startswith("s3://"):
        return None
    bucket = buckets.split_uri(model.archive)[0]
    return bucket if model.archive.startswith(archive_folder(bucket, name)) else None


def left_of(account: Account, name: str, traces: Traces) -> list[str]:
    """What is there of the deployment, in words; a part that AWS does not let us look for is among it.

    Raises:
        AwsError: AWS cannot be reached.
    """
    endpoint = Part("the endpoint", lambda: hosting.describe_endpoint(account.connection, name) is not None, lambda: False)
    left = []
    for part in (endpoint, *parts(account, name, traces)):
        try:
            if part.found():
                left.append(part.what)
        except AwsError as error:
            if error.kind in ("unreachable", "credentials"):
                raise
            left.append(f"perhaps {part.what}: {error}")
    return left


def delete_all(
    account: Account, name: str, traces: Traces, tell: Callable[[str], None]
) -> tuple[list[str], list[str]]:
    """Delete the deployment, then look again.

    Returns:
        What is gone, and what is left with the reason, both in words. While the endpoint is there nothing else is deleted,
        as it needs that whenever SageMaker replaces an instance.
    """
    deleted: list[str] = []
    trouble: dict[str, str] = {}
    tell("Deleting the endpoint")
    try:
        if end_endpoint(account, name, tell):
            deleted.append("The endpoint")
    except WorkbenchError as error:
        return [], [f"the endpoint, with all that belongs to it: {error}"]
    for part in parts(account, name, traces):
        tell(f"Deleting {part.what}")
        try:
            if part.remove():
                deleted.append(part.what[0].upper() + part.what[1:])
        except WorkbenchError as error:
            trouble[part.what] = str(error)
    tell("Looking what is left")
    try:
        left = left_of(account, name, traces)
        if left == ["the log"] and "the log" not in trouble:  # its last lines have come late, and made it anew
            parts(account, name, traces)[-1].remove()
            left = left_of(account, name, traces)
    except WorkbenchError as error:
        left = list(trouble) or [f"perhaps something: {error}"]
    return deleted, [f"{what}: {trouble[what]}" if what in trouble else what for what in left]


def end_endpoint(account: Account, name: str, tell: Callable[[str], None]) -> bool:
    """Delete the endpoint of that name alone and wait until it is gone; whether there was one.

    Raises:
        WorkbenchError: AWS refuses, does not do it, or it is still there after an hour.
    """
    end = time.monotonic() + _PATIENCE
    said, asked, refusals, was_there = "", 0, 0, False
    while time.monotonic() < end:
        found = patiently(lambda: hosting.describe_endpoint(account.connection, name))
        if found is None:
            return was_there
        was_there = True
        doing = ""
        if found.status in BUSY:
            doing = "SageMaker is still at work on the endpoint, and lets nobody delete it meanwhile: waiting for that"
        elif found.status == "Deleting":
            doing = "Waiting until the endpoint is gone"
        elif asked >= _ASKED:
            raise WorkbenchError(
                f"The endpoint {name} is still there.",
                f"SageMaker was asked {asked} times to delete it. It says: {found.reason or found.status}.",
                "Delete it again later; if it stays, ask AWS's support.",
            )
        else:
            asked += 1
            try:
                patiently(lambda: hosting.delete_endpoint(account.connection, name))
            except AwsError as error:
                refusals += 1
                if error.kind != "refused" or refusals > 3:  # another one than that it has just become busy
                    raise
        if doing not in ("", said):
            said = doing
            tell(doing)
        time.sleep(_GOING if refusals == 0 and found.status not in BUSY else _BUSY_FOR_NOW)
    raise WorkbenchError(
        f"The endpoint {name} is still there.", "SageMaker has not deleted it within an hour.", "Delete it again later."
    )


def patiently(request: Callable[[], T]) -> T:
    """What ``request`` gives, made again after a pause where the service was busy or could not be reached.

    Raises:
        AwsError: it was refused, or does not come through.
    """
    for pause in _PAUSES:
        try:
            return request()
        except AwsError as error:
            if error.kind not in ("throttled", "unreachable"):
                raise
        time.sleep(pause)
    return request()
