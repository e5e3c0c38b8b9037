"""Tuning jobs: SageMaker starts several training jobs that differ in a few hyperparameters, and chooses the values.

The containers start their own ``train``, for a tuning job cannot name a command; it fetches the program from S3, installs
its requirements and runs it. It does not pass the order to stop on: a trial that is stopped leaves no model.
"""

import io
import json
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.aws import buckets
from core.aws.account import Account
from core.aws.errors import AwsError, asking, is_gone
from core.aws.session import Connection
from core.aws.tags import to_list
from core.aws.training import SPOT_WAIT, JobSpec, ask_to_stop

#: What trials are compared by: the worker's last word, which holds the figures of the best check.
OBJECTIVE = {"Name": "held-out-ndcg@10", "Regex": r'"kind": "done".*"tuned": \{[^}]*"ndcg@10": ([0-9.eE+-]+)'}
#: The program that the container's ``train`` runs; the worker reads the trial's values by itself.
_PROGRAM = "import sys\n\nfrom core.training.container import main\n\nsys.exit(main())\n"
_NAME = "trial.py"
_OVER = ("Completed", "Stopped", "Failed")


@dataclass(frozen=True)
class Ranges:
    """Where the values of a tuning job's trials come from.

    Attributes:
        lists: name -> the values to choose from.
        between: name -> (lowest, highest) of a number, tried on a logarithmic scale.
        whole: likewise for whole numbers, on a linear scale.
    """

    lists: Mapping[str, Sequence[Any]]
    between: Mapping[str, tuple[float, float]]
    whole: Mapping[str, tuple[int, int]]


@dataclass(frozen=True)
class TuningJob:
    """What AWS says about a tuning job: its status, why it failed ("" otherwise), and its training jobs with the values
    that each was given, the first one first."""

    status: str
    reason: str
    trials: tuple[tuple[str, dict[str, Any]], ...]

    @property
    def over(self) -> bool:
        """Whether it starts no more trials and none is at work."""
        return self.status in _OVER


def build_request(account: Account, spec: JobSpec, ranges: Ranges, trials: int, at_a_time: int) -> dict[str, Any]:
    """The request for a tuning job; sends the program.

    Every combination is tried where all ranges are lists; otherwise SageMaker chooses by what the trials before came to.

    Args:
        spec: of every trial; its name is the tuning job's, 32 characters at most.
        trials: how many, at most; all combinations where all ranges are lists.

    Raises:
        AwsError: the program could not be sent.
    """
    program = f"{spec.folder}program/sourcedir.tar.gz"
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder) / "sourcedir.tar.gz"
        _pack(spec.source, archive)
        buckets.upload(account.connection, archive, program)
    return {
        "HyperParameterTuningJobName": spec.name, "Tags": to_list(spec.tags),
        "TrainingJobDefinition": _definition(account, spec, program),
        "HyperParameterTuningJobConfig": {
            "Strategy": "Bayesian" if ranges.between or ranges.whole else "Grid",
            "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": OBJECTIVE["Name"]},
            "ResourceLimits": {"MaxNumberOfTrainingJobs": trials, "MaxParallelTrainingJobs": at_a_time},
            "ParameterRanges": _as_aws(ranges), "TrainingJobEarlyStoppingType": "Off",
        },
    }


def create(connection: Connection, request: dict[str, Any]) -> None:
    """Start the tuning job. One of this name that is there already is the same one: its answer was lost.

    Raises:
        AwsError: AWS refuses, or cannot be reached.
    """
    try:
        with asking("start the search", connection.region):
            connection.client("sagemaker").create_hyper_parameter_tuning_job(**request)
    except AwsError as error:
        if error.kind != "exists":
            raise


