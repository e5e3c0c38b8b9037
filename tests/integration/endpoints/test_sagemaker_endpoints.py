"""What only an endpoint on SageMaker can meet: refusals, lost answers, apps that die half way, and what is left in an account."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.__main__ import main
from core.aws import buckets, hosting, logs, schedules, tags
from core.aws.account import Account
from core.aws.names import deployment_name
from core.aws.session import Identity
from core.endpoints import leftovers, sagemaker_deploy
from core.endpoints.host import Deleted, DeploySpec, Scaling
from core.endpoints.hosts import Hosts
from core.endpoints.local import REPOSITORY
from core.endpoints.sagemaker import SageMakerHost
from core.errors import WorkbenchError
from core.workspace import Workspace
from tests.integration.endpoints.conftest import ROLE, Place, left_in, sagemaker_place, wait_for
from tests.sagemaker_double.client import RunningDouble


@pytest.fixture
def place(tmp_path, tiny, request) -> Iterator[Place]:
    """An empty region."""
    with sagemaker_place("sagemaker")(tmp_path, tiny, request) as made:
        yield made


@pytest.fixture
def double(sagemaker_double) -> RunningDouble:
    return sagemaker_double


@pytest.fixture
def failed(place, double) -> Place:
    """A region with a deployment that failed for want of machines: all its parts are there, and no server had to start."""
    double.ask("insufficient-capacity")
    assert place.deploy().state == "Failed"
    return place


def another_machine(place: Place, tmp_path: Path, who: str = "") -> SageMakerHost:
    """The same account, looked at from a workspace that knows nothing, and perhaps by somebody else."""
    account = place.host.account
    if who:
        connection = connect_to_again(account)
        connection._identity = Identity("123456789012", f"arn:aws:iam::123456789012:user/{who}")
        account = replace(account, connection=connection)
    return SageMakerHost(Workspace.at(tmp_path / f"machine {who}"), account)


def connect_to_again(account: Account):
    """Another connection like the account's."""
    import copy

    return copy.copy(account.connection)


def only(found: list):
    [one] = found
    return one


# ---- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("operation, says, left", [
    ("CreateModel", "sagemaker:CreateModel", ["the archive on S3"]),
    ("CreateEndpointConfig", "sagemaker:CreateEndpointConfig", ["the model", "the archive on S3"]),
    ("CreateEndpoint", "sagemaker:CreateEndpoint", ["the configuration", "the model", "the archive on S3", "the schedule"]),
])
def test_what_may_not_be_done_is_said_with_what_there_is_and_can_be_deleted(place, double, operation, says, left):
    double.ask("access-denied", operation=operation)
    endpoint = place.deploy()
    assert endpoint.state == "Failed" and says in endpoint.why and "the policy" in endpoint.why
    listed = only(place.again().list())
    assert listed.state == "Failed" and f"In the account there is: {', '.join(left)}." in listed.why
    assert listed.an_hour == listed.so_far == 0
    assert place.again().delete(endpoint.name).left == () and place.is_empty() and place.host.list() == []


def test_a_quota_is_named(place, double):
    double.set_quota("ml.m5.large for endpoint usage", 0)
    endpoint = place.deploy()
    assert endpoint.state == "Failed" and "“ml.m5.large for endpoint usage” is 0" in endpoint.why
    assert "servicequotas" in endpoint.why


def test_without_machines_it_fails_and_deploying_again_begins_anew(failed, double):
    first = only(failed.host.list())
    assert first.state == "Failed" and "no free instance" in first.why and first.an_hour == 0 and first.machine
    double.ask("insufficient-capacity")
    again = failed.deploy()
    assert again.state == "Failed" and again.name == first.name and again.created > first.created
    assert len(failed.host.list()) == 1


