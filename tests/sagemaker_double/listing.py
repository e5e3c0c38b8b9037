"""What the List operations share: filters, order, pages of ten."""

import base64
import binascii
from collections.abc import Iterable
from typing import Any

from tests.sagemaker_double.account import Record
from tests.sagemaker_double.errors import invalid

DEFAULT_PAGE = 10


def page_of(
    records: Iterable[Record], request: dict[str, Any], *, kind: str, members: tuple[str, ...], order: str = "Descending"
) -> tuple[list[Record], dict[str, str]]:
    """One page of summaries.

    Args:
        kind: the prefix of the records' ``..Name`` and ``..Status`` members.
        members: what a summary has beside the name, the ARN and CreationTime.
        order: by CreationTime, where the request names none.

    Returns:
        The summaries, and ``{"NextToken": ..}`` where there are more.

    Raises:
        ServiceError: the NextToken was not given out here.
    """
    name, status = f"{kind}Name", f"{kind}Status"
    part = request.get("NameContains", "").lower()
    found = [
        record for record in records
        if part in record[name].lower()
        and request.get("StatusEquals") in (None, record.get(status))
        and record["CreationTime"] > request.get("CreationTimeAfter", 0)
        and record["CreationTime"] < request.get("CreationTimeBefore", float("inf"))
    ]
    keys = {"Name": name, "Status": status}
    found.sort(key=lambda record: record[keys.get(request.get("SortBy"), "CreationTime")])
    if request.get("SortOrder", order) == "Descending":
        found.reverse()
    start = _position(request.get("NextToken"))
    end = start + request.get("MaxResults", DEFAULT_PAGE)
    wanted = (name, f"{kind}Arn", "CreationTime", *members)
    summaries = [{key: record[key] for key in wanted if key in record} for record in found[start:end]]
    more = {"NextToken": base64.b64encode(str(end).encode()).decode()} if end < len(found) else {}
    return summaries, more


def _position(token: str | None) -> int:
    try:
        return int(base64.b64decode(token)) if token else 0
    except (binascii.Error, ValueError):
        raise invalid("Invalid NextToken.") from None
