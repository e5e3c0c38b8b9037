"""Hyperparameter tuning jobs: their values drawn at random, their training jobs run for real.

Every strategy draws at random here; Grid goes through all combinations of categories.
"""

import hashlib
import itertools
import math
import random
import threading
import time
from typing import TYPE_CHECKING, Any

from tests.sagemaker_double.account import Record, Region, touch
from tests.sagemaker_double.errors import ServiceError, invalid
from tests.sagemaker_double.jobs import create_training_job
from tests.sagemaker_double.listing import page_of
from tests.sagemaker_double.operations import operation
from tests.sagemaker_double.roles import require_role

if TYPE_CHECKING:
    from tests.sagemaker_double.server import Double

#: What a training job takes over from its definition as it is.
TAKEN_OVER = (
    "AlgorithmSpecification", "RoleArn", "InputDataConfig", "VpcConfig", "OutputDataConfig", "ResourceConfig",
    "StoppingCondition", "CheckpointConfig", "RetryStrategy", "Environment", "EnableNetworkIsolation",
    "EnableInterContainerTrafficEncryption", "EnableManagedSpotTraining",
)

OVER = ("Completed", "Stopped", "Failed")


@operation
def create_hyper_parameter_tuning_job(double: "Double", region: Region, request: dict[str, Any]) -> dict[str, Any]:
    """Start a search."""
    name, config = request["HyperParameterTuningJobName"], request["HyperParameterTuningJobConfig"]
    if name in region.tuning_jobs:
        raise ServiceError("ResourceInUse", f"Hyper parameter tuning job with this name already exists ({name})")
    if "TrainingJobDefinition" not in request:
        raise invalid("The double needs one TrainingJobDefinition.")
    require_role(double, request["TrainingJobDefinition"]["RoleArn"])
    metrics = [entry["Name"] for entry in request["TrainingJobDefinition"]["AlgorithmSpecification"].get("MetricDefinitions", ())]
    objective = config.get("HyperParameterTuningJobObjective", {}).get("MetricName")
    if objective not in metrics:
        raise invalid(f"Invalid objective metric: {objective} is not one of the metric definitions {metrics}.")
    now, arn = time.time(), region.arn("hyper-parameter-tuning-job", name)
    job = region.tuning_jobs[name] = {
        **{key: value for key, value in request.items() if key != "Tags"},
        "HyperParameterTuningJobArn": arn, "HyperParameterTuningJobStatus": "InProgress",
        "CreationTime": now, "LastModifiedTime": now, "Strategy": config["Strategy"], "ResourceLimits": config["ResourceLimits"],
    }
    region.tag(arn, request.get("Tags"))
    double.run(TuningRun(double, region, job, request.get("Tags", [])))
    return {"HyperParameterTuningJobArn": arn}


