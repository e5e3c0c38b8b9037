"""Places that train, each with what a test of any of them needs."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from core.aws import buckets
from core.aws.account import Account
from core.aws.session import connect
from core.runs.job import read_record, sender_is_alive
from core.runs.run import ACTIVE, Run, all_runs
from core.runs.trainers import Trainers
from core.workspace import Workspace
from tests.sagemaker_double.client import RunningDouble
from tests.tiny import pairs, run_folder

ROLE = "arn:aws:iam::123456789012:role/SageMakerExecutionRole"

#: Each test has a region to itself, so that all can share one double.
_REGIONS = [
    "ap-south-1", "ap-southeast-1", "ap-southeast-2", "ap-northeast-2", "ap-northeast-3", "eu-south-1", "eu-south-2",
    "af-south-1", "me-south-1", "me-central-1", "ca-west-1", "ap-east-1", "eu-central-2", "ap-south-2", "ap-southeast-3",
]


@dataclass
class Place:
    """A place that trains, under test.

    Attributes:
        on: "here" or "sagemaker".
        trainers: what a program holds.
        model: a tiny model's folder.
        account: where it trains; None here.
        double: the account's double; None here.
    """

    on: str
    trainers: Trainers
    model: Path
    account: Account | None = None
    double: RunningDouble | None = None

    @property
    def workspace(self) -> Workspace:
        return self.trainers.workspace

    def again(self, workspace: Workspace | None = None) -> "Place":
        """The place as another program, or another machine with a workspace of its own, sees it."""
        trainers = Trainers(workspace or self.workspace, lambda: self.account)
        return Place(self.on, trainers, self.model, self.account, self.double)

    def make(self, name: str, target: dict | None = None, **recipe: object) -> Run:
        """A run that is ready to be submitted."""
        data = pairs(60)
        run = run_folder(self.workspace, self.model, name, data[:48], data[48:], **recipe)
        settings = {**run.settings(), "target": {"on": self.on, **(target or {})}}
        run.recipe_file.write_text(json.dumps(settings))
        return run

    def tick(self) -> None:
        """What the app does every second."""
        self.trainers.launch_next()
        self.trainers.refresh()

    def until(self, run: Run, condition: Callable[[], object], seconds: float = 200) -> None:
        """Go on ticking until ``condition()`` holds."""
        end = time.monotonic() + seconds
        while not condition():
            state = run.status().state
            assert state != "failed" or condition(), f"{run.status()}\n{read_record(run)}\n{run.log_tail(3000)}"
            assert time.monotonic() < end, f"{run.status()}\n{read_record(run)}\n{run.log_tail(3000)}"
            self.tick()
            time.sleep(0.1)

    def until_over(self, run: Run) -> str:
        self.until(run, lambda: run.status().state not in ACTIVE)
        return run.status().state


def of_kind(run: Run, kind: str) -> list[dict]:
    """The run's events of a kind."""
    return [event for event in run.events()[0] if event["kind"] == kind]


@pytest.fixture
def here(tmp_path, tiny) -> Iterator[Place]:
    place = Place("here", Trainers(Workspace.at(tmp_path / "a workspace"), lambda: None), tiny)
    yield place
    if run := place.trainers.at_work():  # no test leaves a process behind
        psutil.Process(run.worker()).kill()


@pytest.fixture
def sagemaker(tmp_path, tiny, sagemaker_double, monkeypatch) -> Iterator[Place]:
    """An account's region without any job, and an environment in which the process that sends finds it."""
    for name, value in sagemaker_double.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    connection = connect(region=_REGIONS.pop())
    bucket = buckets.default_bucket(connection.identity().account, connection.region)
    buckets.create(connection, bucket)
    account = Account(connection, ROLE, bucket, None)
    workspace = Workspace.at(tmp_path / "a workspace")
    yield Place("sagemaker", Trainers(workspace, lambda: account), tiny, account, sagemaker_double)
    for run in all_runs(workspace):
        record = read_record(run)
        if record and sender_is_alive(record):
            psutil.Process(record.sender["pid"]).kill()
        elif record and record.phase == "created":
            connection.client("sagemaker").stop_training_job(TrainingJobName=record.name)


@pytest.fixture(params=["here", "sagemaker"])
def place(request) -> Place:
    """Each place in turn."""
    return request.getfixturevalue(request.param)
