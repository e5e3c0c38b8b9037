"""What the double's one account holds in each region: records shaped as the Describe operations answer them."""

import threading
import time
from typing import Any

from tests.sagemaker_double.errors import invalid

#: moto's own account, so that S3, IAM and SageMaker agree on it.
ACCOUNT_ID = "123456789012"

Record = dict[str, Any]


class Region:
    """The SageMaker resources of one region, by name; times are seconds since 1970, as the wire has them."""

    def __init__(self, name: str):
        self.name = name
        self.training_jobs: dict[str, Record] = {}
        self.tuning_jobs: dict[str, Record] = {}
        self.models: dict[str, Record] = {}
        self.endpoint_configs: dict[str, Record] = {}
        self.endpoints: dict[str, Record] = {}
        self.tags: dict[str, dict[str, str]] = {}

    def arn(self, kind: str, name: str) -> str:
        """The resource's ARN; SageMaker writes names in small letters there."""
        return f"arn:aws:sagemaker:{self.name}:{ACCOUNT_ID}:{kind}/{name.lower()}"

    def tag(self, arn: str, tags: list[dict[str, str]] | None) -> None:
        """Add ``[{"Key": .., "Value": ..}]`` to what is at ``arn``."""
        self.tags.setdefault(arn, {}).update({tag["Key"]: tag["Value"] for tag in tags or []})

    def tagged(self, arn: str) -> dict[str, str]:
        """The tags of what is at ``arn``.

        Raises:
            ServiceError: nothing is there.
        """
        if arn not in self.tags:
            raise invalid(f"Could not find resource {arn}.")
        return self.tags[arn]


class Account:
    """All regions. Whoever changes a record holds ``lock``; records are replaced and read in whole keys."""

    def __init__(self):
        self.lock = threading.RLock()
        self.regions: dict[str, Region] = {}

    def region(self, name: str) -> Region:
        """The region of that name, empty at first."""
        with self.lock:
            return self.regions.setdefault(name, Region(name))


def touch(record: Record, **changes: Any) -> None:
    """Change a record and its LastModifiedTime."""
    record.update(changes, LastModifiedTime=time.time())
