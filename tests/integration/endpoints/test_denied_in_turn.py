"""Each permission that a deployment or a deletion needs, refused in turn: it is named, nothing that costs is out of sight,
and once it is given the same click works."""

import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from core.aws import hosting, scaling, session, tags
from core.endpoints import sagemaker_deploy, sagemaker_parts
from core.endpoints.host import Endpoint, Scaling
from core.endpoints.hosts import Hosts
from core.errors import WorkbenchError
from core.workspace import Workspace
from tests.integration.endpoints.conftest import Place, left_in, sagemaker_place, wait_for
from tests.sagemaker_double.asked import permission
from tests.sagemaker_double.client import RunningDouble
from workbench.cards.banner import banner

#: What deploying asks for until SageMaker has taken the endpoint on, by signing name and operation.
CREATING = [
    ("sagemaker", "DescribeEndpoint"), ("s3", "PutObject"), ("sagemaker", "CreateModel"),
    ("sagemaker", "CreateEndpointConfig"), ("scheduler", "CreateSchedule"), ("sagemaker", "CreateEndpoint"),
]
#: What it asks for once the endpoint is there.
CHECKING = [
    ("sagemaker", "DescribeEndpoint"), ("sagemaker", "ListTags"), ("sagemaker", "DescribeEndpointConfig"),
    ("application-autoscaling", "RegisterScalableTarget"), ("application-autoscaling", "PutScalingPolicy"),
    ("sagemaker", "InvokeEndpoint"), ("sagemaker", "AddTags"), ("sagemaker", "ListEndpoints"),
]
#: What the list goes without.
OPTIONAL = [("pricing", "GetProducts"), ("monitoring", "GetMetricData")]
#: What deleting asks for.
DELETING = [
    ("sagemaker", "DescribeEndpoint"), ("sagemaker", "ListTags"), ("sagemaker", "DescribeModel"),
    ("sagemaker", "DeleteEndpoint"),
    ("application-autoscaling", "DescribeScalingPolicies"), ("application-autoscaling", "DeleteScalingPolicy"),
    ("application-autoscaling", "DeregisterScalableTarget"), ("sagemaker", "DeleteEndpointConfig"),
    ("sagemaker", "DeleteModel"), ("s3", "ListObjectsV2"), ("s3", "DeleteObjects"), ("scheduler", "DeleteSchedule"),
    ("logs", "DeleteLogGroup"), ("application-autoscaling", "DescribeScalableTargets"),
    ("sagemaker", "DescribeEndpointConfig"), ("scheduler", "GetSchedule"), ("logs", "DescribeLogGroups"),
]


def ids(operation: tuple[str, str]) -> str:
    return ":".join(operation)


