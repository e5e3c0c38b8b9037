"""The operations on models and endpoint configurations."""

import time
from typing import TYPE_CHECKING, Any

from tests.sagemaker_double.account import Record, Region
from tests.sagemaker_double.errors import invalid
from tests.sagemaker_double.listing import page_of
from tests.sagemaker_double.operations import operation
from tests.sagemaker_double.roles import require_role
from tests.sagemaker_double.storage import split_uri

if TYPE_CHECKING:
    from tests.sagemaker_double.server import Double


@operation
def create_model(double: "Double", region: Region, request: dict[str, Any]) -> dict[str, Any]:
    """Name a container and its archive; the archive must be on S3 and the role one that SageMaker may assume."""
    name = request["ModelName"]
    arn = region.arn("model", name)
    if name in region.models:
        raise invalid(f'Cannot create already existing model "{arn}".')
    if not request.get("ExecutionRoleArn"):
        raise invalid("ExecutionRoleArn is required.")
    require_role(double, request["ExecutionRoleArn"])
    container = request.get("PrimaryContainer") or (request.get("Containers") or [{}])[0]
    if not container.get("Image"):
        raise invalid("Either PrimaryContainer or Containers must be given, with an Image.")
    uri = container.get("ModelDataUrl")
    if uri:
        _require_archive(double.clients.get("s3", region.name), uri)
    region.models[name] = {
        **{key: value for key, value in request.items() if key != "Tags"},
        "ModelArn": arn, "CreationTime": time.time(), "EnableNetworkIsolation": request.get("EnableNetworkIsolation", False),
    }
    region.tag(arn, request.get("Tags"))
    return {"ModelArn": arn}


def _require_archive(s3, uri: str) -> None:
    from botocore.exceptions import ClientError

    try:
        s3.head_object(**dict(zip(("Bucket", "Key"), split_uri(uri), strict=True)))
    except ClientError:
        raise invalid(f"Could not find model data at {uri}.") from None


def find_model(region: Region, name: str) -> Record:
    """The model of that name.

    Raises:
        ServiceError: there is none.
    """
    if name not in region.models:
        raise invalid(f'Could not find model "{region.arn("model", name)}".')
    return region.models[name]


@operation
def describe_model(double: "Double", region: Region, request: dict[str, Any]) -> dict[str, Any]:
    """The model as it was asked for."""
    return find_model(region, request["ModelName"])


@operation
def list_models(double: "Double", region: Region, request: dict[str, Any]) -> dict[str, Any]:
    """Summaries, the newest first."""
    models, more = page_of(region.models.values(), request, kind="Model", members=())
    return {"Models": models, **more}


@operation
def delete_model(double: "Double", region: Region, request: dict[str, Any]) -> dict[str, Any]:
    """Forget the model; its archive stays on S3."""
    model = find_model(region, request["ModelName"])
    del region.models[model["ModelName"]]
    region.tags.pop(model["ModelArn"], None)
    return {}


@operation
def create_endpoint_config(double: "Double", region: Region, request: dict[str, Any]) -> dict[str, Any]:
    """Say which models run on what."""
    name = request["EndpointConfigName"]
    arn = region.arn("endpoint-config", name)
    if name in region.endpoint_configs:
        raise invalid(f'Cannot create already existing endpoint configuration "{arn}".')
    for variant in request["ProductionVariants"]:
        find_model(region, variant["ModelName"])
        _check_size(variant)
    region.endpoint_configs[name] = {
        **{key: value for key, value in request.items() if key != "Tags"},
        "EndpointConfigArn": arn, "CreationTime": time.time(),
    }
    region.tag(arn, request.get("Tags"))
    return {"EndpointConfigArn": arn}


def _check_size(variant: dict[str, Any]) -> None:
    serverless = variant.get("ServerlessConfig")
    if serverless and "InstanceType" in variant:
        raise invalid("ServerlessConfig cannot be used together with InstanceType.")
    if not serverless and "InstanceType" not in variant:
        raise invalid("One of ServerlessConfig and InstanceType must be given for every production variant.")
    if serverless and serverless["MemorySizeInMB"] % 1024:
        raise invalid("MemorySizeInMB must be one of 1024, 2048, 3072, 4096, 5120 and 6144.")
    if not serverless:
        variant.setdefault("InitialInstanceCount", 1)
    variant.setdefault("InitialVariantWeight", 1.0)


def find_config(region: Region, name: str) -> Record:
    """The endpoint configuration of that name.

    Raises:
        ServiceError: there is none.
    """
    if name not in region.endpoint_configs:
        raise invalid(f'Could not find endpoint configuration "{region.arn("endpoint-config", name)}".')
    return region.endpoint_configs[name]


@operation
def describe_endpoint_config(double: "Double", region: Region, request: dict[str, Any]) -> dict[str, Any]:
    """The configuration as it was asked for."""
    return find_config(region, request["EndpointConfigName"])


@operation
def list_endpoint_configs(double: "Double", region: Region, request: dict[str, Any]) -> dict[str, Any]:
    """Summaries, the newest first."""
    configs, more = page_of(region.endpoint_configs.values(), request, kind="EndpointConfig", members=())
    return {"EndpointConfigs": configs, **more}


@operation
def delete_endpoint_config(double: "Double", region: Region, request: dict[str, Any]) -> dict[str, Any]:
    """Forget the configuration; an endpoint that runs on it goes on."""
    config = find_config(region, request["EndpointConfigName"])
    del region.endpoint_configs[config["EndpointConfigName"]]
    region.tags.pop(config["EndpointConfigArn"], None)
    return {}
