"""Each permission that a training needs, refused in turn, and the other ways in which AWS fails it: said in words, nothing
that costs is out of sight, and it goes on once AWS lets it."""

import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from core.aws import buckets, logs, session, training
from core.errors import WorkbenchError
from core.runs import looking, sending
from core.runs import sagemaker as trainer_module
from core.runs.explain import explain_end
from core.runs.job import read_record, save
from core.runs.run import Run
from core.runs.sagemaker import SageMakerTrainer
from tests.integration.trainers import conftest
from tests.integration.trainers.conftest import Place
from tests.sagemaker_double.asked import permission

#: What sending a run asks for, by signing name and operation.
SENDING = [("s3", "ListObjectsV2"), ("s3", "PutObject"), ("sagemaker", "CreateTrainingJob")]
#: What looking after its job asks for, and what fetching its model does.
LOOKING = [("sagemaker", "DescribeTrainingJob"), ("logs", "DescribeLogStreams"), ("logs", "GetLogEvents")]
FETCHING = [("s3", "ListObjectsV2"), ("s3", "HeadObject"), ("s3", "GetObject")]
#: What deleting the run asks for.
DELETING = [
    ("sagemaker", "UpdateTrainingJob"), ("logs", "DescribeLogStreams"), ("logs", "DeleteLogStream"), ("s3", "ListObjectsV2"),
    ("s3", "DeleteObjects"),
]
#: Refused, it stops nothing: a price, what the SDK would like to know of role and bucket, and the line in the list of an
#: ended job, which costs nothing.
OPTIONAL = [
    ("pricing", "GetProducts"), ("iam", "SimulatePrincipalPolicy"), ("s3", "ListObjects"), ("sagemaker", "DeleteTrainingJob"),
]


class InThisProcess(SageMakerTrainer):
    """Sends in this process: a new one would load SageMaker's SDK for each refusal."""

    def _send(self, run: Run) -> None:
        sending.main(run)
        record = read_record(run)
        record.sender = {}  # its process has ended, as far as anybody may know
        save(run, record)


@pytest.fixture(autouse=True)
def region() -> None:
    """These tests leave nothing behind, so they share one region, and leave the others to those that want an empty one."""
    conftest._REGIONS.append("ap-southeast-4")


@pytest.fixture
def place(sagemaker, monkeypatch) -> Iterator[Place]:
    """An account, with no pauses between retries."""
    monkeypatch.setattr(session, "ATTEMPTS", 1)
    monkeypatch.setattr(trainer_module, "_AGAIN", 0.0)
    monkeypatch.setattr(looking, "_LAST_LINES", 0.2)
    sagemaker.account = replace(sagemaker.account, connection=session.connect(region=sagemaker.account.connection.region))
    place = sagemaker.again()
    place.trainers._there = InThisProcess(place.workspace, sagemaker.account)
    yield place


def deny(place: Place, operation: tuple[str, str]) -> None:
    place.double.let("access-denied")
    place.double.ask("access-denied", service=operation[0], operation=operation[1], times=0)


def waiting(place: Place, name: str, **target: object) -> Run:
    """A run whose job is there and waits for an instance until the double's faults are cleared."""
    run = place.make(name, target)
    place.double.ask("never-starts")
    place.trainers.submit(run)
    assert read_record(run).phase == "created", read_record(run)
    return run


def stopped(place: Place, run: Run) -> None:
    """Its job is stopped while it still waits, and nothing of the run is left in the account."""
    for kind in ("access-denied", "expired-token", "cut-off", "throttling", "unavailable"):
        place.double.let(kind)
    place.trainers.stop(run)
    place.until_over(run)
    place.trainers.delete(run)
    assert buckets.list_prefix(place.account.connection, f"s3://{place.account.bucket}/") == []


def asked_of(place: Place) -> set[tuple[str, str]]:
    """What was asked for that has to be allowed; prices are asked for once in a process."""
    return {one for one in place.double.asked() if one[0] != "sts" and one not in OPTIONAL}


def trouble(run: Run) -> str:
    return " ".join((read_record(run).trouble or {}).values())


def until_told(place: Place, run: Run, words: str) -> None:
    place.until(run, lambda: words in trouble(run), 60)


def test_each_refusal_before_the_job_is_there_is_named_and_the_next_attempt_works(place):
    run = place.make("denied-1")
    for operation in SENDING:
        deny(place, operation)
        place.trainers.submit(run)
        assert run.status().state == "failed" and read_record(run).phase == "over"
        assert permission(*operation) in explain_end(run)["why"]
        assert place.trainers.running_costs() == []
    place.double.let("access-denied")
    for operation in OPTIONAL[:-1]:
        place.double.ask("access-denied", service=operation[0], operation=operation[1], times=0)
    place.double.ask("never-starts")
    place.double.forget_asked()
    place.trainers.submit(run)
    assert run.status().state == "running" and read_record(run).an_hour > 0
    assert asked_of(place) == set(SENDING)
    stopped(place, run)