def test_a_container_that_does_not_answer_is_told_with_its_log(place, double):
    name = deployment_name(place.model.name, place.host.account.owner, "sagemaker", place.model.digest)
    wrote = {"logGroupName": f"/aws/sagemaker/Endpoints/{name}", "logStreamName": "AllTraffic/i-0"}
    cloud = place.host.account.connection.client("logs")
    cloud.create_log_group(logGroupName=wrote["logGroupName"])
    cloud.create_log_stream(**wrote)
    cloud.put_log_events(**wrote, logEvents=[{"timestamp": int(time.time() * 1000), "message": "No such device"}])
    double.ask("failed-health-check")
    endpoint = place.deploy()
    assert "Its log ends with:" in endpoint.why and "No such device" in endpoint.why
    assert endpoint.state == "Failed" and "did not answer" in endpoint.why


@pytest.mark.parametrize("spec", [
    DeploySpec("sagemaker", 0), DeploySpec("sagemaker", float("nan")), DeploySpec("sagemaker", 1, instance_type="m5.large"),
    DeploySpec("tei", 1, count=0), DeploySpec("sagemaker", 1, scaling=Scaling(2, 1, 100)),
    DeploySpec("sagemaker", 1, count=1, scaling=Scaling(2, 3, 100)), DeploySpec("serverless", 1, memory_mb=1500),
    DeploySpec("serverless", 1, memory_mb=8192), DeploySpec("serverless", 1, concurrency=0),
], ids=str)
def test_what_cannot_be_had_is_refused_before_anything_is_made(place, spec):
    with pytest.raises(WorkbenchError, match="cannot be used|not the name of a machine"):
        place.host.deploy(place.model, spec, lambda _: None)
    assert place.is_empty() and place.host.list() == []


# ---- what is cut off --------------------------------------------------------------------------------------------------

DEPLOY = """
import sys
from pathlib import Path
from core.aws.account import Account
from core.aws.names import deployment_name
from core.aws.session import connect
from core.endpoints.host import Deleted, DeploySpec, Scaling
from core.endpoints.sagemaker import SageMakerHost
from core.models import local_ref
from core.workspace import Workspace
workspace, model, region, role, bucket = sys.argv[1:]
host = SageMakerHost(Workspace.at(workspace), Account(connect(region=region), role, bucket, role))
spec = DeploySpec("sagemaker", 1.0, scaling=Scaling(1, 3, 200))
host.deploy(local_ref("Tiny one", Path(model)), spec, lambda step: print(step, flush=True))
"""
SCALED = DeploySpec("sagemaker", 1.0, scaling=Scaling(1, 3, 200))


def deploy_and_die(place: Place, double: RunningDouble, step: str) -> None:
    """Deploy in a process of its own, which is killed when it says ``step``."""
    account = place.host.account
    arguments = [place.host.workspace.root, place.model.path, account.connection.region, ROLE, account.bucket]
    child = subprocess.Popen(
        [sys.executable, "-c", DEPLOY, *map(str, arguments)], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True,
        env={**double.environment, "PATH": "/usr/bin:/bin", "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"},
    )
    for line in child.stdout:
        if line.startswith(step):
            break
    child.kill()
    assert child.wait() == -9


def test_killed_before_the_endpoint_is_made_nothing_is_forgotten(place, double):
    deploy_and_die(place, double, "Creating the endpoint's configuration")
    listed = only(place.host.list())
    assert listed.state == "Failed" and "app was closed" in listed.why and "the model, the archive on S3" in listed.why
    assert listed.model == "Tiny one" and listed.machine == "1 × ml.m5.large (1 to 3)"
    assert place.host.leftovers() == []  # it is on the list already
    assert place.host.delete(listed.name).left == () and place.is_empty()


