"""SageMaker's models, configurations and endpoints: one request a function, and none that waits.

A deployment's three parts bear one name. Each is made for one model and one variant.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.aws import tags
from core.aws.errors import AwsError, asking, is_gone
from core.aws.names import PREFIX
from core.aws.session import Connection
from core.errors import WorkbenchError

#: The name of the one variant of each endpoint, as the SDK and the console call it.
VARIANT = "AllTraffic"


@dataclass(frozen=True)
class Machines:
    """Instances that an endpoint runs on: SageMaker's name of their type, and how many there are at first."""

    instance_type: str
    count: int


@dataclass(frozen=True)
class Serverless:
    """What an endpoint without instances may take: memory in MB, and calls at a time."""

    memory_mb: int
    concurrency: int


@dataclass(frozen=True)
class Container:
    """What a model is served by.

    Attributes:
        image: the image's address.
        archive: the address of ``model.tar.gz`` on S3.
        environment: variables.
    """

    image: str
    archive: str
    environment: Mapping[str, str]


@dataclass(frozen=True)
class Listed:
    """A line of a list: its name, and seconds since 1970. An endpoint also has an ARN and SageMaker's state."""

    name: str
    created: float
    arn: str = ""
    status: str = ""
    modified: float = 0.0


@dataclass(frozen=True)
class Described:
    """An endpoint as SageMaker describes it.

    Attributes:
        name, arn, status: SageMaker's own.
        reason: why it failed, in SageMaker's words, or "".
        created: seconds since 1970.
        config: the name of its configuration.
        instances: how many there are now; None before it is in service, and for a serverless one.
    """

    name: str
    arn: str
    status: str
    reason: str
    created: float
    config: str
    instances: int | None


class ModelRefused(WorkbenchError):
    """The container answered a call with an error; ``why`` is what it said, ``status`` its HTTP status (0: not in time)."""

    def __init__(self, name: str, status: int, said: str):
        super().__init__(f"{name} refuses the request.", said)
        self.status = status


def create_model(connection: Connection, name: str, container: Container, role: str, its_tags: Mapping[str, str]) -> None:
    """Name a container with its archive, and the role that SageMaker fetches both in.

    Raises:
        AwsError: AWS refuses (``kind`` "exists": the name is taken), or cannot be reached.
    """
    with asking("create the model", connection.region):
        connection.client("sagemaker").create_model(
            ModelName=name, ExecutionRoleArn=role, Tags=tags.to_list(its_tags),
            PrimaryContainer={
                "Image": container.image, "ModelDataUrl": container.archive, "Environment": dict(container.environment)
            },
        )


def create_config(connection: Connection, name: str, size: Machines | Serverless, its_tags: Mapping[str, str]) -> None:
    """Say what the model of that name runs on; likewise."""
    variant: dict[str, Any] = {"VariantName": VARIANT, "ModelName": name}
    if isinstance(size, Machines):
        variant |= {"InstanceType": size.instance_type, "InitialInstanceCount": size.count}
    else:
        variant["ServerlessConfig"] = {"MemorySizeInMB": size.memory_mb, "MaxConcurrency": size.concurrency}
    with asking("create the endpoint's configuration", connection.region):
        connection.client("sagemaker").create_endpoint_config(
            EndpointConfigName=name, ProductionVariants=[variant], Tags=tags.to_list(its_tags)
        )


def create_endpoint(connection: Connection, name: str, its_tags: Mapping[str, str]) -> None:
    """Begin to bring the configuration of that name into service, which costs money from then on; likewise."""
    with asking("create the endpoint", connection.region):
        connection.client("sagemaker").create_endpoint(
            EndpointName=name, EndpointConfigName=name, Tags=tags.to_list(its_tags)
        )


def describe_endpoint(connection: Connection, name: str) -> Described | None:
    """The endpoint of that name, or None.

    Raises:
        AwsError: AWS refuses, or cannot be reached.
    """
    said = _described(connection, "describe_endpoint", "say how the endpoint is", EndpointName=name)
    if said is None:
        return None
    variants = said.get("ProductionVariants") or [{}]
    return Described(
        said["EndpointName"], said["EndpointArn"], said["EndpointStatus"], said.get("FailureReason", ""),
        said["CreationTime"].timestamp(), said["EndpointConfigName"], variants[0].get("CurrentInstanceCount"),
    )


def describe_config(connection: Connection, name: str) -> Machines | Serverless | None:
    """What the configuration of that name says to run on (its first variant), or None.

    Raises:
        AwsError: AWS refuses, or cannot be reached.
    """
    said = _described(
        connection, "describe_endpoint_config", "say what the endpoint runs on", EndpointConfigName=name
    )
    if said is None:
        return None
    variant = said["ProductionVariants"][0]
    if serverless := variant.get("ServerlessConfig"):
        return Serverless(serverless["MemorySizeInMB"], serverless["MaxConcurrency"])
    return Machines(variant.get("InstanceType", ""), variant.get("InitialInstanceCount", 1))


