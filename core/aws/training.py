"""Training jobs: the request that starts one, built by SageMaker's own SDK, and what AWS says about it afterwards."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from core.aws.account import Account
from core.aws.buckets import split_uri
from core.aws.errors import AwsError, asking, is_gone
from core.aws.names import FOLDER
from core.aws.policy import TRAINING_LOGS
from core.aws.session import Connection, client_config

#: The program in the container; it takes the place of the script that starts it, so that the order to stop reaches it.
COMMAND = "exec python3 -m core.training.container"
#: What SageMaker's console draws, read off the worker's event lines.
METRICS = {
    "loss": r'"kind": "step".*?"loss": ([0-9.eE+-]+)',
    "ndcg@10": r'"kind": "held_out".*?"ndcg@10": ([0-9.eE+-]+)',
}
#: How long a spot job may wait for instances, in all, beyond the time that it may train. In seconds.
SPOT_WAIT = 4 * 3600

LOG_GROUP = TRAINING_LOGS

#: SageMaker's states of a job in words that go on from "The job is …".
IN_WORDS = {
    "Starting": "Waiting for an instance.", "Pending": "Waiting for an instance.",
    "LaunchingMLInstances": "Starting an instance.", "PreparingTrainingStack": "Preparing the instance.",
    "Downloading": "Fetching the data onto the instance.",
    "DownloadingTrainingImage": "Fetching the container onto the instance.",
    "Training": "Training on the instance.", "Interrupted": "AWS has taken the spot instance away; waiting for another.",
    "Stopping": "Stopping; the best model so far is kept.", "Uploading": "Sending the model to S3.",
    "Completed": "Finished.", "Stopped": "Stopped.", "Failed": "Failed.",
    "MaxRuntimeExceeded": "Stopped, as the longest time that it may train was over.",
    "MaxWaitTimeExceeded": "Given up, as no spot instance came free for long enough.",
    "Restarting": "Starting again on another instance.",
}
ENDED = ("Completed", "Failed", "Stopped")


@dataclass(frozen=True)
class JobSpec:
    """What a training job is to be.

    Attributes:
        name: its name, which no other job of the account has had.
        image: the container's address.
        source: the folder with the program and its ``requirements.txt``.
        channels: name -> s3:// address of a folder that the container finds below /opt/ml/input/data.
        folder: the s3:// address, ending with a slash, below which checkpoints, program and result go.
        max_seconds: how long it may train.
        subnets, security_groups, kms_key: the network and key to use; empty and None for SageMaker's own.
    """

    name: str
    image: str
    source: Path
    channels: Mapping[str, str]
    folder: str
    instance_type: str
    instance_count: int
    spot: bool
    keep_warm_seconds: int
    max_seconds: int
    volume_gb: int
    subnets: tuple[str, ...]
    security_groups: tuple[str, ...]
    kms_key: str | None
    tags: Mapping[str, str]


@dataclass(frozen=True)
class Job:
    """What AWS says about a job at one moment.

    Attributes:
        status: InProgress, Stopping, Completed, Failed or Stopped.
        secondary: one of ``IN_WORDS``.
        transitions: (secondary status, when it began in seconds since 1970), in order.
        reason: why it failed, as SageMaker says it; empty otherwise.
        started, ended: when training began and ended, in seconds since 1970; None before.
        billable_seconds: of each instance; None while it is not known.
        artifacts: the s3:// address of the result.
        channels: name -> address, as it was started with.
    """

    name: str
    status: str
    secondary: str
    transitions: tuple[tuple[str, float], ...]
    reason: str
    started: float | None
    ended: float | None
    billable_seconds: int | None
    artifacts: str
    channels: dict[str, str]
    instance_type: str
    instance_count: int
    spot: bool

    @property
    def over(self) -> bool:
        """Whether it has ended, in whatever way."""
        return self.status in ENDED


def build_request(account: Account, spec: JobSpec) -> dict[str, Any]:
    """The request for CreateTrainingJob, made by the SDK's ModelTrainer, which also sends the program to S3.

    ModelTrainer would give the job a name with the second in it; with a name of our own, a request whose answer was lost
    can be sent again and never makes a second job. So it builds the request, and ``create`` sends it.

    Raises:
        AwsError: the program could not be sent.
    """
    os.environ["SAGEMAKER_VALIDATE_ROLE"] = "false"  # it would ask IAM, which most users may not
    import boto3
    import botocore.session
    from sagemaker.core.helper.session_helper import Session
    from sagemaker.core.training.configs import (
        CheckpointConfig,
        Compute,
        InputData,
        MetricDefinition,
        Networking,
        OutputDataConfig,
        SourceCode,
        StoppingCondition,
        Tag,
    )
    from sagemaker.train import ModelTrainer

    connection = account.connection
    bucket, key = split_uri(spec.folder)
    with asking("take the training program", connection.region):
        patient = botocore.session.Session(profile=connection.profile)
        patient.set_default_client_config(client_config("s3"))  # the SDK's own clients would wait minutes for an answer
        session = Session(
            boto_session=boto3.Session(botocore_session=patient, region_name=connection.region),
            default_bucket=bucket, default_bucket_prefix=FOLDER,
            sagemaker_config={
                "SchemaVersion": "1.0", "SageMaker": {"PythonSDK": {"Modules": {"TelemetryOptOut": True}}},
            },
        )
        trainer = ModelTrainer(
            sagemaker_session=session, role=account.role, base_job_name=spec.name, training_image=spec.image,
            input_s3_key_prefix=f"{key.removeprefix(f'{FOLDER}/')}program",
            source_code=SourceCode(source_dir=str(spec.source), command=COMMAND, requirements="requirements.txt"),
            compute=Compute(
                instance_type=spec.instance_type, instance_count=spec.instance_count, volume_size_in_gb=spec.volume_gb,
                enable_managed_spot_training=spec.spot,
                **({"keep_alive_period_in_seconds": spec.keep_warm_seconds} if spec.keep_warm_seconds else {}),
                **({"volume_kms_key_id": spec.kms_key} if spec.kms_key else {}),
            ),
            networking=Networking(subnets=list(spec.subnets), security_group_ids=list(spec.security_groups))
            if spec.subnets else None,
            stopping_condition=StoppingCondition(
                max_runtime_in_seconds=spec.max_seconds,
                **({"max_wait_time_in_seconds": spec.max_seconds + SPOT_WAIT} if spec.spot else {}),
            ),
            output_data_config=OutputDataConfig(
                s3_output_path=f"{spec.folder}output", **({"kms_key_id": spec.kms_key} if spec.kms_key else {}),
            ),
            checkpoint_config=CheckpointConfig(s3_uri=f"{spec.folder}checkpoints/"),
            environment={"PYTHONUNBUFFERED": "1"},
            tags=[Tag(key=name, value=value) for name, value in spec.tags.items()],
        ).with_metric_definitions([MetricDefinition(name=name, regex=regex) for name, regex in METRICS.items()])
        request = trainer._create_training_job_args(
            [InputData(channel_name=name, data_source=uri) for name, uri in spec.channels.items()], boto3=True
        )
    # The SDK's shell starts its script as a child in older versions of bash, and would keep the order to stop to itself.
    algorithm = request["AlgorithmSpecification"]
    algorithm["ContainerArguments"] = [one.replace(" && /opt/", " && exec /opt/") for one in algorithm["ContainerArguments"]]
    return {**request, "TrainingJobName": spec.name}


def create(connection: Connection, request: dict[str, Any]) -> None:
    """Start the job. One of this name that is there already is the same one: its answer was lost.

    Raises:
        AwsError: AWS refuses, or cannot be reached.
    """
    try:
        with asking("start the training", connection.region):
            connection.client("sagemaker").create_training_job(**request)
    except AwsError as error:
        if error.kind != "exists":
            raise


def describe(connection: Connection, name: str) -> Job | None:
    """What is so about the job now; None where there is none of this name.

    Raises:
        AwsError: AWS refuses, or cannot be reached.
    """
    try:
        with asking("describe the training", connection.region):
            said = connection.client("sagemaker").describe_training_job(TrainingJobName=name)
    except AwsError as error:
        if is_gone(error):
            return None
        raise
    resources = said.get("ResourceConfig", {})
    return Job(
        name=said["TrainingJobName"], status=said["TrainingJobStatus"], secondary=said.get("SecondaryStatus", ""),
        transitions=tuple((one["Status"], one["StartTime"].timestamp()) for one in said.get("SecondaryStatusTransitions", [])),
        reason=said.get("FailureReason", ""), started=_seconds(said.get("TrainingStartTime")),
        ended=_seconds(said.get("TrainingEndTime")), billable_seconds=said.get("BillableTimeInSeconds"),
        artifacts=said.get("ModelArtifacts", {}).get("S3ModelArtifacts", ""),
        channels={
            one["ChannelName"]: one["DataSource"].get("S3DataSource", {}).get("S3Uri", "")
            for one in said.get("InputDataConfig", [])
        },
        instance_type=resources.get("InstanceType", ""), instance_count=resources.get("InstanceCount", 1),
        spot=bool(said.get("EnableManagedSpotTraining")),
    )


def stop(connection: Connection, name: str) -> None:
    """Ask the job to stop: it has 120 seconds to write its best model. One that is over is left as it is.

    Raises:
        AwsError: AWS refuses, or cannot be reached.
    """
    ask_to_stop(
        connection, "stop the training", lambda: describe(connection, name), "stop_training_job", TrainingJobName=name
    )


def ask_to_stop(connection: Connection, what: str, look: Callable[[], Any], operation: str, **wanted: str) -> None:
    """Send an order to stop; that AWS refuses it matters only where the job is there and not ``over``.

    Args:
        what: what the order is for, as ``asking`` wants it.
        look: gives the job as it is, None where there is none.
        operation: boto3's name of the order, with ``wanted`` as its parameters.
    """
    try:
        with asking(what, connection.region):
            getattr(connection.client("sagemaker"), operation)(**wanted)
    except AwsError:
        job = look()
        if job is not None and not job.over:
            raise


def delete(connection: Connection, name: str) -> None:
    """Take a job that is over out of the account's list. Where that is not allowed it stays there, and costs nothing.

    Raises:
        AwsError: AWS cannot be reached.
    """
    try:
        with asking("delete the training", connection.region):
            connection.client("sagemaker").delete_training_job(TrainingJobName=name)
    except AwsError as error:
        if error.kind not in ("gone", "refused", "denied"):
            raise


def end_warm_pool(connection: Connection, name: str) -> None:
    """Give the instances back that a job has kept warm; does nothing where there are none.

    Raises:
        AwsError: AWS refuses for another reason, or cannot be reached.
    """
    try:
        with asking("end the warm pool", connection.region):
            connection.client("sagemaker").update_training_job(
                TrainingJobName=name, ResourceConfig={"KeepAlivePeriodInSeconds": 0}
            )
    except AwsError as error:
        if error.kind not in ("gone", "refused"):
            raise


def _seconds(when: datetime | None) -> float | None:
    return when.timestamp() if when is not None else None
