"""The operations on endpoints; hosting.py brings them into service, serving.py runs the model servers."""

import time
from typing import TYPE_CHECKING, Any

from tests.sagemaker_double.account import Record, Region, touch
from tests.sagemaker_double.errors import invalid
from tests.sagemaker_double.hosting import Hosting
from tests.sagemaker_double.listing import page_of
from tests.sagemaker_double.models import find_config
from tests.sagemaker_double.operations import operation
from tests.sagemaker_double.quotas import ENDPOINT

if TYPE_CHECKING:
    from tests.sagemaker_double.server import Double

BUSY = ("Creating", "Updating", "RollingBack", "SystemUpdating", "Deleting")


@operation
def create_endpoint(double: "Double", region: Region, request: dict[str, Any]) -> dict[str, Any]:
    """Start to bring a configuration into service."""
    name = request["EndpointName"]
    arn = region.arn("endpoint", name)
    if name in region.endpoints:
        raise invalid(f'Cannot create already existing endpoint "{arn}".')
    config = find_config(region, request["EndpointConfigName"])
    for variant in config["ProductionVariants"]:
        if "InstanceType" in variant:
            double.quotas.require(
                double.account, region.name, variant["InstanceType"], ENDPOINT, variant["InitialInstanceCount"]
            )
    now = time.time()
    endpoint = region.endpoints[name] = {
        "EndpointName": name, "EndpointArn": arn, "EndpointConfigName": config["EndpointConfigName"],
        "EndpointStatus": "Creating", "CreationTime": now, "LastModifiedTime": now,
    }
    region.tag(arn, request.get("Tags"))
    double.run(Hosting(double, region, endpoint))
    return {"EndpointArn": arn}


def find_endpoint(region: Region, name: str) -> Record:
    """The endpoint of that name.

    Raises:
        ServiceError: there is none.
    """
    if name not in region.endpoints:
        raise invalid(f'Could not find endpoint "{region.arn("endpoint", name)}".')
    return region.endpoints[name]


def _idle_endpoint(region: Region, name: str) -> Record:
    endpoint = find_endpoint(region, name)
    if endpoint["EndpointStatus"] in BUSY:
        raise invalid(f'Cannot update in-progress endpoint "{endpoint["EndpointArn"]}".')
    return endpoint


@operation
def describe_endpoint(double: "Double", region: Region, request: dict[str, Any]) -> dict[str, Any]:
    """The endpoint as it is now."""
    return find_endpoint(region, request["EndpointName"])


@operation
def list_endpoints(double: "Double", region: Region, request: dict[str, Any]) -> dict[str, Any]:
    """Summaries, the newest first."""
    members = ("LastModifiedTime", "EndpointStatus")
    endpoints, more = page_of(region.endpoints.values(), request, kind="Endpoint", members=members)
    return {"Endpoints": endpoints, **more}


@operation
def update_endpoint(double: "Double", region: Region, request: dict[str, Any]) -> dict[str, Any]:
    """Bring another configuration into service; the old one serves until then, and on where the new one fails."""
    endpoint = _idle_endpoint(region, request["EndpointName"])
    config = find_config(region, request["EndpointConfigName"])
    touch(endpoint, EndpointStatus="Updating")
    double.hosting(region, endpoint["EndpointName"]).replace(config["EndpointConfigName"])
    return {"EndpointArn": endpoint["EndpointArn"]}


@operation
def update_endpoint_weights_and_capacities(double: "Double", region: Region, request: dict[str, Any]) -> dict[str, Any]:
    """Change how many instances a variant has; one server answers for all of them here."""
    endpoint = _idle_endpoint(region, request["EndpointName"])
    wishes = {wish["VariantName"]: wish for wish in request["DesiredWeightsAndCapacities"]}
    for variant in endpoint["ProductionVariants"]:
        wish = wishes.pop(variant["VariantName"], {})
        if "DesiredInstanceCount" in wish:
            variant.update(dict.fromkeys(("CurrentInstanceCount", "DesiredInstanceCount"), wish["DesiredInstanceCount"]))
        if "DesiredWeight" in wish:
            variant.update(CurrentWeight=wish["DesiredWeight"], DesiredWeight=wish["DesiredWeight"])
    if wishes:
        raise invalid(f"The variant name(s) {', '.join(wishes)} is/are not present within endpoint configuration.")
    touch(endpoint)
    return {"EndpointArn": endpoint["EndpointArn"]}


@operation
def delete_endpoint(double: "Double", region: Region, request: dict[str, Any]) -> dict[str, Any]:
    """End the servers; the endpoint is Deleting until they are gone."""
    endpoint = _idle_endpoint(region, request["EndpointName"])
    touch(endpoint, EndpointStatus="Deleting")
    double.hosting(region, endpoint["EndpointName"]).delete()
    return {}
