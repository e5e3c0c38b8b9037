"""Training on SageMaker alone: interruptions, refusals, lost answers, other machines, and nothing left behind."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

from core.aws import buckets, logs, training
from core.aws.choices import Choices, save_choices
from core.runs.explain import explain_end
from core.runs.folds import read_folds
from core.runs.job import Record, append, read_record, save
from core.runs.run import Run
from core.runs.sending import stage_program
from core.workspace import Workspace
from tests.integration.trainers.conftest import ROLE, Place, of_kind

ROOT = Path(__file__).resolve().parents[3]


def jobs(place: Place) -> list[str]:
    """The names of all training jobs of the account's region."""
    client = place.account.connection.client("sagemaker")
    return sorted(one["TrainingJobName"] for one in client.list_training_jobs()["TrainingJobSummaries"])


def test_a_lost_spot_instance_goes_on_from_its_checkpoint_and_another_machine_picks_it_up(sagemaker, tmp_path):
    run = sagemaker.make("spot-1", {"spot": True}, epochs=400)
    sagemaker.double.ask("spot-interruption", after_line='"kind": "checkpoint"')
    sagemaker.trainers.submit(run)
    sagemaker.until(run, lambda: of_kind(run, "checkpoint"))

    other = sagemaker.again(Workspace.at(tmp_path / "another machine"))
    found = other.trainers.adopt()
    assert [one.id for one in found] == ["spot-1"] and other.trainers.adopt() == []
    assert found[0].status().state == "running"
    assert other.until_over(found[0]) == "done", found[0].log_tail()
    steps = [event["step"] for event in of_kind(found[0], "start")]
    assert steps[0] == 0 and steps[1] >= of_kind(found[0], "checkpoint")[0]["step"] > 0
    assert any("taken the spot instance" in event["text"] for event in of_kind(found[0], "stage"))

    assert sagemaker.until_over(run) == "done"
    assert run.report() == found[0].report()
    kinds = [[event for event in one.events()[0] if event["kind"] in ("step", "held_out")] for one in (run, found[0])]
    assert kinds[0] == kinds[1]
    assert read_record(run).dollars > 0 and sagemaker.trainers.running_costs() == []


def test_refusals_are_said_in_words_and_a_lost_answer_makes_one_job(sagemaker):
    run = sagemaker.make("refused-1")

    def why(kind: str, **fault: object) -> str:
        sagemaker.double.clear()
        if kind == "quota":
            sagemaker.double.set_quota("ml.m5.xlarge for training job usage", 0)
        elif kind:
            sagemaker.double.ask(kind, **fault)
        sagemaker.trainers.submit(run)
        assert sagemaker.until_over(run) == "failed"
        ended = explain_end(run)
        assert ended["what"] and ended["what_to_do"]
        return ended["why"]

    assert "ml.m5.xlarge for training job usage" in why("quota") and jobs(sagemaker) == []
    assert "not allowed" in why("access-denied", operation="CreateTrainingJob") and jobs(sagemaker) == []
    assert "no free instance" in why("insufficient-capacity") and len(jobs(sagemaker)) == 1
    # The next is a second attempt: its answer is lost, and its worker meets a damaged file.
    run.train_file.write_bytes(b"nothing")
    assert "cannot be read" in why("lost-reply", operation="CreateTrainingJob")
    first, second = jobs(sagemaker)
    assert (first[-2:], second[-2:]) == ("-1", "-2") and read_record(run).names == [first, second]
    assert "damaged" in run.events()[0][-1]["what"]
    reason = training.describe(sagemaker.account.connection, second).reason
    assert reason.startswith("AlgorithmError: The run's folder is damaged.")

    sagemaker.trainers.delete(run)
    connection = sagemaker.account.connection
    assert buckets.list_prefix(connection, f"s3://{sagemaker.account.bucket}/") == [] and jobs(sagemaker) == []
    assert logs.streams(connection, training.LOG_GROUP, "ewb-refused") == []