def test_lost_answers_busy_services_and_a_killed_app_make_one_endpoint_that_is_gone_on_with(place, double, tmp_path):
    double.ask("lost-reply", operation="CreateModel")
    double.ask("lost-reply", operation="CreateEndpoint")
    double.ask("throttling", operation="CreateEndpointConfig", times=2)
    deploy_and_die(place, double, "Waiting until")
    begun = only(hosting.list_endpoints(place.host.account.connection))
    with pytest.raises(WorkbenchError, match="other settings"):
        place.host.deploy(place.model, replace(SCALED, count=2), lambda _: None)

    steps: list[str] = []
    endpoint = place.host.deploy(place.model, SCALED, steps.append)
    assert endpoint.state == "Ready", endpoint.why
    assert endpoint.created == begun.created
    assert any("going on from that" in step for step in steps) and not any("Creating" in step for step in steps)
    assert endpoint.an_hour == pytest.approx(0.115) and endpoint.so_far > 0
    target = only(place.host.account.connection.client("application-autoscaling").describe_scalable_targets(
        ServiceNamespace="sagemaker")["ScalableTargets"])
    assert (target["MinCapacity"], target["MaxCapacity"]) == (1, 3)

    elsewhere = another_machine(place, tmp_path)  # which has only the tags to go by
    seen = only(elsewhere.list())
    assert (seen.state, seen.whose, seen.model, seen.expires) == ("Ready", "mine", "Tiny one", endpoint.expires)
    colleague = another_machine(place, tmp_path, "colleague")
    assert only(colleague.list()).whose == "colleague"
    assert elsewhere.delete(seen.name).left == () and left_in(place.host.account) == []
    wait_for(lambda: place.host.sweep() == [] and place.host.list() == [])  # this machine notices, and forgets it
    assert place.is_empty()


def test_wrong_vectors_are_told_with_the_log_to_every_machine(place, monkeypatch, tmp_path):
    monkeypatch.setattr(sagemaker_deploy, "own_vectors", lambda *_: np.eye(2, 32, dtype=np.float32))
    endpoint = place.deploy()
    assert endpoint.state == "Wrong", endpoint.why
    assert "cosine" in endpoint.why and "Its log ends with" in endpoint.why
    assert place.host.embed(endpoint.name, ["a"]).shape == (1, 32) and place.host.log_tail(endpoint.name)
    elsewhere = only(another_machine(place, tmp_path).list())
    assert elsewhere.state == "Wrong" and "not the model's own" in elsewhere.why


def test_deleted_while_sagemaker_makes_it_it_is_gone(place):
    ended: list[Exception] = []

    def deploy() -> None:
        try:
            place.deploy()
        except WorkbenchError as error:
            ended.append(error)

    clicked = threading.Thread(target=deploy)
    clicked.start()
    wait_for(lambda: hosting.list_endpoints(place.host.account.connection))
    steps: list[str] = []
    name = only(hosting.list_endpoints(place.host.account.connection)).name
    assert place.again().delete(name, steps.append).left == ()
    clicked.join()
    assert "deleted while" in str(only(ended)) and any("still at work" in step for step in steps)
    assert place.is_empty() and place.host.list() == []


# ---- what is deleted --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("service, operation, what", [
    ("sagemaker", "DeleteModel", "the model"), ("s3", "DeleteObjects", "the archive on S3"), ("logs", "DeleteLogGroup", "the log"),
    ("scheduler", "DeleteSchedule", "the schedule"),
])
def test_a_half_failed_delete_stays_on_the_list_with_what_remains(failed, double, service, operation, what):
    account = failed.host.account
    name = only(failed.host.list()).name
    account.connection.client("logs").create_log_group(logGroupName=f"/aws/sagemaker/Endpoints/{name}")
    double.ask("access-denied", service=service, operation=operation)
    left = only(failed.host.delete(name).left)
    assert left.startswith(what) and "not allowed" in left and "AccessDenied" not in left
    listed = only(failed.again().list())
    assert listed.state == "Failed" and "not deleted completely" in listed.why and what in listed.why
    assert failed.again().delete(name).left == () and failed.is_empty() and failed.again().list() == []


def test_an_endpoint_that_may_not_be_deleted_keeps_what_it_needs(failed, double):
    double.ask("access-denied", operation="DeleteEndpoint")
    name = only(failed.host.list()).name
    assert "sagemaker:DeleteEndpoint" in only(failed.host.delete(name).left)
    assert hosting.describe_model(failed.host.account.connection, name) and only(failed.host.list()).state == "Failed"
    assert failed.host.delete(name).left == () and failed.is_empty()


