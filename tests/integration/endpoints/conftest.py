"""Places that serve models, each with what a test of any of them needs."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from core.aws import buckets, hosting, logs, schedules
from core.aws.account import Account
from core.aws.session import Connection, connect
from core.endpoints import sagemaker_view
from core.endpoints.folder import all_endpoints
from core.endpoints.host import DeploySpec, Endpoint, Host
from core.endpoints.local import LocalHost
from core.endpoints.sagemaker import SageMakerHost
from core.models import ModelRef, local_ref
from core.workspace import Workspace
from tests.sagemaker_double.client import RunningDouble


@dataclass
class Place:
    """A host under test.

    Attributes:
        host: the host.
        spec: what to deploy with.
        model: a tiny model.
        again: makes another host over the same place, as another app would.
        is_empty: whether nothing at all is left there.
    """

    host: Host
    spec: DeploySpec
    model: ModelRef
    again: Callable[[], Host]
    is_empty: Callable[[], bool]

    def deploy(self) -> Endpoint:
        return self.host.deploy(self.model, self.spec, lambda _: None)


@contextmanager
def local_place(folder: Path, tiny: Path, request) -> Iterator[Place]:
    """This machine."""
    workspace = Workspace.at(folder / "a workspace")

    def is_empty() -> bool:
        files = [path for path in workspace.endpoints.iterdir() if path.name != ".lock"]
        return not files and not any(map(serves_here, psutil.process_iter()))

    def serves_here(process: psutil.Process) -> bool:
        try:
            return any(argument.startswith(str(workspace.endpoints)) for argument in process.cmdline())
        except psutil.Error:  # a zombie, or gone in this moment
            return False

    place = Place(
        LocalHost(workspace), DeploySpec("here", 1.0), local_ref("Tiny one", tiny), lambda: LocalHost(workspace), is_empty
    )
    yield place
    for left in all_endpoints(workspace):  # no test leaves a process behind
        if pid := left.process():
            psutil.Process(pid).kill()


ROLE = "arn:aws:iam::123456789012:role/SageMakerExecutionRole"

#: Each place has a region to itself, so that all can share one double.
_REGIONS = [
    "us-east-1", "us-east-2", "us-west-1", "us-west-2", "eu-west-1", "eu-west-2", "eu-west-3", "eu-central-1", "eu-north-1",
    "ca-central-1", "sa-east-1", "ap-northeast-1",
]
_SERVICES = (
    "sts", "s3", "sagemaker", "sagemaker-runtime", "application-autoscaling", "scheduler", "logs", "cloudwatch",
    "resourcegroupstaggingapi", "service-quotas",
)


def connect_to(double: RunningDouble, region: str) -> Connection:
    """A connection into the double's account, whatever the environment is later."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in double.environment.items():
            patch.setenv(name, value)
        connection = connect(region=region)
        for service in _SERVICES:
            connection.client(service)
        for home in ("us-east-1", "eu-central-1"):
            connection.client("pricing", home)
    return connection


def account_in(double: RunningDouble, region: str) -> Account:
    """The double's account, with the workbench's bucket in it."""
    connection = connect_to(double, region)
    bucket = buckets.default_bucket(connection.identity().account, region)
    buckets.create(connection, bucket)
    return Account(connection, ROLE, bucket, ROLE)


def left_in(account: Account) -> list[str]:
    """Everything that is there in the account's region, in words; the bucket itself stays."""
    connection = account.connection
    targets = connection.client("application-autoscaling").describe_scalable_targets(ServiceNamespace="sagemaker")
    return [
        *(f"endpoint {one.name}" for one in hosting.list_endpoints(connection)),
        *(f"configuration {one.name}" for one in hosting.list_configs(connection)),
        *(f"model {one.name}" for one in hosting.list_models(connection)),
        *(one.uri for one in buckets.list_prefix(connection, f"s3://{account.bucket}/")),
        *(f"log {group}" for group in logs.groups(connection, "/aws/sagemaker/Endpoints/")),
        *(f"schedule {name}" for name in schedules.list_schedules(connection)),
        *(f"scaling {one['ResourceId']}" for one in targets["ScalableTargets"]),
    ]


def sagemaker_place(on: str):
    """A kind of endpoint in the double's account."""

    @contextmanager
    def place(folder: Path, tiny: Path, request) -> Iterator[Place]:
        region = _REGIONS.pop()
        account = account_in(request.getfixturevalue("double_process"), region)
        workspace = Workspace.at(folder / "a workspace")
        host = SageMakerHost(workspace, account)

        def is_empty() -> bool:
            return not left_in(account) and not [path for path in host.folders.iterdir() if path.suffix != ".lock"]

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sagemaker_view, "CALLS_FRESH", 1.0)
            yield Place(
                host, DeploySpec(on, 1.0), local_ref("Tiny one", tiny), lambda: SageMakerHost(workspace, account), is_empty
            )
        request.getfixturevalue("double_process").clear()
        for endpoint in SageMakerHost(workspace, account).list():  # no test leaves an endpoint behind
            host.delete(endpoint.name, unlocked=True)
        _REGIONS.append(region)

    return place


#: A place that serves models, by name: each passes the tests in test_hosts.py.
PLACES = {
    "here": local_place, "sagemaker": sagemaker_place("sagemaker"), "serverless": sagemaker_place("serverless"),
    "tei": sagemaker_place("tei"),
}


@pytest.fixture(scope="session")
def all_served(tmp_path_factory, tiny, double_process, request) -> Iterator[dict[str, tuple[Place, Endpoint]]]:
    """Places with one endpoint each that is ready, by name, made when first asked for; tests share them, and leave them so.
    The double is asked for first, so that it is there until the last of them has gone."""
    with ExitStack() as stack:

        class Served(dict):
            def __missing__(self, name: str) -> tuple[Place, Endpoint]:
                place = stack.enter_context(PLACES[name](tmp_path_factory.mktemp("served"), tiny, request))
                self[name] = place, place.deploy()
                return self[name]

        yield Served()


@pytest.fixture
def served_here(all_served) -> tuple[Place, Endpoint]:
    """This machine with one endpoint that is ready; all tests share it, and leave it so."""
    return all_served["here"]


@pytest.fixture(params=PLACES)
def served(request, all_served) -> tuple[Place, Endpoint]:
    """Each place in turn, with one endpoint that is ready."""
    return all_served[request.param]


@pytest.fixture(params=PLACES)
def place(request, tmp_path, tiny) -> Iterator[Place]:
    """An empty place."""
    with PLACES[request.param](tmp_path, tiny, request) as made:
        yield made


def wait_for(condition: Callable[[], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)