class TuningRun:
    """Starts training jobs, as many at a time as allowed, until all are done."""

    def __init__(self, double: "Double", region: Region, job: Record, tags: list[dict[str, str]]):
        self.key = (region.name, job["HyperParameterTuningJobName"])
        self._double = double
        self._region = region
        self._job = job
        self._tags = tags
        self._over = threading.Event()

    def start(self) -> None:
        """Begin."""
        threading.Thread(target=self._run, daemon=True).start()

    def close(self) -> None:
        """Start no more."""
        self._over.set()

    def _run(self) -> None:
        limits = self._job["HyperParameterTuningJobConfig"]["ResourceLimits"]
        draws = enumerate(itertools.islice(self._values(), limits["MaxNumberOfTrainingJobs"]), 1)
        waiting = next(draws, None)
        while not self._over.wait(0.2):
            with self._double.account.lock:
                active = [child for child in children(self._region, self._job) if child["TrainingJobStatus"] not in OVER]
                stopping = self._job["HyperParameterTuningJobStatus"] == "Stopping"
                if not active and (stopping or waiting is None):
                    ending = "Stopped" if stopping else "Completed"
                    touch(self._job, HyperParameterTuningJobStatus=ending, HyperParameterTuningEndTime=time.time())
                    break
                if waiting is not None and not stopping and len(active) < limits["MaxParallelTrainingJobs"]:
                    try:
                        self._launch(*waiting)
                    except ServiceError as error:
                        touch(self._job, HyperParameterTuningJobStatus="Failed", FailureReason=str(error))
                        break
                    waiting = next(draws, None)
        self._double.forget(self)

    def _launch(self, number: int, values: dict[str, str]) -> None:
        definition = self._job["TrainingJobDefinition"]
        objective = self._job["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"]["MetricName"]
        suffix = hashlib.sha256(f"{self.key[1]} {number}".encode()).hexdigest()[:8]
        name = f"{self.key[1]}-{number:03d}-{suffix}"
        create_training_job(self._double, self._region, {
            **{key: definition[key] for key in TAKEN_OVER if key in definition}, "TrainingJobName": name, "Tags": self._tags,
            "HyperParameters": {**definition.get("StaticHyperParameters", {}), **values, "_tuning_objective_metric": objective},
        })
        job = self._region.training_jobs[name]
        job.update(TuningJobArn=self._job["HyperParameterTuningJobArn"], _tuned=values)

    def _values(self):
        config = self._job["HyperParameterTuningJobConfig"]
        ranges = config.get("ParameterRanges", {})
        categories = {entry["Name"]: entry["Values"] for entry in ranges.get("CategoricalParameterRanges", ())}
        if config["Strategy"] == "Grid":
            for choice in itertools.product(*categories.values()):
                yield dict(zip(categories, choice, strict=True))
            return
        draw = random.Random(config.get("RandomSeed", self.key[1]))
        while True:
            yield {
                **{name: draw.choice(values) for name, values in categories.items()},
                **{entry["Name"]: repr(_between(draw, entry)) for entry in ranges.get("ContinuousParameterRanges", ())},
                **{
                    entry["Name"]: str(min(int(entry["MaxValue"]), math.floor(_between(draw, entry, 1))))
                    for entry in ranges.get("IntegerParameterRanges", ())
                },
            }


def _between(draw: random.Random, entry: dict[str, str], wider: int = 0) -> float:
    low, high = float(entry["MinValue"]), float(entry["MaxValue"]) + wider
    if entry.get("ScalingType") == "Logarithmic":
        return math.exp(draw.uniform(math.log(low), math.log(high)))
    return draw.uniform(low, high)


def children(region: Region, job: Record) -> list[Record]:
    """The training jobs of a tuning job."""
    arn = job["HyperParameterTuningJobArn"]
    return [child for child in region.training_jobs.values() if child.get("TuningJobArn") == arn]


def _summary(job: Record, child: Record) -> Record:
    objective = job["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"]
    members = ("TrainingJobName", "TrainingJobArn", "CreationTime", "TrainingStartTime", "TrainingEndTime", "TrainingJobStatus",
               "FailureReason")
    summary = {
        **{key: child[key] for key in members if key in child}, "TuningJobName": job["HyperParameterTuningJobName"],
        "TunedHyperParameters": child["_tuned"], "ObjectiveStatus": "Pending",
    }
    value = next((entry["Value"] for entry in child["FinalMetricDataList"] if entry["MetricName"] == objective["MetricName"]), None)
    if value is not None and child["TrainingJobStatus"] in OVER:
        summary["FinalHyperParameterTuningJobObjectiveMetric"] = {**objective, "Value": value}
    if child["TrainingJobStatus"] in OVER:
        summary["ObjectiveStatus"] = "Failed" if value is None else "Succeeded"
    return summary


def _find(region: Region, name: str) -> Record:
    if name not in region.tuning_jobs:
        raise ServiceError("ResourceNotFound", f"Amazon SageMaker can't find a tuning job with the name {name}.")
    return region.tuning_jobs[name]