def test_a_killed_sender_makes_no_second_job_and_none_is_forgotten(sagemaker):
    run = sagemaker.make("killed-1", epochs=1)
    sagemaker.double.ask("unavailable", operation="CreateTrainingJob", times=0)
    sagemaker.trainers.submit(run)
    sagemaker.until(run, lambda: read_record(run).phase == "creating")
    os.kill(read_record(run).sender["pid"], signal.SIGKILL)
    assert run.status().state == "running"  # AWS has to be asked whether it is
    sagemaker.double.clear()
    assert sagemaker.until_over(run) == "interrupted" and jobs(sagemaker) == []
    assert "nothing was started" in read_record(run).words
    assert "Resume" in explain_end(run)["what_to_do"]

    sagemaker.trainers.resume(run)
    sagemaker.until(run, lambda: read_record(run).phase == "created")
    # As it is when the sender dies after the request, before it has noted the answer.
    record = read_record(run)
    record.phase, record.sender = "creating", {"pid": 2**22 + 1, "created": 0.0}
    save(run, record)
    assert sagemaker.until_over(run) == "done" and len(jobs(sagemaker)) == 1


def test_stopped_before_there_is_a_job_it_costs_nothing(sagemaker):
    run = sagemaker.make("early-1")
    sagemaker.trainers.submit(run)
    sagemaker.trainers.stop(run)
    assert sagemaker.until_over(run) == "stopped" and jobs(sagemaker) == []
    assert read_record(run).dollars == 0 and not run.model.exists()


def test_two_instances_train_one_model_together(sagemaker):
    run = sagemaker.make("two-1", {"instance_count": 2}, epochs=2)
    sagemaker.trainers.submit(run)
    sagemaker.until(run, lambda: read_record(run).phase == "created")
    # A bucket that is chosen meanwhile is for what comes after.
    sagemaker.account = replace(sagemaker.account, bucket="chosen-later")
    assert sagemaker.again().until_over(run) == "done", run.log_tail()
    assert [event["kind"] for event in run.events()[0]].count("done") == 1 and len(of_kind(run, "start")) == 1
    assert len(of_kind(run, "step")) == 12 and run.report()["verdict"]
    client = sagemaker.account.connection.client("sagemaker")
    job = client.describe_training_job(TrainingJobName=read_record(run).name)
    # No shell is left that would keep the order to stop to itself.
    assert "&& exec /opt/ml/" in job["AlgorithmSpecification"]["ContainerArguments"][-1]
    assert job["CheckpointConfig"]["S3Uri"].startswith(read_record(run).folder) and job["ResourceConfig"]["InstanceCount"] == 2


def test_network_key_tags_and_limits_reach_the_job(sagemaker):
    run = sagemaker.make("advanced-1", {
        "subnets": ["subnet-0a1b2c3d"], "security_groups": ["sg-0a1b2c3d"], "kms_key": "alias/mine", "tags": ["cost-centre=42"],
        "keep_warm_minutes": 5, "max_hours": 0.5, "volume_gb": 40,
    }, epochs=400)
    sagemaker.trainers.submit(run)
    sagemaker.until(run, lambda: read_record(run).phase == "created")
    client = sagemaker.account.connection.client("sagemaker")
    job = client.describe_training_job(TrainingJobName=read_record(run).name)
    assert job["VpcConfig"] == {"Subnets": ["subnet-0a1b2c3d"], "SecurityGroupIds": ["sg-0a1b2c3d"]}
    assert job["OutputDataConfig"]["KmsKeyId"] == job["ResourceConfig"]["VolumeKmsKeyId"] == "alias/mine"
    assert job["ResourceConfig"]["KeepAlivePeriodInSeconds"] == 300 and job["ResourceConfig"]["VolumeSizeInGB"] == 40
    assert job["StoppingCondition"]["MaxRuntimeInSeconds"] == 1800
    its_tags = {one["Key"]: one["Value"] for one in client.list_tags(ResourceArn=job["TrainingJobArn"])["Tags"]}
    assert its_tags["cost-centre"] == "42" and its_tags["embedding-workbench:run"] == "advanced-1"
    sagemaker.trainers.stop(run)
    assert sagemaker.until_over(run) == "stopped"
    sagemaker.trainers.delete(run)  # which gives back what is kept warm
    pools = client.list_training_jobs(WarmPoolStatusEquals="Available")["TrainingJobSummaries"]
    assert pools == [] and not run.folder.exists()


