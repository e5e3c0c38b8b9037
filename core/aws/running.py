"""Jobs of the workbench that cost money at this moment: at work, or with machines that are kept warm for the next one."""

from dataclasses import dataclass
from typing import Any, Literal

from core.aws import tags
from core.aws.errors import AwsError, asking, is_gone
from core.aws.hosting import tags_of
from core.aws.names import PREFIX
from core.aws.session import Connection

Kind = Literal["training-job", "tuning-job", "warm-pool"]


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


def list_running(connection: Connection) -> list[Running]:
    """What of the workbench's costs money now, whoever started it.

    Raises:
        AwsError: AWS refuses, or cannot be reached.
    """
    found = []
    for kind, wish in (("training-job", {"StatusEquals": "InProgress"}), ("warm-pool", {"WarmPoolStatusEquals": "Available"})):
        for one in _list(connection, "list_training_jobs", "TrainingJobSummaries", wish):
            its_tags = tags_of(connection, one["TrainingJobArn"])
            if tags.made_here(its_tags):
                found.append(_with_machines(connection, kind, one["TrainingJobName"], its_tags))
    wish = {"StatusEquals": "InProgress"}
    for one in _list(connection, "list_hyper_parameter_tuning_jobs", "HyperParameterTuningJobSummaries", wish):
        its_tags = tags_of(connection, one["HyperParameterTuningJobArn"])
        if tags.made_here(its_tags):
            found.append(Running("tuning-job", one["HyperParameterTuningJobName"], its_tags, "", 0))
    return found


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


def _with_machines(connection: Connection, kind: Kind, name: str, its_tags: dict[str, str]) -> Running:
    with asking("say what a job runs on", connection.region):
        said = connection.client("sagemaker").describe_training_job(TrainingJobName=name)
    machines = said.get("ResourceConfig", {})
    return Running(kind, name, its_tags, machines.get("InstanceType", ""), machines.get("InstanceCount", 0))


def _list(connection: Connection, operation: str, member: str, wish: dict[str, str]) -> list[dict[str, Any]]:
    with asking("list the jobs", connection.region):
        pages = connection.client("sagemaker").get_paginator(operation).paginate(
            NameContains=PREFIX, PaginationConfig={"PageSize": 100}, **wish
        )
        return [one for page in pages for one in page[member]]
