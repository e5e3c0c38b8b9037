"""The state of a run on SageMaker: read off what was intended and what AWS said last."""

import json
import os
import shutil
import time
from dataclasses import replace
from types import SimpleNamespace

import psutil
import pytest

from core.errors import WorkbenchError
from core.process import name_process
from core.runs.job import Record, append, only_one, read_record, save, tell
from core.runs.looking import failed
from core.runs.run import Run
from core.runs.trainers import Trainers
from core.workspace import Workspace, read_object, write_json


def record(**more) -> Record:
    return Record("ewb-a-1", 1, "s3://b/embedding-workbench/training/ewb-a-1/", None, "us-east-1", "role", "b", "ml.m5.xlarge",
                  2, False, 0, an_hour=0.5, **more)


@pytest.fixture
def remote(make_run) -> Run:
    run = make_run("a-1")
    write_json(run.recipe_file, {**read_object(run.recipe_file), "target": {"on": "sagemaker"}})
    return run


GONE = {"pid": 2**22 + 1, "created": 0.0}


@pytest.mark.parametrize(("phase", "sender", "asked", "state"), [
    ("sending", {}, 0, "running"), ("sending", {}, -60, "interrupted"), ("sending", GONE, 0, "interrupted"),
    ("creating", GONE, -60, "running"), ("created", GONE, -60, "running"), ("over", GONE, -60, "stopped"),
])
def test_the_phase_and_the_sender_tell_it(remote, phase, sender, asked, state):
    save(remote, record(phase=phase, sender=sender, asked=time.time() + asked))
    assert remote.status().state == state
    save(remote, record(phase="sending", sender=name_process(os.getpid()), asked=0))
    assert remote.status().state == "running"
    remote.stop_file.touch()
    assert remote.status().state == "stopping"


def test_a_record_that_lacks_when_it_was_asked_for_hides_nothing(remote):
    write_json(remote.job_file, {"phase": "sending"})
    assert remote.status().state == "interrupted"


def test_a_worker_elsewhere_is_no_process_here(remote, trainer):
    now = record(phase="created")
    started = {"pid": os.getpid(), "created": psutil.Process().create_time(), "step": 0}
    tell(remote, now, "start", **started)
    assert remote.worker() is None and remote.status().pid is None
    assert trainer.at_work() is None and trainer.queue() == []


def test_the_last_word_counts_when_its_model_is_here(remote):
    now = record(phase="created")
    lines = ['{"t": 1, "kind": "step", "step": 7}', '{"t": 2, "kind": "done", "stopped": false}', "a line of a library"]
    append(remote, now, lines)
    assert remote.status().state == "running" and remote.status().step == 7
    assert read_record(remote).last_word["kind"] == "done" and remote.log_tail().splitlines() == lines
    now.phase = "over"
    tell(remote, now, "done", stopped=False)
    assert remote.status().state == "done"
    tell(remote, now, "attempt", attempt=2)
    now.phase = "created"
    save(remote, now)
    assert remote.status().state == "running"


def test_a_new_attempt_takes_back_how_the_one_before_ended(remote):
    now = record(phase="over")
    tell(remote, now, "failed", what="It failed.")
    assert remote.status().state == "failed" and remote.status().last["what"] == "It failed."
    tell(remote, now, "attempt", attempt=2)  # and stopped before it was sent
    assert (remote.status().state, remote.status().last) == ("stopped", None)


def test_what_it_costs_is_counted_for_all_instances_until_billing_ends(remote, workspace):
    now = time.time()
    assert record().dollars == 0
    assert record(started=now - 3600, phase="created").dollars == pytest.approx(1.0, abs=0.01)
    assert record(started=now - 3600, ended=now, billable_seconds=1800).dollars == 0.5
    save(remote, record(phase="created", started=now))
    [cost] = Trainers(workspace, lambda: None).running_costs()
    assert (cost.run, cost.an_hour) == (remote, 1.0) and cost.so_far == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize(("phase", "ended", "costs"), [
    ("sending", None, False), ("creating", None, True), ("created", None, True), ("created", 5.0, False), ("over", None, False),
])
def test_what_may_be_there_costs_and_is_looked_after(remote, workspace, monkeypatch, phase, ended, costs):
    looked = []
    monkeypatch.setattr(Trainers, "sagemaker", property(lambda self: SimpleNamespace(refresh=lambda: looked.append(self))))
    save(remote, record(phase=phase, ended=ended))
    trainers = Trainers(workspace, lambda: None)
    trainers.refresh()
    assert bool(trainers.running_costs()) is costs and bool(looked) is (phase in ("creating", "created"))
    assert read_record(remote).dollars_an_hour == (1.0 if costs else 0.0)


