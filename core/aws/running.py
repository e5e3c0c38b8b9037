"""Jobs of the workbench that cost money at this moment: at work, or with machines that are kept warm for the next one."""

from dataclasses import dataclass
from typing import Any, Literal

from core.aws import tags
from core.aws.errors import AwsError, asking, is_gone
from core.aws.hosting import tags_of
from core.aws.names import PREFIX
from core.aws.session import Connection

Kind = Literal["training-job", "tuning-job", "warm-pool"]

#: The training jobs that cost, by how they are asked for; whether they have been asked to stop.
_COSTS: tuple[tuple[Kind, dict[str, str], bool], ...] = (
    ("training-job", {"StatusEquals": "InProgress"}, False), ("training-job", {"StatusEquals": "Stopping"}, True),
    ("warm-pool", {"WarmPoolStatusEquals": "Available"}, False),
)


@dataclass(frozen=True)
class Running:
    """Something that costs money now.

    Attributes:
        kind: what it is.
        name: the job's name; a warm pool bears the one of the job that it is left from.
        tags: the job's.
        instance_type, count: what it runs on; "" and 0 for a tuning job, whose training jobs are listed as well.
    """

    kind: Kind
    name: str
    tags: dict[str, str]
    instance_type: str
    count: int
    stopping: bool = False


def list_running(connection: Connection) -> list[Running]:
    """What of the workbench's costs money now, whoever started it.

    Raises:
        AwsError: AWS refuses, or cannot be reached.
    """
    found = []
    for kind, wish, stopping in _COSTS:
        for one in _list(connection, "list_training_jobs", "TrainingJobSummaries", wish):
            found.append(_if_ours(connection, kind, one["TrainingJobName"], one["TrainingJobArn"], stopping))
    for status in ("InProgress", "Stopping"):
        wish = {"StatusEquals": status}
        for one in _list(connection, "list_hyper_parameter_tuning_jobs", "HyperParameterTuningJobSummaries", wish):
            name, arn = one["HyperParameterTuningJobName"], one["HyperParameterTuningJobArn"]
            found.append(_if_ours(connection, "tuning-job", name, arn, status == "Stopping"))
    return [one for one in found if one is not None]


def _if_ours(connection: Connection, kind: Kind, name: str, arn: str, stopping: bool) -> Running | None:
    """The job, where the workbench has started it and it is still there."""
    try:
        its_tags = tags_of(connection, arn)
        if not tags.made_here(its_tags):
            return None
        if kind == "tuning-job":
            return Running(kind, name, its_tags, "", 0, stopping)
        with asking("say what a job runs on", connection.region):
            said = connection.client("sagemaker").describe_training_job(TrainingJobName=name)
    except AwsError as error:
        if is_gone(error):
            return None
        raise
    machines = said.get("ResourceConfig", {})
    return Running(kind, name, its_tags, machines.get("InstanceType", ""), machines.get("InstanceCount", 0), stopping)


def end(connection: Connection, kind: Kind, name: str) -> None:
    """Stop a job, which keeps the best model so far, or give a warm pool's machines back.

    Raises:
        AwsError: AWS refuses, or cannot be reached.
    """
    sagemaker = connection.client("sagemaker")
    try:
        with asking("end what is running", connection.region):
            if kind == "training-job":
                sagemaker.stop_training_job(TrainingJobName=name)
            elif kind == "tuning-job":
                sagemaker.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
            else:
                sagemaker.update_training_job(TrainingJobName=name, ResourceConfig={"KeepAlivePeriodInSeconds": 0})
    except AwsError as error:
        if not is_gone(error):
            raise


def _list(connection: Connection, operation: str, member: str, wish: dict[str, str]) -> list[dict[str, Any]]:
    with asking("list the jobs", connection.region):
        pages = connection.client("sagemaker").get_paginator(operation).paginate(
            NameContains=PREFIX, PaginationConfig={"PageSize": 100}, **wish
        )
        return [one for page in pages for one in page[member]]
