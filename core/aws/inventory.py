"""What the workbench has made in the account, found by its tags, from whichever machine it was made."""

from dataclasses import dataclass

from core.aws import tags
from core.aws.errors import asking
from core.aws.session import Connection

#: SageMaker's kinds as ARNs name them.
KINDS = ("endpoint", "endpoint-config", "model", "training-job", "hyper-parameter-tuning-job")


@dataclass(frozen=True)
class Made:
    """One resource that the workbench made.

    Attributes:
        kind: one of ``KINDS``.
        name: as SageMaker's operations take it (an ARN has it in small letters, as are all names given here).
        tags: all its tags.
    """

    kind: str
    name: str
    arn: str
    tags: dict[str, str]


def made_here(connection: Connection) -> list[Made]:
    """Everything of SageMaker's in this region that bears the workbench's tag, in the order of ``KINDS`` and names.

    The index of tags lags behind by up to minutes, in both ways: whoever goes on from a line asks SageMaker about it.

    Raises:
        AwsError: AWS refuses, or cannot be reached.
    """
    with asking("list what the workbench has made", connection.region):
        pages = connection.client("resourcegroupstaggingapi").get_paginator("get_resources").paginate(
            TagFilters=[{"Key": tags.MADE_BY, "Values": [tags.MAKER]}],
            ResourceTypeFilters=[f"sagemaker:{kind}" for kind in KINDS],
        )
        found = [
            _made(one["ResourceARN"], tags.from_list(one["Tags"])) for page in pages for one in page["ResourceTagMappingList"]
        ]
    return sorted(found, key=lambda one: (KINDS.index(one.kind), one.name))


def _made(arn: str, its_tags: dict[str, str]) -> Made:
    kind, _, name = arn.split(":", 5)[5].partition("/")
    return Made(kind, name, arn, its_tags)