def test_what_is_over_is_swept_by_whoever_owns_it_from_any_machine(failed, tmp_path):
    account, name = failed.host.account, only(failed.host.list()).name
    arn = hosting.describe_endpoint(account.connection, name).arn
    assert failed.host.sweep() == []
    hosting.add_tags(account.connection, arn, {tags.EXPIRES: tags.expires_value(time.time() - 60)})
    assert another_machine(failed, tmp_path, "colleague").sweep() == []
    assert another_machine(failed, tmp_path).sweep() == [name] and left_in(account) == []
    assert failed.host.delete(name) == Deleted((), ()) and failed.is_empty()  # why it failed is told here until then


def test_what_was_extended_elsewhere_is_not_swept(failed):
    account, name = failed.host.account, only(failed.host.list()).name
    arn = hosting.describe_endpoint(account.connection, name).arn
    hosting.add_tags(account.connection, arn, {tags.EXPIRES: tags.expires_value(time.time() - 60)})
    host = failed.again()
    assert host.list()[0].expires < time.time()
    hosting.add_tags(account.connection, arn, {tags.EXPIRES: tags.expires_value(time.time() + 3600)})  # by another app
    assert host.sweep() == [] and hosting.describe_endpoint(account.connection, name)


def test_a_schedule_deletes_the_endpoint_and_a_sweep_what_it_leaves(place, double, tmp_path):
    double.ask("insufficient-capacity")
    endpoint = place.host.deploy(place.model, replace(place.spec, hours=4 / 3600), lambda _: None)
    wait_for(lambda: hosting.list_endpoints(place.host.account.connection) == [])
    elsewhere = another_machine(place, tmp_path)
    assert left_in(place.host.account) != [] and elsewhere.list() == []
    assert elsewhere.sweep() == [endpoint.name] and left_in(place.host.account) == []


# ---- what is not ours, and what is left -------------------------------------------------------------------------------


def foreign_endpoint(place: Place, double: RunningDouble, name: str) -> None:
    """An endpoint that somebody has made without a workbench."""
    account = place.host.account
    sagemaker = account.connection.client("sagemaker")
    sagemaker.create_model(ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer={"Image": "anything"})
    variant = {"VariantName": "one", "ModelName": name, "InstanceType": "ml.m5.xlarge", "InitialInstanceCount": 2}
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    double.ask("insufficient-capacity")
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    wait_for(lambda: hosting.describe_endpoint(account.connection, name).status == "Failed")


@pytest.mark.parametrize("name", ["Production", "ewb-not-ours-sagemaker"])
def test_what_no_workbench_made_is_shown_and_left_alone(place, double, name):
    foreign_endpoint(place, double, name)
    host, connection = place.host, place.host.account.connection
    listed = only(host.list())
    assert (listed.name, listed.whose, listed.on, listed.machine) == (name, "foreign", "sagemaker", "2 × ml.m5.xlarge")
    for refused in (lambda: host.delete(name), lambda: host.extend(name, 1), lambda: host.embed(name, ["a"])):
        with pytest.raises(WorkbenchError):
            refused()
    assert host.sweep() == [] and host.leftovers() == [] and hosting.describe_endpoint(connection, name)
    assert host.delete(name, unlocked=True).left == ()
    assert hosting.describe_endpoint(connection, name) is None and hosting.describe_model(connection, name)
    hosting.delete_config(connection, name)
    hosting.delete_model(connection, name)


def test_leftovers_are_found_once_nothing_is_under_way_and_removed(failed, tmp_path, monkeypatch):
    account, name = failed.host.account, only(failed.host.list()).name
    account.connection.client("logs").create_log_group(logGroupName=f"/aws/sagemaker/Endpoints/{name}")
    assert [one.kind for one in failed.host.leftovers()] == ["endpoint"]
    elsewhere = another_machine(failed, tmp_path)
    hosting.delete_endpoint(account.connection, name)
    wait_for(lambda: hosting.describe_endpoint(account.connection, name) is None)
    assert elsewhere.leftovers() == []  # too young: somebody may be deploying
    monkeypatch.setattr(leftovers, "SETTLED", 0.0)
    found = elsewhere.leftovers()
    assert [one.kind for one in found] == ["configuration", "model", "schedule", "log"]
    assert {one.name for one in found} == {name} and {one.whose for one in found} == {"mine"}
    assert failed.host.leftovers() == []  # there it is on the list
    assert {one.whose for one in another_machine(failed, tmp_path, "colleague").leftovers()} == {"colleague"}
    for one in found:
        elsewhere.remove(one)
    archive = only(elsewhere.leftovers())
    assert (archive.kind, archive.name) == ("archive", name)
    elsewhere.remove(archive)
    assert elsewhere.leftovers() == [] and left_in(account) == []


