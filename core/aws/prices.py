"""What an hour of an instance costs: from AWS's price list where it may be read, else from a table of a given day."""

import json
import threading
from dataclasses import dataclass
from typing import Any, Literal, get_args

from core.aws.errors import AwsError, asking
from core.aws.session import Connection

Use = Literal["training", "hosting"]

#: The price list has three homes; it knows every region's prices in each.
LIST_REGIONS = ("us-east-1", "eu-central-1", "ap-south-1")

#: US dollars an hour in us-east-1, for training and hosting alike. From memory of AWS's price page; ml.m5.large to 2xlarge,
#: g4dn and g5.xlarge agree with lists that others have published, the rest is to be checked there.
TABLE_DATE = "June 2025"
TABLE = {
    "ml.t2.medium": 0.056, "ml.t2.large": 0.111,
    "ml.m5.large": 0.115, "ml.m5.xlarge": 0.23, "ml.m5.2xlarge": 0.461, "ml.m5.4xlarge": 0.922,
    "ml.c5.large": 0.102, "ml.c5.xlarge": 0.204, "ml.c5.2xlarge": 0.408, "ml.c5.4xlarge": 0.816,
    "ml.g4dn.xlarge": 0.736, "ml.g4dn.2xlarge": 0.94, "ml.g4dn.12xlarge": 4.89,
    "ml.g5.xlarge": 1.408, "ml.g5.2xlarge": 1.515, "ml.g5.12xlarge": 7.09,
    "ml.g6.xlarge": 1.127,
}
#: US dollars for a second in which a serverless endpoint with one GB works; nothing while it waits.
SERVERLESS_GB_SECOND = 0.00002

#: What can be trained on, and what can serve; where the account has a quota for it.
TrainingType = Literal[
    "ml.m5.large", "ml.m5.xlarge", "ml.m5.2xlarge", "ml.m5.4xlarge", "ml.c5.xlarge", "ml.c5.2xlarge", "ml.c5.4xlarge",
    "ml.g4dn.xlarge", "ml.g4dn.2xlarge", "ml.g4dn.12xlarge", "ml.g5.xlarge", "ml.g5.2xlarge", "ml.g5.12xlarge",
    "ml.g6.xlarge",
]
TRAINING_TYPES: tuple[TrainingType, ...] = get_args(TrainingType)
HOSTING_TYPES = (
    "ml.t2.medium", "ml.t2.large", "ml.m5.large", "ml.m5.xlarge", "ml.m5.2xlarge", "ml.c5.large", "ml.c5.xlarge",
    "ml.c5.2xlarge", "ml.g4dn.xlarge", "ml.g5.xlarge", "ml.g6.xlarge",
)


@dataclass(frozen=True)
class Price:
    """US dollars an hour.

    Attributes:
        an_hour: for one instance, or for an hour of uninterrupted work of a serverless endpoint.
        source: where the number comes from, as a sentence to show beside it.
        estimate: whether it is from the table, not from AWS.
    """

    an_hour: float
    source: str
    estimate: bool


_known: dict[tuple[str, str, str], Price] = {}
_lock = threading.Lock()


def price_of(connection: Connection | None, instance_type: str, region: str, use: Use) -> Price | None:
    """The price of an hour of one on-demand instance.

    Args:
        connection: to ask AWS's price list with; None asks nobody.

    Returns:
        The list's price where it can be read, else the table's, else None. A listed price is asked for once.
    """
    key = (instance_type, region, use)
    with _lock:
        if key in _known:
            return _known[key]
    listed = None
    if connection is not None:
        try:
            listed = _listed(connection, instance_type, region, use)
        except AwsError:  # the policy may not allow it, or there is no network: the table will do
            listed = None
    if listed is None:
        return _from_table(instance_type, region)
    price = Price(listed, f"AWS's price list for {region}, without tax and discounts.", False)
    with _lock:
        _known[key] = price
    return price


def serverless_price(memory_mb: int) -> Price:
    """The price of an hour in which a serverless endpoint works without a pause; an idle one costs nothing."""
    an_hour = SERVERLESS_GB_SECOND * 3600 * memory_mb / 1024
    return Price(an_hour, f"An estimate: us-east-1's price of {TABLE_DATE}, for the seconds it works only.", True)


def _from_table(instance_type: str, region: str) -> Price | None:
    if instance_type not in TABLE:
        return None
    there = "" if region == "us-east-1" else f" {region} may cost up to half as much again."
    return Price(TABLE[instance_type], f"An estimate: us-east-1's price of {TABLE_DATE}.{there}", True)


def _listed(connection: Connection, instance_type: str, region: str, use: Use) -> float | None:
    """The price in AWS's price list, or None where it has none."""
    home = region if region in LIST_REGIONS else LIST_REGIONS[0]
    wanted = {"regionCode": region, "instanceName": instance_type}
    filters = [{"Type": "TERM_MATCH", "Field": name, "Value": value} for name, value in wanted.items()]
    with asking("give its price list", region):
        pages = connection.client("pricing", home).get_paginator("get_products")
        products = [
            json.loads(product)
            for page in pages.paginate(ServiceCode="AmazonSageMaker", FormatVersion="aws_v1", Filters=filters)
            for product in page["PriceList"]
        ]
    prices = [price for product in products if _is_for(product, use) for price in _an_hour(product)]
    return max(prices, default=None)  # should there be several: never less than is paid


def _is_for(product: dict[str, Any], use: Use) -> bool:
    """Whether a product is a plain instance for this use; the list has one a component (notebooks, processing ...)."""
    attributes = product.get("product", {}).get("attributes", {})
    component = attributes.get("component") or attributes.get("platoinstancetype") or ""
    return component.lower() == use


def _an_hour(product: dict[str, Any]) -> list[float]:
    return [
        float(dimension["pricePerUnit"]["USD"])
        for term in product.get("terms", {}).get("OnDemand", {}).values()
        for dimension in term.get("priceDimensions", {}).values()
        if dimension.get("unit", "").lower() in ("hrs", "hours", "hour")
        and float(dimension.get("pricePerUnit", {}).get("USD", 0)) > 0
    ]
