"""What CloudWatch has counted of an endpoint's calls."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from core.aws.errors import asking
from core.aws.hosting import VARIANT
from core.aws.session import Connection

#: What one request may ask for.
_AT_ONCE = 500
#: CloudWatch answers by whole hours for as far back as an endpoint lives, and by whole minutes for the last hour.
_HOUR, _MINUTE = 3600, 60


@dataclass(frozen=True)
class Counted:
    """One endpoint's calls: how many in the last hour, and for how many seconds its model has worked in all."""

    calls: int
    seconds: float


def count_calls(connection: Connection, since: Mapping[str, float]) -> dict[str, Counted]:
    """What the endpoints have done; CloudWatch knows of a call after a minute or so.

    Args:
        since: when each endpoint was made, in seconds since 1970, by its name.

    Raises:
        AwsError: AWS refuses, or cannot be reached.
    """
    names, now = list(since), time.time()
    calls = _sums(connection, names, "Invocations", now - _HOUR, now, _MINUTE)
    begun = min(since.values(), default=now) // _HOUR * _HOUR
    worked = _sums(connection, names, "ModelLatency", begun, now, _HOUR)
    return {name: Counted(int(calls[name]), worked[name] / 1e6) for name in names}  # CloudWatch has microseconds


def _sums(
    connection: Connection, names: Sequence[str], metric: str, start: float, end: float, period: int
) -> dict[str, float]:
    found = dict.fromkeys(names, 0.0)
    for first in range(0, len(names), _AT_ONCE):
        some = names[first : first + _AT_ONCE]
        queries = [
            {"Id": f"e{index}", "ReturnData": True, "MetricStat": {
                "Stat": "Sum", "Period": period,
                "Metric": {"Namespace": "AWS/SageMaker", "MetricName": metric, "Dimensions": [
                    {"Name": "EndpointName", "Value": name}, {"Name": "VariantName", "Value": VARIANT},
                ]},
            }}
            for index, name in enumerate(some)
        ]
        with asking("count the calls", connection.region):
            pages = connection.client("cloudwatch").get_paginator("get_metric_data").paginate(
                MetricDataQueries=queries, StartTime=datetime.fromtimestamp(start, UTC),
                EndTime=datetime.fromtimestamp(end, UTC),
            )
            for page in pages:
                for result in page["MetricDataResults"]:
                    found[some[int(result["Id"][1:])]] += sum(result["Values"])
    return found