def test_a_leftover_that_is_needed_again_stays(failed, double, tmp_path):
    name = only(failed.host.list()).name
    with pytest.raises(WorkbenchError, match="stays"):
        failed.host.remove(leftovers.Leftover("model", name, "The model", 0.0, "mine"))
    with pytest.raises(WorkbenchError, match="left alone"):
        failed.host.remove(leftovers.Leftover("model", "Production", "The model", 0.0, "mine"))
    assert hosting.describe_model(failed.host.account.connection, name)


def test_running_jobs_and_warm_pools_are_leftovers_with_their_cost(place, double, monkeypatch, capsys):
    account = place.host.account
    sagemaker = account.connection.client("sagemaker")

    def train(name: str, command: str, keep: int) -> None:
        sagemaker.create_training_job(
            TrainingJobName=name, RoleArn=ROLE, StoppingCondition={"MaxRuntimeInSeconds": 600},
            AlgorithmSpecification={
                "TrainingImage": "any", "TrainingInputMode": "File", "ContainerEntrypoint": ["sh", "-c", command],
            },
            OutputDataConfig={"S3OutputPath": f"s3://{account.bucket}/embedding-workbench/training/"},
            ResourceConfig={
                "InstanceType": "ml.m5.xlarge", "InstanceCount": 2, "VolumeSizeInGB": 1, "KeepAlivePeriodInSeconds": keep,
            },
            Tags=tags.to_list(tags.make_tags("training", account.owner, name)),
        )

    train("ewb-at-work", "trap 'exit 0' TERM; sleep 600 & wait", 0)  # takes the order to stop; else that takes two minutes
    train("ewb-warm", "true", 600)
    wait_for(lambda: sorted(one.kind for one in place.host.leftovers()) == ["training-job", "warm-pool"], 120)
    found = place.host.leftovers()
    assert [one.an_hour for one in found] == [pytest.approx(0.46)] * 2
    (place.host.workspace.runs / "ewb-at-work").mkdir()  # a run of this workspace: the Train tab looks after it
    assert [one.kind for one in place.host.leftovers()] == ["warm-pool"]
    (place.host.workspace.runs / "ewb-at-work").rmdir()

    def core(*arguments: str) -> str:
        assert main([*arguments, "--workspace", str(place.host.workspace.root)]) == 0
        return capsys.readouterr().out

    for name, value in {**double.environment, "AWS_DEFAULT_REGION": account.connection.region}.items():
        monkeypatch.setenv(name, value)
    listed = core("endpoints")
    assert "A training job that is running: ewb-at-work, $0.46 an hour" in listed and "ewb-warm" in listed
    assert json.loads(core("delete", "--leftovers", "--json")) == {"deleted": ["ewb-warm"], "left": []}
    assert only(place.host.leftovers()).name == "ewb-at-work"  # nobody stops what is at work without naming it
    assert json.loads(core("delete", "ewb-at-work", "--json")) == {"deleted": ["ewb-at-work"], "left": []}
    wait_for(lambda: place.host.leftovers() == [], 150)
    buckets.delete_prefix(account.connection, f"s3://{account.bucket}/embedding-workbench/training/")


# ---- both places at once ----------------------------------------------------------------------------------------------


