"""What containers print, as CloudWatch Logs has it: a group for all training jobs, a group for each endpoint."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from core.aws.errors import AwsError, asking, is_gone
from core.aws.session import Connection

#: How far each stream has been read: stream -> token. Plain JSON, so that a restarted app can go on.
Position = dict[str, str]

#: Pages of up to 10,000 lines that one call reads from a stream at most; the next call goes on.
_PAGES = 20


@dataclass(frozen=True)
class Line:
    """One printed line.

    Attributes:
        stream: the stream's name; the part after the slash begins with the host.
        t: when CloudWatch had it, in seconds since 1970.
        text: the line.
    """

    stream: str
    t: float
    text: str


def follow(
    connection: Connection, group: str, stream_prefix: str, position: Position | None = None
) -> tuple[list[Line], Position]:
    """The lines that are new since ``position``, of all hosts in the order of their time.

    Args:
        group: the log group; one that is not there yet has no lines.
        stream_prefix: whose streams: ``<job>/`` for a training job, empty for an endpoint's own group.
        position: what the last call returned, None at first.

    Returns:
        The lines, and the position for the next call.

    Raises:
        AwsError: AWS refuses, or cannot be reached.
    """
    position = dict(position or {})
    lines: list[Line] = []
    for stream in streams(connection, group, stream_prefix):
        new, token = _read_on(connection, group, stream, position.get(stream))
        lines += new
        if token:
            position[stream] = token
    return sorted(lines, key=lambda line: line.t), position  # stable: lines of one time and host keep their order


def tail(connection: Connection, group: str, stream_prefix: str, count: int = 30) -> list[Line]:
    """The last lines of all hosts together; none where nothing was printed.

    Raises:
        AwsError: AWS refuses, or cannot be reached.
    """
    lines: list[Line] = []
    for stream in streams(connection, group, stream_prefix):
        with asking("give the log", connection.region):
            page = connection.client("logs").get_log_events(
                logGroupName=group, logStreamName=stream, startFromHead=False, limit=count
            )
        lines += _lines(stream, page)
    return sorted(lines, key=lambda line: line.t)[-count:]


def streams(connection: Connection, group: str, prefix: str) -> list[str]:
    """The names of the group's streams that begin with ``prefix``; none where the group is not there.

    Raises:
        AwsError: AWS refuses, or cannot be reached.
    """
    wanted = {"logGroupName": group} | ({"logStreamNamePrefix": prefix} if prefix else {})
    try:
        with asking("list the log's streams", connection.region):
            pages = connection.client("logs").get_paginator("describe_log_streams").paginate(**wanted)
            return sorted(stream["logStreamName"] for page in pages for stream in page["logStreams"])
    except AwsError as error:
        if is_gone(error):
            return []
        raise


def groups(connection: Connection, prefix: str) -> list[str]:
    """The names of the log groups that begin with ``prefix``.

    Raises:
        AwsError: AWS refuses, or cannot be reached.
    """
    with asking("list the log groups", connection.region):
        pages = connection.client("logs").get_paginator("describe_log_groups").paginate(logGroupNamePrefix=prefix)
        return [group["logGroupName"] for page in pages for group in page["logGroups"]]


def delete_group(connection: Connection, group: str) -> bool:
    """Delete a log group with all its lines and say whether there was one.

    Raises:
        AwsError: AWS refuses, or cannot be reached.
    """
    return _delete(lambda: connection.client("logs").delete_log_group(logGroupName=group), connection.region)


def delete_streams(connection: Connection, group: str, prefix: str) -> int:
    """Delete a training job's streams, the group being everybody's, and say how many there were.

    Raises:
        ValueError: no prefix is given, which would delete everybody's.
        AwsError: AWS refuses, or cannot be reached.
    """
    if not prefix:
        raise ValueError("a prefix is needed")
    logs = connection.client("logs")
    return sum(
        _delete(partial(logs.delete_log_stream, logGroupName=group, logStreamName=name), connection.region)
        for name in streams(connection, group, prefix)
    )


def _delete(request: Callable[[], object], region: str) -> bool:
    try:
        with asking("delete the log", region):
            request()
    except AwsError as error:
        if is_gone(error):
            return False
        raise
    return True


def _read_on(connection: Connection, group: str, stream: str, token: str | None) -> tuple[list[Line], str | None]:
    """A stream's lines after ``token``, and the token after them."""
    lines: list[Line] = []
    logs = connection.client("logs")
    for _ in range(_PAGES):
        more = {"nextToken": token} if token else {}
        with asking("give the log", connection.region):
            page = logs.get_log_events(logGroupName=group, logStreamName=stream, startFromHead=True, **more)
        lines += _lines(stream, page)
        # The same token again is the end of what is there; a page without lines is not.
        if page["nextForwardToken"] == token:
            break
        token = page["nextForwardToken"]
    return lines, token


def _lines(stream: str, page: dict[str, Any]) -> list[Line]:
    return [Line(stream, event["timestamp"] / 1000, event["message"].rstrip("\n")) for event in page["events"]]
