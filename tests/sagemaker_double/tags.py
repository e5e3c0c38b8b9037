"""Tags: SageMaker's own operations, and SageMaker's part in what the tagging service finds."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tests.sagemaker_double.account import ACCOUNT_ID, Account, Region
from tests.sagemaker_double.operations import operation

if TYPE_CHECKING:
    from tests.sagemaker_double.server import Double


@operation
def add_tags(double: "Double", region: Region, request: dict[str, Any]) -> dict[str, Any]:
    """Add tags, or change their values."""
    region.tagged(request["ResourceArn"])
    region.tag(request["ResourceArn"], request["Tags"])
    return {"Tags": _listed(region.tags[request["ResourceArn"]])}


@operation
def list_tags(double: "Double", region: Region, request: dict[str, Any]) -> dict[str, Any]:
    """All tags of a resource."""
    return {"Tags": _listed(region.tagged(request["ResourceArn"]))}


@operation
def delete_tags(double: "Double", region: Region, request: dict[str, Any]) -> dict[str, Any]:
    """Take tags away by their keys."""
    tags = region.tagged(request["ResourceArn"])
    for key in request["TagKeys"]:
        tags.pop(key, None)
    return {}


def _listed(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def let_moto_find(account: Account) -> None:
    """Let moto's tagging service (GetResources, TagResources) see the double's SageMaker resources, not moto's own."""
    from moto.core.resource_tagging import TaggedResource
    from moto.sagemaker.models import SageMakerModelBackend, sagemaker_backends

    def iter_tagged_resources(backend) -> Iterator[TaggedResource]:
        with account.lock:
            tagged = [(arn, dict(tags)) for arn, tags in account.region(backend.region_name).tags.items()]
        for arn, tags in tagged:
            yield TaggedResource(arn=arn, tags=tags, resource_type=f"sagemaker:{arn.split(':')[5].split('/')[0]}")

    def tag_resource(backend, arn: str, tags: dict[str, str]) -> None:
        with account.lock:
            account.region(backend.region_name).tagged(arn).update(tags)

    def untag_resource(backend, arn: str, tag_keys: list[str]) -> None:
        with account.lock:
            for key in tag_keys:
                account.region(backend.region_name).tagged(arn).pop(key, None)

    sagemaker_backends[ACCOUNT_ID]  # moto asks only the services that are in use
    SageMakerModelBackend.iter_tagged_resources = iter_tagged_resources
    SageMakerModelBackend.tag_resource = tag_resource
    SageMakerModelBackend.untag_resource = untag_resource