def test_the_container_gets_only_what_it_needs(tmp_path):
    folder = stage_program(tmp_path)
    assert (folder / "core/training/container.py").exists() and (folder / "requirements.txt").exists()
    assert not list(folder.rglob("__pycache__")) and not (folder / "core/cli").exists()
    assert not (folder / "core/aws").exists()
    probes = "import core.training.container, core.training.__main__; from core.evaluation.general import general_rows;"
    probes += "print(len(general_rows()) >= 200)"
    answer = subprocess.run([sys.executable, "-c", probes], cwd=folder, capture_output=True, text=True, check=True)
    assert answer.stdout == "True\n"


def test_what_a_program_that_died_has_written_is_not_written_twice(tmp_path):
    run = Run(tmp_path)
    record = Record("n", 1, "s3://b/f/", None, "r", "role", "b", "t", 1, False, 0)
    lines = [json.dumps({"kind": "step", "step": 1, "t": time.time()}), "a line"]
    append(run, record, lines)
    before = [(run.folder / name).read_bytes() for name in ("events.jsonl", "log.txt")]
    died = Record(**{**record.__dict__, "events_bytes": 0, "log_bytes": 0})  # it had not come to write down how far it was
    append(run, died, [*lines, "another line"])
    assert (run.folder / "events.jsonl").read_bytes() == before[0]
    assert (run.folder / "log.txt").read_bytes() == before[1] + b"another line\n"


def test_the_command_line_trains_there_follows_and_lists_what_it_cost(sagemaker):
    def core(*arguments: object) -> subprocess.CompletedProcess:
        command = [sys.executable, "-m", "core", *map(str, arguments), "--workspace", str(sagemaker.workspace.root), "--json"]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=250)

    save_choices(sagemaker.workspace, Choices(
        region=sagemaker.account.connection.region, bucket=sagemaker.account.bucket, role=ROLE
    ))
    settings = [f"base_model={sagemaker.model}", "evidence=five folds", "epochs=2", "batch_size=4", "max_seq_length=32"]
    done = core(
        "train", ROOT / "tests/integration/twenty_pairs.json", "--on", "sagemaker", "--name", "Far away",
        "--target", "instance_type=ml.c5.xlarge", "--target", "max_dollars=0.1",
        *(part for setting in settings for part in ("--set", setting)),
    )
    assert done.returncode == 0, done.stderr
    assert "$0.10 at the latest" in done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    kinds = [event["kind"] for event in events]
    assert kinds[0] == "created" and {"attempt", "stage", "start", "plan", "step", "held_out"} <= set(kinds)
    last = events[-1]
    assert last["kind"] == "done" and last["run"] == "far-away-1"
    assert Path(last["model"]) == sagemaker.workspace.runs / "far-away-1" / "model" and Path(last["model"]).is_dir()
    folds = read_folds(Run(Path(last["folder"])))  # they came back with the model
    assert last["report"]["evidence"] == "five folds" and folds is not None and len(folds.vectors) == 5
    [row] = json.loads(core("runs").stdout)
    assert (row["run"], row["on"], row["state"], row["pid"]) == ("far-away-1", "sagemaker", "done", None)
    assert 0 < row["cost"] < 1
    assert core("stop", "far-away-1").returncode == 2
