"""This machine and an account as one place: each run goes to where it trains, and what costs is on record."""

import time

import pytest

from core.errors import WorkbenchError
from core.rights import read_audit
from core.runs import trainers as trainers_module
from core.runs.job import Record, read_record, save
from core.runs.run import Run
from core.runs.target import Target, make_target
from core.runs.trainers import Trainers
from core.workspace import read_object, write_json


def record(**more) -> Record:
    return Record("ewb-a-1", 1, "s3://b/embedding-workbench/training/ewb-a-1/", None, "us-east-1", "role", "b", "ml.m5.xlarge",
                  2, False, 0, an_hour=0.5, **more)


class Far:
    """Notes what it is asked, in place of the account's trainer."""

    def __init__(self, workspace, account):
        self.workspace, self.account, self.asked = workspace, account, []

    def submit(self, run):
        self.asked.append(("submit", run))
        save(run, record(phase="sending", asked=time.time()))

    def stop(self, run):
        self.asked.append(("stop", run))

    def delete(self, run):
        self.asked.append(("delete", run))

    def adopt(self):
        return [Run(self.workspace.runs / "found-1")]


@pytest.fixture
def both(workspace, monkeypatch) -> Trainers:
    monkeypatch.setattr(trainers_module, "SageMakerTrainer", Far)
    account = object()
    return Trainers(workspace, lambda: account)


@pytest.fixture
def far(make_run) -> Run:
    run = make_run("a-1")
    write_json(run.recipe_file, {**read_object(run.recipe_file), "target": {"on": "sagemaker"}})
    return run


def test_a_run_on_sagemaker_goes_there_and_what_it_costs_is_on_record(both, far, workspace):
    both.submit(far)
    both.stop(far)
    both.delete(far)
    assert both.sagemaker.asked == [("submit", far), ("stop", far), ("delete", far)] and both.queue() == []
    begun, done, *deleted = read_audit(workspace)
    assert (begun["outcome"], begun["action"], begun["subject"], begun["where"]) == ("begun", "train", "a-1", "AWS")
    assert done["outcome"] == "done" and {name: done[name] for name in ("machine", "dollars_an_hour", "job")} == {
        "machine": "ml.m5.xlarge", "dollars_an_hour": 0.0, "job": "ewb-a-1",
    }
    assert [(one["action"], one["subject"], one["where"]) for one in deleted] == [("delete", "a-1", "AWS")] * 2


def test_a_run_on_this_machine_stays_here_and_costs_nothing(both, make_run, workspace):
    run = make_run("b-1")
    both.submit(run)
    assert both.queue() == [run] and [turn.run for turn in both.line()] == [run] and both.at_work() is None
    both.stop(run)
    assert both.queue() == []
    both.resume(run)
    assert both.queue() == [run]
    both.stop(run)
    both.delete(run)
    assert not run.folder.exists() and both.sagemaker.asked == []
    assert [(one["action"], one["where"], one["outcome"]) for one in read_audit(workspace)] == [
        ("delete", "here", "begun"), ("delete", "here", "done"),
    ]


def test_the_accounts_trainer_lasts_as_long_as_its_account(workspace, monkeypatch):
    monkeypatch.setattr(trainers_module, "SageMakerTrainer", Far)
    accounts = [object(), object()]
    now = accounts[:1]
    trainers = Trainers(workspace, lambda: now[0] if now else None)
    first = trainers.sagemaker
    assert (first.workspace, first.account) == (workspace, accounts[0]) and trainers.sagemaker is first
    assert trainers.adopt() == [Run(workspace.runs / "found-1")]
    now[:] = accounts[1:]
    assert trainers.sagemaker is not first and trainers.sagemaker.account is accounts[1]
    now.clear()
    assert trainers.sagemaker is None and trainers.adopt() == []


def test_without_an_account_it_is_said_how_to_have_one(workspace, far):
    with pytest.raises(WorkbenchError, match="a-1 trains on SageMaker") as caught:
        Trainers(workspace, lambda: None).submit(far)
    assert "no connection to an AWS account" in caught.value.why and "python -m core aws" in caught.value.what_to_do


@pytest.mark.parametrize("elsewhere", [None, Target()])
def test_a_run_is_started_again_where_it_trained_or_elsewhere(both, far, workspace, elsewhere, monkeypatch):
    asked = []
    pairs_of, fresh = trainers_module.pairs_of, far

    def create(workspace, pairs, recipe, **more):
        asked.append((pairs, recipe, more))
        return fresh

    monkeypatch.setattr(trainers_module, "create_run", create)
    monkeypatch.setattr(both, "submit", asked.append)
    assert both.restart_with(far, {"epochs": 2}, elsewhere) == fresh
    (pairs, recipe, more), submitted = asked
    assert submitted == fresh and recipe == pairs_of(far, {"epochs": 2})[1] and len(pairs) == 4
    assert more == {
        "name": "a-1", "source": far.settings()["source"], "near_duplicates": [[3, 4]],
        "target": elsewhere or make_target({"on": "sagemaker"}),
    }


def test_what_the_workspace_says_costs_is_what_its_records_say(both, far, make_run):
    make_run("b-1")
    began = time.time() - 7200
    save(far, record(phase="created", started=began))
    [cost] = both.running_costs()
    assert cost.run == far and cost.an_hour == 1.0 and cost.so_far == pytest.approx(2.0, abs=0.01)
    assert read_record(far).dollars_an_hour == 1.0