def test_this_machines_endpoints_are_told_whatever_aws_does(failed, double):
    account = failed.host.account
    hosts = Hosts(failed.host.workspace, lambda: account)
    hosts.refresh()
    assert [one.on for one in hosts.list()] == ["sagemaker"] and hosts.trouble is None
    double.ask("access-denied", operation="ListEndpoints", times=0)
    hosts.refresh()
    assert "ListEndpoints" in str(hosts.trouble) and [one.on for one in hosts.list()] == ["sagemaker"]
    double.clear()

    asked, answer = threading.Event(), threading.Event()
    slow = Hosts(failed.host.workspace, lambda: account)

    def hang(*_):
        asked.set()
        answer.wait()
        return []

    slow.sagemaker._view.look = hang
    assert [one.state for one in slow.list()] == ["Failed"]  # by what this machine knows
    assert asked.wait(10) and slow.list() and slow.leftovers() == []
    answer.set()


def test_without_an_account_what_is_there_is_not_forgotten(failed):
    name = only(failed.host.list()).name
    hosts = Hosts(failed.host.workspace, lambda: None)
    assert hosts.list() == [] and hosts.sweep() == [] and list(hosts.out_of_sight().values()) == [[name]]
    assert Hosts(failed.host.workspace, lambda: failed.host.account).out_of_sight() == {}
    with pytest.raises(WorkbenchError, match="no connection"):
        hosts.deploy(failed.model, failed.spec, lambda _: None)


def test_the_command_line_in_two_windows_at_once(place, double, tiny):
    environment = {
        **double.environment, "PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1",
        "AWS_DEFAULT_REGION": place.host.account.connection.region,
    }

    def core(*arguments) -> subprocess.Popen:
        command = [sys.executable, "-m", "core", *map(str, arguments), "--json", "--workspace", str(place.host.workspace.root)]
        return subprocess.Popen(
            command, cwd=REPOSITORY, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    windows = [core("deploy", tiny, "--on", "sagemaker", "--hours", "2") for _ in range(2)]
    told = []
    for window in windows:
        out, notes = window.communicate()
        assert window.returncode == 0, out + notes
        told.append(json.loads(out.splitlines()[-1]))
    assert told[0] == told[1] == {"name": told[0]["name"], "on": "sagemaker", "state": "Ready", "why": ""}
    row = only(json.loads(core("endpoints").communicate()[0]))
    assert list(row) == ["name", "on", "state", "an_hour", "so_far", "expires", "end_known"]
    assert (row["name"], row["state"], row["an_hour"]) == (told[0]["name"], "Ready", pytest.approx(0.115))
    double.ask("access-denied", operation="DeleteModel")
    window = core("delete", "--mine")
    answer = json.loads(window.communicate()[0])
    assert window.returncode == 1 and answer["deleted"] == [] and "the model" in only(answer["left"])
    window = core("delete", "--mine", "--leftovers")
    answer = json.loads(window.communicate()[0])
    assert window.returncode == 0 and answer == {"deleted": [row["name"]], "left": []} and place.is_empty()


def test_the_archive_is_no_longer_there_when_its_deletion_came_first(place):
    def delete_it(step: str) -> None:
        if step.startswith("Uploading"):
            place.again().delete(only(place.host.list()).name)

    with pytest.raises(WorkbenchError, match="deleted while"):
        place.host.deploy(place.model, place.spec, delete_it)
    assert place.is_empty()


def test_a_later_expiry_is_also_the_schedules(failed):
    account, name = failed.host.account, only(failed.host.list()).name
    before = schedules.scheduled_at(account.connection, name)
    with pytest.raises(WorkbenchError, match="cannot be extended"):
        failed.host.extend(name, 5)  # it has failed
    assert schedules.scheduled_at(account.connection, name) == before
    assert logs.groups(account.connection, "/aws/sagemaker/Endpoints/") == []


def test_who_may_not_look_for_what_was_never_made_can_delete_all_the_same(failed, double):
    host = SageMakerHost(failed.host.workspace, replace(failed.host.account, scheduler_role=None))
    name = only(host.list()).name
    failed.host.account.connection.client("scheduler").delete_schedule(Name=name)
    for service in ("application-autoscaling", "scheduler"):
        double.ask("access-denied", service=service, times=0)
    assert host.delete(name).left == ()
    double.clear()
    assert failed.is_empty()