def _pack(source: Path, archive: Path) -> None:
    """``source`` and the program that the container starts, as the container's ``train`` wants it."""
    with tarfile.open(archive, "w:gz") as tar:
        for file in sorted(source.rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                tar.add(file, arcname=file.relative_to(source).as_posix())
        entry = tarfile.TarInfo(_NAME)
        entry.size = len(_PROGRAM)
        tar.addfile(entry, io.BytesIO(_PROGRAM.encode()))


def _definition(account: Account, spec: JobSpec, program: str) -> dict[str, Any]:
    """What all trials share."""
    network = {"Subnets": list(spec.subnets), "SecurityGroupIds": list(spec.security_groups)}
    limit = {"MaxRuntimeInSeconds": spec.max_seconds}
    return {
        "RoleArn": account.role,
        "AlgorithmSpecification": {
            "TrainingImage": spec.image, "TrainingInputMode": "File", "MetricDefinitions": [OBJECTIVE],
        },
        "StaticHyperParameters": {
            "sagemaker_program": json.dumps(_NAME), "sagemaker_submit_directory": json.dumps(program),
        },
        "InputDataConfig": [
            {"ChannelName": name, "DataSource": {"S3DataSource": {
                "S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": "FullyReplicated",
            }}}
            for name, uri in spec.channels.items()
        ],
        "OutputDataConfig": {
            "S3OutputPath": f"{spec.folder}output", **({"KmsKeyId": spec.kms_key} if spec.kms_key else {}),
        },
        "ResourceConfig": {
            "InstanceType": spec.instance_type, "InstanceCount": spec.instance_count, "VolumeSizeInGB": spec.volume_gb,
            **({"VolumeKmsKeyId": spec.kms_key} if spec.kms_key else {}),
        },
        "StoppingCondition": limit | ({"MaxWaitTimeInSeconds": spec.max_seconds + SPOT_WAIT} if spec.spot else {}),
        "EnableManagedSpotTraining": spec.spot,
        "Environment": {"PYTHONUNBUFFERED": "1"},
        **({"VpcConfig": network} if spec.subnets else {}),
    }


def _as_aws(ranges: Ranges) -> dict[str, Any]:
    return {
        "CategoricalParameterRanges": [
            {"Name": name, "Values": [json.dumps(value) for value in values]} for name, values in ranges.lists.items()
        ],
        "ContinuousParameterRanges": [
            {"Name": name, "MinValue": repr(low), "MaxValue": repr(high), "ScalingType": "Logarithmic"}
            for name, (low, high) in ranges.between.items()
        ],
        "IntegerParameterRanges": [
            {"Name": name, "MinValue": str(low), "MaxValue": str(high), "ScalingType": "Linear"}
            for name, (low, high) in ranges.whole.items()
        ],
    }


def describe(connection: Connection, name: str) -> TuningJob | None:
    """What is so about the tuning job now; None where there is none of this name.

    Raises:
        AwsError: AWS refuses, or cannot be reached.
    """
    sagemaker = connection.client("sagemaker")
    try:
        with asking("describe the search", connection.region):
            said = sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
            pages = sagemaker.get_paginator("list_training_jobs_for_hyper_parameter_tuning_job").paginate(
                HyperParameterTuningJobName=name, SortBy="CreationTime", SortOrder="Ascending"
            )
            found = [one for page in pages for one in page["TrainingJobSummaries"]]
    except AwsError as error:
        if is_gone(error):
            return None
        raise
    trials = tuple((one["TrainingJobName"], _plain(one.get("TunedHyperParameters", {}))) for one in found)
    return TuningJob(said["HyperParameterTuningJobStatus"], said.get("FailureReason", ""), trials)


def _plain(values: Mapping[str, str]) -> dict[str, Any]:
    """Hyperparameters come back as texts, some with JSON inside."""
    plain: dict[str, Any] = {}
    for name, value in values.items():
        try:
            plain[name] = json.loads(value)
        except ValueError:
            plain[name] = value
    return plain


def stop(connection: Connection, name: str) -> None:
    """Ask the tuning job to stop its trials and start no more. One that is over is left as it is.

    Raises:
        AwsError: AWS refuses, or cannot be reached.
    """
    ask_to_stop(
        connection, "stop the search", lambda: describe(connection, name), "stop_hyper_parameter_tuning_job",
        HyperParameterTuningJobName=name,
    )
