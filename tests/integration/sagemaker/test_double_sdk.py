"""SageMaker's own SDK against the double: the call that the workbench makes, packaging and driver scripts included."""

import json
import os
import subprocess
import sys
import tarfile
import uuid

#: Runs in a process of its own, where the environment says which account it is in.
LAUNCH = """
import json, sys
import boto3
from sagemaker.core.helper.session_helper import Session
from sagemaker.core.training.configs import Compute, InputData, MetricDefinition, OutputDataConfig, SourceCode
from sagemaker.core.training.configs import StoppingCondition, Tag
from sagemaker.train import ModelTrainer
from sagemaker.train.distributed import Torchrun

wish = json.loads(sys.argv[1])
trainer = ModelTrainer(
    sagemaker_session=Session(boto_session=boto3.Session(), default_bucket=wish["bucket"]), role=wish["role"],
    base_job_name=wish["name"], training_image=wish["image"],
    source_code=SourceCode(source_dir=wish["source"], entry_script="train.py", requirements="requirements.txt"),
    compute=Compute(instance_type="ml.m5.xlarge", instance_count=1, volume_size_in_gb=5),
    distributed=Torchrun(process_count_per_node=1) if wish["torchrun"] else None,
    stopping_condition=StoppingCondition(max_runtime_in_seconds=600),
    output_data_config=OutputDataConfig(s3_output_path=f"s3://{wish['bucket']}/out"),
    hyperparameters={"steps": 2}, environment={"COLOUR": "blue"}, tags=[Tag(key="owner", value="me")],
).with_metric_definitions([MetricDefinition(name="loss", regex='"loss": ([0-9.]+)')])
trainer.train(
    input_data_config=[InputData(channel_name="train", data_source=f"s3://{wish['bucket']}/data/")], wait=False, logs=False,
)
print(trainer._latest_training_job.training_job_name)
"""

SCRIPT = """
import argparse, json, os, pathlib

parser = argparse.ArgumentParser()
parser.add_argument("--steps", type=int)
steps = parser.parse_args().steps
rows = len(pathlib.Path(os.environ["SM_CHANNEL_TRAIN"], "pairs.csv").read_text().splitlines())
for step in range(1, steps + 1):
    print(json.dumps({"step": step, "loss": 1 / step, "rows": rows, "colour": os.environ["COLOUR"]}), flush=True)
pathlib.Path(os.environ["SM_MODEL_DIR"], "weights.txt").write_text("learnt")
"""


def test_model_trainer_runs_its_script(sagemaker_double, tmp_path):
    bucket, s3, sagemaker = f"sdk-{uuid.uuid4().hex[:8]}", sagemaker_double.client("s3"), sagemaker_double.client("sagemaker")
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="data/pairs.csv", Body=b"question,answer\na,b\n")
    source = tmp_path / "source"
    source.mkdir()
    (source / "train.py").write_text(SCRIPT)
    (source / "requirements.txt").write_text("numpy\ntransformers==5.5.3\n")
    wish = {
        "bucket": bucket, "source": str(source), "name": "sdk", "torchrun": False,
        "role": "arn:aws:iam::123456789012:role/SageMakerExecutionRole", "image": "pytorch-training:2",
    }
    environment = {**os.environ, **sagemaker_double.environment, "SAGEMAKER_VALIDATE_ROLE": "false", "HOME": str(tmp_path)}
    answer = subprocess.run(
        [sys.executable, "-c", LAUNCH, json.dumps(wish)], env=environment, capture_output=True, text=True, timeout=120
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
    name = answer.stdout.split()[-1]
    sagemaker.get_waiter("training_job_completed_or_stopped").wait(
        TrainingJobName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 100}
    )
    job = sagemaker.describe_training_job(TrainingJobName=name)
    logs = sagemaker_double.client("logs")
    group = "/aws/sagemaker/TrainingJobs"
    stream = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=name + "/")["logStreams"][0]
    found = logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"], startFromHead=True)["events"]
    lines = [event["message"] for event in found]
    steps = [json.loads(line) for line in lines if line.startswith("{") and '"step"' in line]
    assert steps == [{"step": number, "loss": 1 / number, "rows": 2, "colour": "blue"} for number in (1, 2)], lines
    assert any(line.startswith("Not installed: transformers==5.5.3.") for line in lines)
    assert {entry["MetricName"]: entry["Value"] for entry in job["FinalMetricDataList"]} == {"loss": 0.5}
    key = job["ModelArtifacts"]["S3ModelArtifacts"].removeprefix(f"s3://{bucket}/")
    s3.download_file(bucket, key, str(tmp_path / "model.tar.gz"))
    with tarfile.open(tmp_path / "model.tar.gz") as tar:
        assert tar.extractfile("weights.txt").read() == b"learnt"