def describe_model(connection: Connection, name: str) -> Container | None:
    """The container of the model of that name, or None.

    Raises:
        AwsError: AWS refuses, or cannot be reached.
    """
    said = _described(connection, "describe_model", "say what the model is", ModelName=name)
    if said is None:
        return None
    container = said.get("PrimaryContainer") or (said.get("Containers") or [{}])[0]
    return Container(container.get("Image", ""), container.get("ModelDataUrl", ""), container.get("Environment", {}))


def list_endpoints(connection: Connection) -> list[Listed]:
    """Every endpoint of the account in this region.

    Raises:
        AwsError: AWS refuses, or cannot be reached.
    """
    return [
        Listed(
            one["EndpointName"], one["CreationTime"].timestamp(), one["EndpointArn"], one["EndpointStatus"],
            one["LastModifiedTime"].timestamp(),
        )
        for one in _list(connection, "list_endpoints", "Endpoints", "list the endpoints")
    ]


def list_configs(connection: Connection) -> list[Listed]:
    """The configurations whose names are the workbench's; likewise."""
    found = _list(connection, "list_endpoint_configs", "EndpointConfigs", "list the configurations", NameContains=PREFIX)
    return [Listed(one["EndpointConfigName"], one["CreationTime"].timestamp()) for one in found]


def list_models(connection: Connection) -> list[Listed]:
    """The models whose names are the workbench's; likewise."""
    found = _list(connection, "list_models", "Models", "list the models", NameContains=PREFIX)
    return [Listed(one["ModelName"], one["CreationTime"].timestamp()) for one in found]


def delete_endpoint(connection: Connection, name: str) -> bool:
    """Begin to end the endpoint, and say whether there was one. It is there until it is described no more.

    Raises:
        AwsError: AWS refuses, or cannot be reached.
    """
    return _delete(connection, "delete_endpoint", "delete the endpoint", EndpointName=name)


def delete_config(connection: Connection, name: str) -> bool:
    """Delete the configuration and say whether there was one; likewise."""
    return _delete(connection, "delete_endpoint_config", "delete the configuration", EndpointConfigName=name)


def delete_model(connection: Connection, name: str) -> bool:
    """Delete the model and say whether there was one; likewise."""
    return _delete(connection, "delete_model", "delete the model", ModelName=name)


def tags_of(connection: Connection, arn: str) -> dict[str, str]:
    """The tags of one thing, as they are now: the index of tags that others are listed by lags behind.

    Raises:
        AwsError: it is gone, AWS refuses, or cannot be reached.
    """
    with asking("give the tags", connection.region):
        pages = connection.client("sagemaker").get_paginator("list_tags").paginate(ResourceArn=arn)
        return tags.from_list(tag for page in pages for tag in page["Tags"])


def add_tags(connection: Connection, arn: str, more: Mapping[str, str]) -> None:
    """Add tags, or change their values; likewise."""
    with asking("write a tag", connection.region):
        connection.client("sagemaker").add_tags(ResourceArn=arn, Tags=tags.to_list(more))


def invoke(connection: Connection, name: str, body: bytes) -> bytes:
    """What the endpoint answers to ``body``; both are JSON.

    Raises:
        ModelRefused: the container answered with an error.
        AwsError: there is no such endpoint in service, AWS refuses, or cannot be reached.
    """
    from botocore.exceptions import ClientError

    runtime = connection.client("sagemaker-runtime")
    with asking("call the endpoint", connection.region):
        try:
            said = runtime.invoke_endpoint(
                EndpointName=name, Body=body, ContentType="application/json", Accept="application/json"
            )
            answer: bytes = said["Body"].read()
            return answer
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") != "ModelError":
                raise
            status = int(error.response.get("OriginalStatusCode") or 0)
            refusal = str(error.response.get("OriginalMessage") or error.response["Error"].get("Message", ""))
    raise ModelRefused(name, status, _sentence(refusal))


def _sentence(refusal: str) -> str:
    """What a container says, out of the JSON that it says it in."""
    try:
        told = json.loads(refusal)
    except ValueError:
        told = None
    if isinstance(told, dict):
        refusal = str(told.get("message") or told.get("error") or refusal)
    return refusal[:1000]


def _described(connection: Connection, operation: str, what: str, **request: str) -> dict[str, Any] | None:
    try:
        with asking(what, connection.region):
            said: dict[str, Any] = getattr(connection.client("sagemaker"), operation)(**request)
            return said
    except AwsError as error:
        if is_gone(error):
            return None
        raise


def _list(connection: Connection, operation: str, member: str, what: str, **request: str) -> list[dict[str, Any]]:
    with asking(what, connection.region):
        pages = connection.client("sagemaker").get_paginator(operation).paginate(
            PaginationConfig={"PageSize": 100}, **request
        )
        return [one for page in pages for one in page[member]]


def _delete(connection: Connection, operation: str, what: str, **request: str) -> bool:
    try:
        with asking(what, connection.region):
            getattr(connection.client("sagemaker"), operation)(**request)
    except AwsError as error:
        if is_gone(error):
            return False
        raise
    return True
