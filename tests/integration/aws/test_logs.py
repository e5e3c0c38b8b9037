"""Following a job's log, against moto's CloudWatch Logs."""

import json
import time

import pytest

from core.aws import logs

GROUP = "/aws/sagemaker/TrainingJobs"


class Container:
    """Prints into a stream of its own."""

    def __init__(self, connection, stream: str, group: str = GROUP):
        self._logs, self._where = connection.client("logs"), {"logGroupName": group, "logStreamName": stream}
        self._logs.create_log_stream(**self._where)

    def prints(self, *lines: str, at: float | None = None) -> None:
        t = int((at or time.time()) * 1000)
        self._logs.put_log_events(**self._where, logEvents=[{"timestamp": t, "message": line} for line in lines])


def texts(lines) -> list[str]:
    return [line.text for line in lines]


def test_a_group_that_is_not_there_yet_has_nothing_yet(connection):
    assert logs.follow(connection, GROUP, "ewb-a/") == ([], {})
    assert logs.tail(connection, GROUP, "ewb-a/") == [] and logs.groups(connection, GROUP) == []


def test_each_line_comes_once_from_all_hosts_in_order(connection):
    connection.client("logs").create_log_group(logGroupName=GROUP)
    assert logs.follow(connection, GROUP, "ewb-a/") == ([], {})
    now = time.time()
    one = Container(connection, "ewb-a/algo-1-17")
    one.prints("first", at=now)
    Container(connection, "ewb-ab/algo-1-17").prints("another job's")
    lines, position = logs.follow(connection, GROUP, "ewb-a/")
    assert texts(lines) == ["first"] and lines[0].stream == "ewb-a/algo-1-17" and lines[0].t == pytest.approx(now, abs=0.01)

    two = Container(connection, "ewb-a/algo-2-17")
    two.prints("second host", at=now + 1)
    one.prints("third", "fourth", at=now + 2)
    position = json.loads(json.dumps(position))  # as it is after a restart of the app
    lines, position = logs.follow(connection, GROUP, "ewb-a/", position)
    assert texts(lines) == ["second host", "third", "fourth"]
    assert logs.follow(connection, GROUP, "ewb-a/", position) == ([], position)


def test_more_lines_than_a_page_are_all_read(connection):
    connection.client("logs").create_log_group(logGroupName=GROUP)
    container = Container(connection, "ewb-a/algo-1")
    wanted = [f"{number} " + "x" * 200 for number in range(12_000)]
    for start in range(0, len(wanted), 4000):
        container.prints(*wanted[start : start + 4000])
    lines, position = logs.follow(connection, GROUP, "ewb-a/")
    while True:
        more, position = logs.follow(connection, GROUP, "ewb-a/", position)
        if not more:
            break
        lines += more
    assert texts(lines) == wanted


def test_the_last_lines_of_all_hosts(connection):
    connection.client("logs").create_log_group(logGroupName=GROUP)
    now = time.time()
    Container(connection, "ewb-a/algo-1").prints(*"abc", at=now)
    Container(connection, "ewb-a/algo-2").prints("z", at=now + 5)
    assert texts(logs.tail(connection, GROUP, "ewb-a/", 2)) == ["c", "z"]


def test_only_the_jobs_own_streams_are_deleted(connection):
    connection.client("logs").create_log_group(logGroupName=GROUP)
    for stream in ("ewb-a/algo-1", "ewb-a/algo-2", "ewb-ab/algo-1"):
        Container(connection, stream)
    assert logs.delete_streams(connection, GROUP, "ewb-a/") == 2
    assert logs.streams(connection, GROUP, "") == ["ewb-ab/algo-1"]
    assert logs.delete_streams(connection, GROUP, "ewb-a/") == 0
    with pytest.raises(ValueError):
        logs.delete_streams(connection, GROUP, "")


def test_a_group_is_deleted_once(connection):
    connection.client("logs").create_log_group(logGroupName="/aws/sagemaker/Endpoints/ewb-a")
    assert logs.delete_group(connection, "/aws/sagemaker/Endpoints/ewb-a")
    assert not logs.delete_group(connection, "/aws/sagemaker/Endpoints/ewb-a")
