"""The operations on training jobs; training.py runs them."""

import time
from typing import TYPE_CHECKING, Any

from tests.sagemaker_double.account import Record, Region, touch
from tests.sagemaker_double.errors import ServiceError, invalid
from tests.sagemaker_double.listing import page_of
from tests.sagemaker_double.operations import operation
from tests.sagemaker_double.quotas import usage_of
from tests.sagemaker_double.roles import require_role
from tests.sagemaker_double.storage import objects_under, split_uri
from tests.sagemaker_double.training import TrainingRun, enter

if TYPE_CHECKING:
    from tests.sagemaker_double.server import Double

#: What a description repeats of the request as it was.
REPEATED = (
    "TrainingJobName", "HyperParameters", "AlgorithmSpecification", "RoleArn", "InputDataConfig", "OutputDataConfig",
    "ResourceConfig", "VpcConfig", "StoppingCondition", "CheckpointConfig", "Environment", "RetryStrategy",
    "DebugHookConfig", "ProfilerConfig", "ExperimentConfig", "TensorBoardOutputConfig", "RemoteDebugConfig",
    "InfraCheckConfig",
)

#: What it has even where the request is silent.
SWITCHES = ("EnableNetworkIsolation", "EnableInterContainerTrafficEncryption", "EnableManagedSpotTraining")


@operation
def create_training_job(double: "Double", region: Region, request: dict[str, Any]) -> dict[str, Any]:
    """Check what the real service checks at once, then start the job."""
    name, resources = request["TrainingJobName"], request.get("ResourceConfig", {})
    if name in region.training_jobs:
        raise ServiceError(
            "ResourceInUse",
            "Training job names must be unique within an AWS account and region, and a training job with this name "
            f"already exists ({region.training_jobs[name]['TrainingJobArn']})",
        )
    _check_spot(request)
    require_role(double, request["RoleArn"])
    s3 = double.clients.get("s3", region.name)
    for channel in request.get("InputDataConfig", ()):
        _require_data(s3, region, request["RoleArn"], channel["DataSource"]["S3DataSource"]["S3Uri"])
    double.quotas.require(
        double.account, region.name, resources["InstanceType"], usage_of(request), resources["InstanceCount"]
    )
    job = new_job(region, request)
    double.run(TrainingRun(double, region, job))
    return {"TrainingJobArn": job["TrainingJobArn"]}


def new_job(region: Region, request: dict[str, Any]) -> Record:
    """The job's record, put into its place."""
    name, now = request["TrainingJobName"], time.time()
    output = request["OutputDataConfig"]["S3OutputPath"].rstrip("/")
    job = {
        **{key: request[key] for key in REPEATED if key in request},
        **{key: request.get(key, False) for key in SWITCHES},
        "TrainingJobArn": region.arn("training-job", name),
        "ModelArtifacts": {"S3ModelArtifacts": f"{output}/{name}/output/model.tar.gz"},
        "TrainingJobStatus": "InProgress", "SecondaryStatusTransitions": [], "FinalMetricDataList": [],
        "CreationTime": now, "LastModifiedTime": now,
    }
    region.training_jobs[name] = job
    region.tag(job["TrainingJobArn"], request.get("Tags"))
    enter(job, "Starting")
    return job


def _check_spot(request: dict[str, Any]) -> None:
    limits = request.get("StoppingCondition", {})
    wait, runtime = limits.get("MaxWaitTimeInSeconds"), limits.get("MaxRuntimeInSeconds", 86_400)
    if request.get("EnableManagedSpotTraining"):
        if wait is None or wait < runtime:
            raise invalid(
                "Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to MaxRuntimeInSeconds"
            )
        if request["ResourceConfig"].get("KeepAlivePeriodInSeconds"):
            raise invalid("KeepAlivePeriodInSeconds cannot be used together with EnableManagedSpotTraining.")
    elif wait is not None:
        raise invalid("MaxWaitTimeInSeconds can only be used together with EnableManagedSpotTraining.")


def _require_data(s3, region: Region, role: str, uri: str) -> None:
    if next(objects_under(s3, uri), None) is None:
        raise invalid(
            f'No S3 objects found under S3 URL "{uri}" given in input data source. Please ensure that the bucket exists '
            f"in the selected region ({region.name}), that objects exist under that S3 prefix, and that the role "
            f'"{role}" has "s3:ListBucket" permissions on bucket "{split_uri(uri)[0]}".'
        )


def _job(region: Region, name: str) -> Record:
    if name not in region.training_jobs:
        raise invalid("Requested resource not found.")
    return region.training_jobs[name]


@operation
def describe_training_job(double: "Double", region: Region, request: dict[str, Any]) -> dict[str, Any]:
    """The job as it is now."""
    return _job(region, request["TrainingJobName"])


@operation
def list_training_jobs(double: "Double", region: Region, request: dict[str, Any]) -> dict[str, Any]:
    """Summaries, the newest first."""
    pool = request.get("WarmPoolStatusEquals")
    jobs = [
        job for job in region.training_jobs.values() if pool is None or job.get("WarmPoolStatus", {}).get("Status") == pool
    ]
    members = ("TrainingEndTime", "LastModifiedTime", "TrainingJobStatus", "SecondaryStatus", "WarmPoolStatus")
    summaries, more = page_of(jobs, request, kind="TrainingJob", members=members)
    return {"TrainingJobSummaries": summaries, **more}


@operation
def stop_training_job(double: "Double", region: Region, request: dict[str, Any]) -> dict[str, Any]:
    """SIGTERM to the container, two minutes' grace, then what it has made is uploaded."""
    job = _job(region, request["TrainingJobName"])
    if job["TrainingJobStatus"] not in ("InProgress", "Stopping"):
        raise invalid(
            "The request was rejected because the training job is in status "
            f"{job['TrainingJobStatus']}."
        )
    run = double.running(region, job["TrainingJobName"])
    if run is not None:
        run.stop("Stopped")
    return {}


@operation
def update_training_job(double: "Double", region: Region, request: dict[str, Any]) -> dict[str, Any]:
    """Change how long a warm pool is kept; nothing else is understood here."""
    job = _job(region, request["TrainingJobName"])
    keep = request.get("ResourceConfig", {}).get("KeepAlivePeriodInSeconds")
    if keep is None:
        raise invalid("The double can only change ResourceConfig.KeepAlivePeriodInSeconds.")
    touch(job, ResourceConfig={**job["ResourceConfig"], "KeepAlivePeriodInSeconds": keep})
    if keep == 0 and job.get("WarmPoolStatus", {}).get("Status") == "Available":
        touch(job, WarmPoolStatus={**job["WarmPoolStatus"], "Status": "Terminated"})
    return {"TrainingJobArn": job["TrainingJobArn"]}


@operation
def delete_training_job(double: "Double", region: Region, request: dict[str, Any]) -> dict[str, Any]:
    """Forget a job that is over."""
    job = _job(region, request["TrainingJobName"])
    if job["TrainingJobStatus"] in ("InProgress", "Stopping"):
        raise ServiceError("ResourceInUse", f"The training job is in status {job['TrainingJobStatus']}.")
    del region.training_jobs[job["TrainingJobName"]]
    region.tags.pop(job["TrainingJobArn"], None)
    return {}