def test_a_training_goes_through_each_refusal_and_comes_home(place):
    """One job that really trains; each thing that is asked about it is refused for a while."""
    run = place.make("through-1", {"keep_warm_minutes": 1}, epochs=1)
    place.double.forget_asked()
    place.trainers.submit(run)
    for operation in LOOKING:
        place.until(run, lambda: logs.streams(place.account.connection, training.LOG_GROUP, read_record(run).name))
        deny(place, operation)
        place.tick()
        assert permission(*operation) in trouble(run) and run.status().state == "running"
        place.double.clear()
        place.tick()
        assert trouble(run) == "" or read_record(run).ended
    client = place.account.connection.client("sagemaker")
    job = {"TrainingJobName": read_record(run).name}
    deny(place, FETCHING[0])
    end = time.monotonic() + 240
    while (status := client.describe_training_job(**job)["TrainingJobStatus"]) != "Completed":
        assert status == "InProgress" and time.monotonic() < end
        time.sleep(0.2)
    for operation in FETCHING:
        deny(place, operation)
        until_told(place, run, permission(*operation))
        assert run.status().state == "running" and not run.model.exists()
        assert read_record(run).status == "Completed" and read_record(run).ended  # as AWS says
    place.double.clear()
    assert place.until_over(run) == "done" and run.model.is_dir() and trouble(run) == ""

    assert asked_of(place) == {*SENDING, *LOOKING, *FETCHING}
    place.double.forget_asked()
    for operation in DELETING:
        deny(place, operation)
        with pytest.raises(WorkbenchError, match=permission(*operation)):
            place.trainers.delete(run)
        assert run.folder.exists()
    deny(place, OPTIONAL[-1])
    place.trainers.delete(run)
    assert asked_of(place) == set(DELETING)
    assert not run.folder.exists() and buckets.list_prefix(place.account.connection, f"s3://{place.account.bucket}/") == []


def test_a_job_that_may_not_be_stopped_is_followed_and_stopped_later(place):
    run = waiting(place, "unstoppable-1")
    deny(place, ("sagemaker", "StopTrainingJob"))
    with pytest.raises(WorkbenchError, match="sagemaker:StopTrainingJob"):
        place.trainers.stop(run)
    place.tick()
    assert "sagemaker:StopTrainingJob" in trouble(run) and run.status().state == "stopping"
    assert read_record(run).secondary and len(place.trainers.running_costs()) == 1  # it costs on
    place.double.let("access-denied")
    place.tick()  # nobody has to ask again
    assert place.until_over(run) == "stopped"
    place.trainers.delete(run)


def test_without_its_log_a_job_ends_as_aws_says(place):
    run = place.make("mute-1")
    place.double.ask("insufficient-capacity")
    place.trainers.submit(run)
    place.double.ask("access-denied", service="logs", operation="", times=0)
    assert place.until_over(run) == "failed" and "no free instance" in explain_end(run)["why"]
    assert place.trainers.running_costs() == []
    place.double.clear()
    place.trainers.delete(run)


def test_a_job_that_never_starts_waits_costs_nothing_and_can_be_stopped(place):
    run = waiting(place, "pending-1")
    for _ in range(3):
        place.tick()
    record = read_record(run)
    assert record.words == "Waiting for an instance." and record.dollars == 0 and run.status().state == "running"
    place.trainers.stop(run)
    assert place.until_over(run) == "stopped"
    stopped_at_once = read_record(run)
    assert stopped_at_once.dollars == 0 and "Stopped before there was a model" in stopped_at_once.words
    place.trainers.delete(run)


@pytest.mark.parametrize(("fault", "words"), [
    ({"kind": "expired-token"}, "Sign in again"), ({"kind": "cut-off"}, "Check the network"),
    ({"kind": "throttling"}, "Too many requests"), ({"kind": "unavailable"}, "Try again in a few minutes"),
])
def test_what_aws_cannot_say_is_said_with_since_when_while_the_cost_counts_on(place, fault, words):
    run = waiting(place, "silent-1")
    place.tick()
    before = read_record(run)
    assert time.time() - before.heard < 60 and before.trouble is None
    place.double.ask(**fault, service="", times=0)
    for _ in range(2):
        place.tick()
    record = read_record(run)
    assert words in trouble(run) and record.heard == before.heard and run.status().state == "running"
    [cost] = place.trainers.running_costs()
    assert cost.an_hour > 0
    stopped(place, run)


@pytest.mark.parametrize("kind", ["expired-token", "access-denied", "cut-off"])
def test_a_job_whose_answer_was_lost_stays_on_the_list_until_aws_has_said_whether_it_is_there(place, kind):
    run = place.make("lost-1")
    place.double.ask("never-starts")
    place.double.ask("lost-reply", operation="CreateTrainingJob")
    place.double.ask(kind, operation="DescribeTrainingJob", times=0)
    place.trainers.submit(run)
    place.tick()
    assert read_record(run).phase == "creating" and run.status().state == "running"
    assert len(place.trainers.running_costs()) == 1
    stopped(place, run)