def test_instances_that_are_kept_warm_cost_on_until_their_time_is_over():
    now = time.time()
    warm = {"started": now - 7200, "ended": now - 1800, "billable_seconds": 3600}
    assert replace(record(**warm), keep_warm_seconds=600).dollars == pytest.approx(4200 / 3600)
    assert replace(record(**warm), keep_warm_seconds=3600).dollars == pytest.approx(5400 / 3600, abs=0.01)
    assert replace(record(**warm), an_hour=None).dollars is None
    assert replace(record(phase="created"), an_hour=None).dollars_an_hour is None


def test_what_a_program_that_died_had_copied_is_copied_again(remote):
    now = record(phase="created")
    append(remote, now, ["one", '{"t": 1, "kind": "step", "step": 1}'])
    kept = read_record(remote)
    with remote.log_file.open("a") as log, remote.events_file.open("a") as events:  # it died before it wrote how far it was
        log.write("two\n")
        events.write('{"t": 2, "kind": "step", "step": 2}\n')
    append(remote, kept, ["two", '{"t": 2, "kind": "step", "step": 2}', "three"])
    assert remote.log_file.read_text().splitlines()[2:] == ["two", '{"t": 2, "kind": "step", "step": 2}', "three"]
    assert [event["step"] for event in remote.events()[0]] == [1, 2]
    assert (kept.log_bytes, kept.events_bytes) == (remote.log_file.stat().st_size, remote.events_file.stat().st_size)


def test_a_new_worker_takes_back_the_last_word(remote):
    now = record(phase="created")
    for kind in ("done", "failed"):  # neither is told before its model is here
        append(remote, now, [json.dumps({"t": 1, "kind": kind, "what": "w"})])
        assert now.last_word["kind"] == kind and remote.events()[0] == []
    append(remote, now, ['{"t": 2, "kind": "start", "step": 0}'])
    assert read_record(remote).last_word is None


def test_a_damaged_record_is_none_and_one_of_a_newer_version_is_read(remote):
    save(remote, record(phase="created"))
    kept = read_object(remote.job_file)
    write_json(remote.job_file, {**kept, "moon": "full"})
    assert read_record(remote) == record(phase="created")
    kept.pop("role")
    write_json(remote.job_file, kept)
    assert read_record(remote) is None


def test_one_program_at_a_time_works_on_a_job(remote):
    with only_one(remote, 0) as first, only_one(remote, 0) as second:
        assert (first, second) == (True, False)
    with only_one(remote, 0) as again:
        assert again
    shutil.rmtree(remote.folder)
    with only_one(remote, 0) as gone:
        assert not gone and not remote.folder.exists()


def test_an_event_of_the_apps_own_bears_its_time(remote):
    tell(remote, record(), "stage", stage="sending", text="Sending.")
    [event] = remote.events()[0]
    assert event == {"t": event["t"], "kind": "stage", "stage": "sending", "text": "Sending."}
    assert isinstance(event["t"], float) and abs(time.time() - event["t"]) < 60


def test_without_an_account_nothing_is_done_and_it_is_said(remote, workspace):
    trainers = Trainers(workspace, lambda: None)
    trainers.refresh()
    for act in (trainers.submit, trainers.stop):
        with pytest.raises(WorkbenchError, match="no connection"):
            act(remote)
    save(remote, record(phase="over"))
    with pytest.raises(WorkbenchError, match="no connection"):
        trainers.delete(remote)
    assert remote.folder.exists()


@pytest.mark.parametrize(("reason", "log", "word"), [
    ("CapacityError: Unable to provision requested ML compute capacity.", "", "no free instance"),
    ("AlgorithmError: Training Execution failed. For more, see the logs, exit code: 1", "ERROR: No matching distribution found",
     "could not install"),
    ("AlgorithmError: , exit code: 137", "", "memory"),
])
def test_a_failure_is_explained_by_its_reason_or_its_log(remote, reason, log, word):
    remote.log_file.write_text(log)
    event = failed(remote, record(), reason)
    assert word in event["why"] and event["what_to_do"]
    assert bool(event["offer"]) is (word == "memory")
    assert (event["kind"], event["what"]) == ("failed", "The training on SageMaker failed.")
    own = {"kind": "failed", "what": "The loss is no longer a number."}
    assert failed(remote, record(last_word=own), reason) is own


@pytest.mark.parametrize("order", ["stop", "delete"])
def test_a_job_whose_run_has_lost_its_settings_is_still_the_accounts(remote, order):
    """To stop or delete it here alone would leave a machine that costs."""
    save(remote, record(phase="created"))
    remote.recipe_file.write_text("{")
    with pytest.raises(WorkbenchError, match="no connection to an AWS account"):
        getattr(Trainers(Workspace.at(remote.folder.parents[1]), lambda: None), order)(remote)
    assert remote.folder.is_dir() and not remote.stop_file.exists()


def test_a_run_on_this_machine_is_stopped_here_without_any_account(make_run, workspace, trainer):
    run = make_run("a-2")
    trainer.submit(run)
    Trainers(workspace, lambda: None).stop(run)
    assert trainer.queue() == [] and run.status().state == "stopped"