@pytest.fixture(scope="module")
def place(tmp_path_factory, tiny, request) -> Iterator[Place]:
    """A region of the double, with no pauses between looks and retries."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(session, "ATTEMPTS", 1)
        patch.setattr(sagemaker_parts, "_PAUSES", ())
        patch.setattr(sagemaker_parts, "_GOING", 0.02)
        patch.setattr(sagemaker_deploy, "_LOOK_EVERY", 0.02)
        patch.setattr(sagemaker_deploy, "_CALL_PAUSE", 0.02)
        with sagemaker_place("sagemaker")(tmp_path_factory.mktemp("denied"), tiny, request) as made:
            yield replace(made, spec=replace(made.spec, scaling=Scaling(1, 3, 200)))


@pytest.fixture
def double(sagemaker_double) -> RunningDouble:
    return sagemaker_double


def attempt(place: Place) -> tuple[Endpoint | None, str]:
    """Deploy: the endpoint if there is one, and everything that was said."""
    said: list[str] = []
    try:
        endpoint = place.host.deploy(place.model, place.spec, said.append)
    except WorkbenchError as error:
        return None, " ".join([*said, str(error)])
    return endpoint, " ".join([*said, endpoint.why])


def in_sight(place: Place) -> str:
    """What another app over the same workspace shows at this moment, as text: names with states, and why it may lack some."""
    hosts = Hosts(place.host.workspace, lambda: place.host.account)
    hosts.refresh()
    return " ".join([*(f"{one.name} {one.state} {one.why}" for one in hosts.list()), str(hosts.trouble or "")])


@pytest.mark.parametrize("operation", CREATING, ids=ids)
def test_what_creating_may_not_do_is_named_and_what_there_is_stays_in_sight(place, double, operation):
    double.ask("access-denied", service=operation[0], operation=operation[1], times=0)
    double.ask("insufficient-capacity")
    _, said = attempt(place)
    assert permission(*operation) in said
    shown = in_sight(place)
    double.clear()
    there = left_in(place.host.account)
    assert not there or "ewb-tiny-one" in shown, (there, shown)
    double.ask("insufficient-capacity")
    endpoint, said = attempt(place)
    assert endpoint.state == "Failed" and "no free instance" in endpoint.why, said  # SageMaker was asked for it
    assert place.host.delete(endpoint.name).left == () and place.is_empty()


@pytest.fixture(scope="module")
def in_service(place, double_process) -> Iterator[Endpoint]:
    """One endpoint that really serves, for what is asked for once it is there."""
    double_process.forget_asked()
    yield (made := place.deploy())
    double_process.clear()
    assert place.host.delete(made.name).left == () and place.is_empty()


def test_these_are_all_that_deploying_asks_for(in_service, double):
    assert in_service.state == "Ready", in_service.why
    asked = {one for one in double.asked() if one[0] != "sts"}
    # prices are kept for as long as the program runs: another test may have asked for them before
    assert asked | {("pricing", "GetProducts")} == {*CREATING, *CHECKING, *OPTIONAL}


@pytest.mark.parametrize("operation", CHECKING, ids=ids)
def test_what_checking_may_not_do_is_named_while_the_cost_is_shown(place, double, in_service, operation):
    connection = place.host.account.connection
    arn = hosting.describe_endpoint(connection, in_service.name).arn
    connection.client("sagemaker").delete_tags(ResourceArn=arn, TagKeys=[tags.CHECKED])  # as before its smoke call
    double.ask("access-denied", service=operation[0], operation=operation[1], times=0)
    _, said = attempt(place)
    assert permission(*operation) in said
    hosts = Hosts(place.host.workspace, lambda: place.host.account)
    hosts.refresh()
    [shown] = hosts.list() or [None]
    assert hosts.trouble is not None or (shown and shown.an_hour == pytest.approx(0.115)), (shown, hosts.trouble)
    assert operation[1] == "ListEndpoints" or (shown is not None and shown.whose != "foreign"), "it costs, so it is listed"
    double.clear()
    endpoint, said = attempt(place)
    assert endpoint.state == "Ready" and endpoint.created == in_service.created, said


@pytest.mark.parametrize("operation", OPTIONAL, ids=ids)
def test_what_the_list_can_do_without_stops_nothing(place, double, in_service, operation):
    double.ask("access-denied", service=operation[0], operation=operation[1], times=0)
    [listed] = place.again().list()
    assert listed.state == "Ready" and listed.an_hour > 0
    assert operation[0] == "pricing" or listed.calls is None


@pytest.fixture
def whole(place, in_service, double) -> Iterator[str]:
    """The name of a deployment with all its parts, and no server behind it, of another model than the one in service."""
    other = replace(place.model, name="Other one", digest="0" * 64)
    double.ask("insufficient-capacity", name="ewb-other-one")
    name = place.host.deploy(other, replace(place.spec, scaling=None), lambda _: None).name
    connection = place.host.account.connection
    scaling.set_scaling(connection, name, 1, 3, 200)
    connection.client("logs").create_log_group(logGroupName=f"/aws/sagemaker/Endpoints/{name}")
    folder = place.host._folder(name)
    folder.begin(other, place.spec, place.host.account.bucket, time.time() + 3600)  # with scaling, as it was asked for
    folder.outcome_file.write_text('{"state": "Failed", "why": "There was no room."}')
    yield name
    double.clear()
    assert [one for one in left_in(place.host.account) if "ewb-other-one" in one] == []


def test_these_are_all_that_deleting_asks_for(place, double, whole):
    double.forget_asked()
    assert place.host.delete(whole).left == ()
    assert {one for one in double.asked() if one[0] != "sts"} == set(DELETING)


@pytest.mark.parametrize("operation", DELETING, ids=ids)
def test_what_deleting_may_not_do_is_named_and_listed_until_it_is_gone(place, double, whole, operation):
    double.ask("access-denied", service=operation[0], operation=operation[1], times=0)
    try:
        said = " ".join(place.host.delete(whole).left)
    except WorkbenchError as error:
        said = str(error)
    assert permission(*operation) in said
    shown = in_sight(place)
    assert whole in shown or permission(*operation) in shown
    double.clear()
    shown = in_sight(place)
    assert whole in shown, shown  # whatever is left, until it is gone
    assert place.again().delete(whole).left == ()
    wait_for(lambda: whole not in in_sight(place))


@pytest.mark.parametrize("calls", [1, 3, 5, 8, 11, 14, 18])
def test_a_network_that_goes_half_way_through_a_deletion_leaves_nothing_out_of_sight(place, double, whole, calls):
    double.ask("cut-off", service="", after=calls, times=0)
    try:
        left = place.host.delete(whole).left
    except WorkbenchError as error:
        left = [str(error)]
    assert left and "reached" in " ".join(left)
    listed = {one.name: one for one in place.host.list_known()}
    assert listed[whole].state == "Failed"  # by what this machine knows; nobody can ask
    double.clear()
    assert whole in in_sight(place) and place.again().delete(whole).left == ()


def test_a_deletion_that_sagemaker_does_not_do_is_given_up_in_words_and_listed(place, double, whole):
    double.ask("failed-deletion", times=0)
    [left] = place.host.delete(whole).left
    assert "asked 5 times" in left and "Request to service failed" in left
    assert f"{whole} Failed" in in_sight(place)
    double.clear()
    assert place.again().delete(whole).left == ()


def test_an_endpoint_that_never_starts_is_shown_as_aws_has_it_with_its_cost(place, double, monkeypatch):
    monkeypatch.setattr(sagemaker_deploy, "_STARTING", 0.2)
    double.ask("never-starts")
    slow = replace(place.model, name="Slow one", digest="1" * 64)
    endpoint = place.host.deploy(slow, replace(place.spec, scaling=None), lambda _: None)
    assert endpoint.state == "Starting" and endpoint.an_hour == pytest.approx(0.115)
    double.clear()
    wait_for(lambda: place.again().find(endpoint.name).state != "Starting")
    now = place.again().find(endpoint.name)
    assert now.state == "Wrong" and "Nobody has checked its vectors" in now.why.replace("nobody", "Nobody")
    assert place.host.delete(endpoint.name).left == ()


@pytest.mark.parametrize(("fault", "words"), [("expired-token", "Sign in again"), ("cut-off", "Check the network")])
def test_while_aws_is_silent_the_list_and_the_banner_count_on(place, double, in_service, fault, words):
    hosts = Hosts(place.host.workspace, lambda: place.host.account)
    hosts.refresh()
    [before], heard = hosts.list(), hosts.heard
    assert before.an_hour > 0 and time.time() - heard < 60 and hosts.trouble is None
    double.ask(fault, service="", times=0)
    hosts.refresh()
    [now] = hosts.list()
    assert words in str(hosts.trouble) and hosts.heard == heard
    assert (now.state, now.an_hour) == (before.state, before.an_hour) and now.so_far > before.so_far
    shown = banner(hosts.list(), trouble=hosts.trouble, heard=hosts.heard - 300)
    assert "$0.12 an hour" in shown and "cannot be asked what runs there, last heard 5 min ago" in shown
    double.clear()
    hosts.refresh()
    assert hosts.trouble is None and hosts.heard > heard


def test_what_may_not_be_listed_hides_nothing_else_that_is_left(place, double, whole):
    double.ask("access-denied", service="scheduler", operation="ListSchedules", times=0)
    hosts = Hosts(Workspace.at(place.host.workspace.root.parent / "elsewhere"), lambda: place.host.account)
    assert [one.kind for one in hosts.find_leftovers()] == ["endpoint"]
    assert "scheduler:ListSchedules" in str(hosts.trouble)
    double.clear()
    assert place.host.delete(whole).left == ()
