"""The tags by which the workbench finds again what it made, and when that shall be gone."""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

_SPACE = "embedding-workbench"
#: Says that the workbench made it; the value is ``MAKER``.
MADE_BY = f"{_SPACE}:made-by"
#: Whose it is: the ARN of who made it.
OWNER = f"{_SPACE}:owner"
#: The run's id.
RUN = f"{_SPACE}:run"
#: Counts the training jobs of a run.
ATTEMPT = f"{_SPACE}:attempt"
#: When it shall be deleted: UTC, ISO 8601.
EXPIRES = f"{_SPACE}:expires"
#: What it is: "training", "endpoint" ...
KIND = f"{_SPACE}:kind"
#: What the smoke call of an endpoint gave: ``READY`` or ``WRONG``. Without it nobody has made that call yet.
CHECKED = f"{_SPACE}:checked"
READY, WRONG = "ready", "wrong"

MAKER = "embedding-workbench"
_LONGEST_VALUE = 256


def make_tags(kind: str, owner: str, run: str, expires: float | None = None) -> dict[str, str]:
    """The tags of a new resource.

    Args:
        expires: seconds since 1970, or None for something that ends by itself.
    """
    tags = {MADE_BY: MAKER, KIND: kind, OWNER: owner, RUN: run}
    if expires is not None:
        tags[EXPIRES] = expires_value(expires)
    return {key: _allowed(value) for key, value in tags.items()}


def expires_value(expires: float) -> str:
    """The tag's value for a time in seconds since 1970."""
    return datetime.fromtimestamp(expires, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def expires_at(tags: Mapping[str, str]) -> float | None:
    """When the resource shall be deleted, in seconds since 1970; None where no tag says so or it cannot be read."""
    try:
        time = datetime.fromisoformat(tags[EXPIRES])
    except (KeyError, ValueError):
        return None
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()


def made_here(tags: Mapping[str, str]) -> bool:
    """Whether the workbench made what has these tags."""
    return tags.get(MADE_BY) == MAKER


def is_of(tags: Mapping[str, str], owner: str) -> bool:
    """Whether what has these tags is ``owner``'s."""
    return tags.get(OWNER) == _allowed(owner)


def to_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags as AWS takes them: ``[{"Key": .., "Value": ..}]``."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def from_list(tags: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Tags as a dictionary, from what AWS answers."""
    return {tag["Key"]: tag["Value"] for tag in tags}


def _allowed(value: str) -> str:
    """``value`` with what AWS does not take in a tag replaced by a dash, cut to length."""
    return re.sub(r"[^\w\s.:/=+\-@]", "-", value)[:_LONGEST_VALUE]
