"""How many instances of a type the account may run at a time."""

from typing import Literal

from core.aws.errors import AwsError, asking
from core.aws.session import Connection

Use = Literal["training", "spot", "warm pool", "hosting"]

#: How the names of quotas go on after the instance type.
_NAMES: dict[Use, str] = {
    "training": "training job usage", "spot": "spot training job usage", "warm pool": "training warm pool usage",
    "hosting": "endpoint usage",
}


class Quotas:
    """The account's SageMaker quotas in one region, read once: there are over a thousand, a hundred a request."""

    def __init__(self, values: dict[str, float] | None):
        self._values = values

    @classmethod
    def read(cls, connection: Connection) -> "Quotas":
        """Ask AWS. Where it may not be asked, every quota is unknown."""
        try:
            with asking("list the account's quotas", connection.region):
                pages = connection.client("service-quotas").get_paginator("list_service_quotas")
                return cls({
                    quota["QuotaName"]: quota["Value"]
                    for page in pages.paginate(ServiceCode="sagemaker", PaginationConfig={"PageSize": 100})
                    for quota in page["Quotas"] if "Value" in quota
                })
        except AwsError:
            return cls(None)

    def of(self, instance_type: str, use: Use) -> int | None:
        """How many instances may run at a time; None where that cannot be read."""
        if self._values is None:
            return None
        value = self._values.get(quota_name(instance_type, use))
        return None if value is None else int(value)


def quota_name(instance_type: str, use: Use) -> str:
    """The quota's name in the Service Quotas console."""
    return f"{instance_type} for {_NAMES[use]}"
