"""Over the wire, from the loopback SageMaker: what is refused (busy, denied, over quota, taken, gone), what is found."""

import time
from collections.abc import Iterator

import pytest

from core.aws import logs, policy, schedules, tags
from core.aws.errors import AwsError, asking, is_gone
from core.aws.images import inference_image
from core.aws.inventory import made_here
from core.aws.overview import overview
from core.aws.prices import price_of
from core.aws.quotas import Quotas
from core.aws.session import Connection, connect
from tests.sagemaker_double.client import RunningDouble, running_double

REGION = "us-east-1"


@pytest.fixture(scope="module")
def double() -> Iterator[RunningDouble]:
    with running_double() as double:
        yield double


@pytest.fixture
def there(double, monkeypatch) -> Iterator[Connection]:
    for name, value in double.environment.items():
        monkeypatch.setenv(name, value)
    yield connect(region=REGION)
    double.clear()


def describe(connection: Connection) -> None:
    with asking("describe the endpoint", REGION):
        connection.client("sagemaker").describe_endpoint(EndpointName="ewb-none")


def test_a_busy_service_is_asked_again(double, there):
    double.ask("throttling", operation="ListEndpoints", times=2)
    with asking("list the endpoints", REGION):
        there.client("sagemaker").list_endpoints()
    double.ask("throttling", operation="ListEndpoints", times=0)
    with pytest.raises(AwsError, match="Wait a minute") as raised, asking("list the endpoints", REGION):
        there.client("sagemaker").list_endpoints()
    assert raised.value.kind == "throttled"


def test_what_is_not_allowed_is_named(double, there):
    double.ask("access-denied", operation="DescribeEndpoint")
    with pytest.raises(AwsError, match="sagemaker:DescribeEndpoint") as raised:
        describe(there)
    assert raised.value.kind == "denied"


def test_a_missing_endpoint_is_gone(there):
    with pytest.raises(AwsError) as raised:
        describe(there)
    assert is_gone(raised.value)


def configuration(connection: Connection, name: str, instance_type: str) -> None:
    """A model and an endpoint configuration."""
    sagemaker = connection.client("sagemaker")
    role = f"arn:aws:iam::{connection.identity().account}:role/{policy.EXECUTION_ROLE}"
    iam = connection.client("iam")
    if not any(one["RoleName"] == policy.EXECUTION_ROLE for one in iam.list_roles()["Roles"]):
        trust = policy.as_json(policy.trust_policy("sagemaker", connection.identity().account))
        iam.create_role(RoleName=policy.EXECUTION_ROLE, AssumeRolePolicyDocument=trust)
    sagemaker.create_model(ModelName=name, ExecutionRoleArn=role, PrimaryContainer={"Image": inference_image(REGION)})
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[{
        "VariantName": "AllTraffic", "ModelName": name, "InstanceType": instance_type, "InitialInstanceCount": 1,
    }])


def test_a_quota_is_named_and_linked(there):
    configuration(there, "ewb-too-big", "ml.p3.2xlarge")
    with pytest.raises(AwsError, match="“ml.p3.2xlarge for endpoint usage” is 0") as raised, asking("create it", REGION):
        there.client("sagemaker").create_endpoint(EndpointName="ewb-too-big", EndpointConfigName="ewb-too-big")
    assert raised.value.kind == "quota"
    assert "https://us-east-1.console.aws.amazon.com/servicequotas/" in raised.value.what_to_do


def test_a_name_that_is_taken_is_said_to_be_taken(there):
    configuration(there, "ewb-twice", "ml.m5.xlarge")
    with pytest.raises(AwsError) as raised, asking("create the model", REGION):
        configuration(there, "ewb-twice", "ml.m5.xlarge")
    assert raised.value.kind == "exists"


def test_quotas_are_read_by_use(double, there):
    double.set_quota("ml.g5.xlarge for spot training job usage", 7)
    quotas = Quotas.read(there)
    assert quotas.of("ml.g5.xlarge", "spot") == 7 and quotas.of("ml.p3.2xlarge", "hosting") == 0
    assert quotas.of("ml.m5.xlarge", "training") > 0 and quotas.of("ml.m5.xlarge", "warm pool") is not None
    double.ask("access-denied", service="servicequotas", operation="ListServiceQuotas")
    assert Quotas.read(there).of("ml.m5.xlarge", "training") is None


def test_what_the_workbench_made_is_found_by_its_tags_and_nothing_else(there):
    sagemaker = there.client("sagemaker")
    configuration(there, "ewb-of-nobody", "ml.m5.xlarge")
    role = sagemaker.describe_model(ModelName="ewb-of-nobody")["ExecutionRoleArn"]
    mine = tags.make_tags("endpoint", there.identity().arn, "faq-1", time.time() + 3600)
    for number in range(3):
        sagemaker.create_model(
            ModelName=f"ewb-faq-{number}", ExecutionRoleArn=role, Tags=tags.to_list(mine),
            PrimaryContainer={"Image": inference_image(REGION)},
        )
    sagemaker.delete_model(ModelName="ewb-faq-2")
    found = made_here(there)
    assert [(one.kind, one.name) for one in found] == [("model", "ewb-faq-0"), ("model", "ewb-faq-1")]
    assert found[0].tags == mine and found[0].arn.endswith(":model/ewb-faq-0")
    assert made_here(connect(region="eu-west-1")) == []


def test_a_price_can_always_be_shown(there):
    assert price_of(there, "ml.g5.xlarge", REGION, "training").an_hour > 0


def test_nothing_is_left_of_a_schedule_or_a_log(there):
    role = f"arn:aws:iam::{there.identity().account}:role/{policy.SCHEDULER_ROLE}"
    trust = policy.as_json(policy.trust_policy("scheduler", there.identity().account))
    there.client("iam").create_role(RoleName=policy.SCHEDULER_ROLE, AssumeRolePolicyDocument=trust)
    schedules.set_schedule(there, "ewb-twice", time.time() + 3600, role)
    assert schedules.delete_schedule(there, "ewb-twice") and schedules.list_schedules(there) == []
    assert not logs.delete_group(there, "/aws/sagemaker/Endpoints/ewb-twice")


def test_the_overview_works_there(there):
    seen = overview(region=REGION)
    assert seen.identity and seen.bucket_state in ("missing", "ours") and seen.policies