def _described(region: Region, job: Record) -> Record:
    """The record with what is counted over its training jobs, and the best of them."""
    summaries = [_summary(job, child) for child in children(region, job)]
    states = [summary["TrainingJobStatus"] for summary in summaries]
    objectives = [summary["ObjectiveStatus"] for summary in summaries]
    counters = {
        "Completed": states.count("Completed"), "InProgress": states.count("InProgress") + states.count("Stopping"),
        "RetryableError": 0, "NonRetryableError": states.count("Failed"), "Stopped": states.count("Stopped"),
    }
    described = {
        **job, "TrainingJobStatusCounters": counters,
        "ObjectiveStatusCounters": {name: objectives.count(name) for name in ("Succeeded", "Pending", "Failed")},
    }
    good = [summary for summary in summaries if summary["ObjectiveStatus"] == "Succeeded"]
    if good:
        described["BestTrainingJob"] = _ranked(job, good)[0]
    return described


def _ranked(job: Record, summaries: list[Record]) -> list[Record]:
    largest = job["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"]["Type"] == "Maximize"
    return sorted(
        summaries, key=lambda summary: summary["FinalHyperParameterTuningJobObjectiveMetric"]["Value"], reverse=largest
    )


@operation
def describe_hyper_parameter_tuning_job(double: "Double", region: Region, request: dict[str, Any]) -> dict[str, Any]:
    """The search as it is now."""
    return _described(region, _find(region, request["HyperParameterTuningJobName"]))


@operation
def list_hyper_parameter_tuning_jobs(double: "Double", region: Region, request: dict[str, Any]) -> dict[str, Any]:
    """Summaries, the newest first."""
    jobs = [_described(region, job) for job in region.tuning_jobs.values()]
    members = ("HyperParameterTuningJobStatus", "Strategy", "HyperParameterTuningEndTime", "LastModifiedTime",
               "TrainingJobStatusCounters", "ObjectiveStatusCounters", "ResourceLimits")
    summaries, more = page_of(jobs, request, kind="HyperParameterTuningJob", members=members)
    return {"HyperParameterTuningJobSummaries": summaries, **more}


@operation
def list_training_jobs_for_hyper_parameter_tuning_job(
    double: "Double", region: Region, request: dict[str, Any]
) -> dict[str, Any]:
    """Its training jobs with the values they were given; sorted by the objective, only those that have one."""
    job = _find(region, request["HyperParameterTuningJobName"])
    wish = {key: value for key, value in request.items() if key != "SortBy"}
    summaries = [_summary(job, child) for child in children(region, job)]
    if request.get("SortBy") == "FinalObjectiveMetricValue":
        ranked = _ranked(job, [one for one in summaries if one["ObjectiveStatus"] == "Succeeded"])
        return {"TrainingJobSummaries": ranked[: request.get("MaxResults", 10)]}
    members = tuple({key for summary in summaries for key in summary})
    page, more = page_of(summaries, wish, kind="TrainingJob", members=members)
    return {"TrainingJobSummaries": page, **more}


@operation
def stop_hyper_parameter_tuning_job(double: "Double", region: Region, request: dict[str, Any]) -> dict[str, Any]:
    """Stop its training jobs and start no more."""
    job = _find(region, request["HyperParameterTuningJobName"])
    if job["HyperParameterTuningJobStatus"] in OVER:
        raise invalid(f"The request was rejected because the tuning job is in status {job['HyperParameterTuningJobStatus']}.")
    touch(job, HyperParameterTuningJobStatus="Stopping")
    for child in children(region, job):
        run = double.running(region, child["TrainingJobName"])
        if run is not None:
            run.stop("Stopped")
    return {}


@operation
def delete_hyper_parameter_tuning_job(double: "Double", region: Region, request: dict[str, Any]) -> dict[str, Any]:
    """Forget a search that is over; its training jobs stay."""
    job = _find(region, request["HyperParameterTuningJobName"])
    if job["HyperParameterTuningJobStatus"] not in OVER:
        raise ServiceError("ResourceInUse", "The tuning job is still running.")
    del region.tuning_jobs[job["HyperParameterTuningJobName"]]
    region.tags.pop(job["HyperParameterTuningJobArn"], None)
    return {}
