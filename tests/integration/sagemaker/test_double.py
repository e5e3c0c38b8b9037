"""The loopback SageMaker does what it says: jobs and endpoints really run, and errors are the real service's."""

import io
import json
import shutil
import tarfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.sagemaker_double.client import running_double

IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/pytorch-training:2"
ROLE = "arn:aws:iam::123456789012:role/SageMakerExecutionRole"
GROUP = "/aws/sagemaker/TrainingJobs"

#: A program for a training container: it reads what a job has and does what its hyperparameters say.
PROGRAM = """
import json, os, pathlib, signal, sys, time

def say(**event):
    print(json.dumps(event), flush=True)

def stop(*ignored):
    pathlib.Path("/opt/ml/model/stopped").write_text("kept")
    say(kind="stopped")
    sys.exit(0)

signal.signal(signal.SIGTERM, stop)
wish = json.load(open("/opt/ml/input/config/hyperparameters.json"))
say(kind="start", pid=os.getpid(), rows=len(open("/opt/ml/input/data/train/pairs.csv").readlines()))
checkpoint = pathlib.Path("/opt/ml/checkpoints/step.txt")
first = int(checkpoint.read_text()) + 1 if checkpoint.exists() else 1
for step in range(first, int(wish["steps"]) + 1):
    half = checkpoint.with_suffix(".half")
    half.write_text(str(step))
    half.rename(checkpoint)
    say(kind="step", step=step, loss=1 / step)
    time.sleep(float(wish.get("pause", "0")))
if "failure" in wish:
    pathlib.Path("/opt/ml/output/failure").write_text(wish["failure"])
    sys.exit(3)
pathlib.Path("/opt/ml/model/weights.txt").write_text(wish["steps"])
"""


def fresh(stem: str) -> str:
    return f"{stem}-{uuid.uuid4().hex[:8]}"


def until(condition: Callable[[], object], what: str, seconds: float = 60) -> object:
    """What ``condition`` gives once it gives something true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError(f"{what} did not happen")


@pytest.fixture
def aws(sagemaker_double):
    """boto3 clients of the double, by service."""
    made = {}
    return lambda service: made.setdefault(service, sagemaker_double.client(service))


@pytest.fixture
def bucket(aws) -> str:
    """A bucket with a training program and a file of pairs."""
    name = fresh("pairs")
    aws("s3").create_bucket(Bucket=name)
    aws("s3").put_object(Bucket=name, Key="code/train.py", Body=PROGRAM.encode())
    aws("s3").put_object(Bucket=name, Key="data/pairs.csv", Body=b"question,answer\na,b\n")
    return name


def job_request(bucket: str, **changes: object) -> dict:
    """A training job as ModelTrainer asks for it, but for the program."""
    channels = [
        {"ChannelName": name, "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{bucket}/{key}"}}}
        for name, key in (("code", "code/"), ("train", "data/"))
    ]
    return {
        "TrainingJobName": fresh("job"), "RoleArn": ROLE, "InputDataConfig": channels, "HyperParameters": {"steps": "3"},
        "AlgorithmSpecification": {
            "TrainingImage": IMAGE, "TrainingInputMode": "File", "ContainerEntrypoint": ["python"],
            "ContainerArguments": ["/opt/ml/input/data/code/train.py"],
            "MetricDefinitions": [{"Name": "loss", "Regex": '"loss": ([0-9.]+)'}],
        },
        "OutputDataConfig": {"S3OutputPath": f"s3://{bucket}/out"},
        "ResourceConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 5},
        "StoppingCondition": {"MaxRuntimeInSeconds": 600},
        **changes,
    }


def lines(aws, job: str) -> list[dict]:
    """The events in the job's log, of all its instances."""
    logs = aws("logs")
    try:
        streams = logs.describe_log_streams(logGroupName=GROUP, logStreamNamePrefix=job + "/")["logStreams"]
    except logs.exceptions.ResourceNotFoundException:
        return []
    found = []
    for stream in streams:
        page = logs.get_log_events(logGroupName=GROUP, logStreamName=stream["logStreamName"], startFromHead=True)
        found += [json.loads(event["message"]) for event in page["events"] if event["message"].startswith("{")]
    return found


def ended(aws, job: str) -> dict:
    """The job's description once it is over."""

    def over() -> dict | None:
        description = aws("sagemaker").describe_training_job(TrainingJobName=job)
        return description if description["TrainingJobStatus"] not in ("InProgress", "Stopping") else None

    return until(over, f"the end of {job}")


def artifact(aws, uri: str) -> dict[str, bytes]:
    """The files in the archive at ``uri``."""
    bucket, key = uri.removeprefix("s3://").split("/", 1)
    body = aws("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body)) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar if member.isfile()}


def refused(call: Callable[[], object]) -> tuple[str, str]:
    """The error's code and message."""
    from botocore.exceptions import ClientError

    with pytest.raises(ClientError) as caught:
        call()
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def test_a_job_runs_its_program_and_leaves_a_model(aws, bucket):
    request = job_request(bucket, Tags=[{"Key": "owner", "Value": "me"}], Environment={"COLOUR": "blue"})
    name = request["TrainingJobName"]
    arn = aws("sagemaker").create_training_job(**request)["TrainingJobArn"]
    job = ended(aws, name)
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Completed", "Completed")
    statuses = [entry["Status"] for entry in job["SecondaryStatusTransitions"]]
    assert statuses == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    assert artifact(aws, job["ModelArtifacts"]["S3ModelArtifacts"]) == {"weights.txt": b"3"}
    events = lines(aws, name)
    assert [event["kind"] for event in events] == ["start", "step", "step", "step"]
    assert events[0]["rows"] == 2
    assert {entry["MetricName"]: round(entry["Value"], 2) for entry in job["FinalMetricDataList"]} == {"loss": 0.33}
    assert job["Environment"] == {"COLOUR": "blue"} and job["AlgorithmSpecification"]["MetricDefinitions"]
    found = aws("resourcegroupstaggingapi").get_resources(TagFilters=[{"Key": "owner", "Values": ["me"]}])
    assert arn in [entry["ResourceARN"] for entry in found["ResourceTagMappingList"]]
    code, message = refused(lambda: aws("sagemaker").create_training_job(**request))
    assert code == "ResourceInUse" and "must be unique" in message


def test_a_stopped_job_gets_sigterm_and_keeps_what_it_made(aws, bucket):
    request = job_request(bucket, HyperParameters={"steps": "5000", "pause": "0.05"})
    name = request["TrainingJobName"]
    aws("sagemaker").create_training_job(**request)
    until(lambda: any(event["kind"] == "step" for event in lines(aws, name)), "a live line")
    assert aws("sagemaker").describe_training_job(TrainingJobName=name)["SecondaryStatus"] == "Training"
    aws("sagemaker").stop_training_job(TrainingJobName=name)
    job = ended(aws, name)
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "Stopped")
    assert artifact(aws, job["ModelArtifacts"]["S3ModelArtifacts"]) == {"stopped": b"kept"}
    assert "rejected" in refused(lambda: aws("sagemaker").stop_training_job(TrainingJobName=name))[1]


def test_a_job_beyond_its_time_is_stopped(aws, bucket):
    request = job_request(bucket, HyperParameters={"steps": "5000", "pause": "0.05"})
    request["StoppingCondition"] = {"MaxRuntimeInSeconds": 1}
    aws("sagemaker").create_training_job(**request)
    job = ended(aws, request["TrainingJobName"])
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")


def test_the_reason_of_a_failure_is_the_programs_own(aws, bucket):
    request = job_request(bucket, HyperParameters={"steps": "1", "failure": "The memory is full."})
    aws("sagemaker").create_training_job(**request)
    job = ended(aws, request["TrainingJobName"])
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"] == "AlgorithmError: The memory is full., exit code: 3"


def test_two_instances_find_each_other_by_name(aws, bucket):
    program = """
import json, pathlib, socket
config = json.load(open("/opt/ml/input/config/resourceconfig.json"))
host = config["current_host"]
assert host == socket.gethostname()
print(json.dumps({"host": host, "others": [socket.gethostbyname(name) for name in config["hosts"]]}))
pathlib.Path("/opt/ml/model", host).write_text("x")
"""
    aws("s3").put_object(Bucket=bucket, Key="code/train.py", Body=program.encode())
    request = job_request(bucket)
    request["ResourceConfig"] = {**request["ResourceConfig"], "InstanceCount": 2}
    aws("sagemaker").create_training_job(**request)
    job = ended(aws, request["TrainingJobName"])
    assert sorted(artifact(aws, job["ModelArtifacts"]["S3ModelArtifacts"])) == ["algo-1", "algo-2"]
    events = sorted(lines(aws, request["TrainingJobName"]), key=lambda event: event["host"])
    assert events == [{"host": host, "others": ["127.0.0.1"] * 2} for host in ("algo-1", "algo-2")]


def test_an_interrupted_spot_job_goes_on_from_its_checkpoint(aws, bucket, sagemaker_double):
    request = job_request(bucket, HyperParameters={"steps": "6", "pause": "0.3"}, EnableManagedSpotTraining=True)
    request["StoppingCondition"]["MaxWaitTimeInSeconds"] = 900
    request["CheckpointConfig"] = {"S3Uri": f"s3://{bucket}/checkpoints"}
    name = request["TrainingJobName"]
    sagemaker_double.ask("spot-interruption", name=name, after_line='"step": 3')
    aws("sagemaker").create_training_job(**request)
    job = ended(aws, name)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    statuses = [entry["Status"] for entry in job["SecondaryStatusTransitions"]]
    assert statuses.count("Training") == 2 and "Interrupted" in statuses
    steps = [event["step"] for event in lines(aws, name) if event["kind"] == "step"]
    assert steps[:3] == [1, 2, 3] and steps[-1] == 6 and steps.count(1) == 1, "it began again from nothing"
    kept = aws("s3").get_object(Bucket=bucket, Key="checkpoints/step.txt")["Body"].read()
    assert kept == b"6"


def test_what_a_job_may_not_be_is_said_at_once(aws, bucket, sagemaker_double):
    create = aws("sagemaker").create_training_job
    missing = job_request(bucket)
    missing["InputDataConfig"][1]["DataSource"]["S3DataSource"]["S3Uri"] = f"s3://{bucket}/nothing/"
    code, message = refused(lambda: create(**missing))
    assert code == "ValidationException" and message.startswith("No S3 objects found under S3 URL")
    code, message = refused(lambda: create(**job_request(bucket, RoleArn=ROLE + "No")))
    assert code == "ValidationException" and "Could not assume role" in message
    code, message = refused(lambda: create(**job_request(bucket, TrainingJobName="two words")))
    assert code == "ValidationException" and "regular expression" in message
    code, message = refused(lambda: create(**job_request(bucket, EnableManagedSpotTraining=True)))
    assert "MaxWaitTimeInSeconds" in message
    large = job_request(bucket)
    large["ResourceConfig"] = {**large["ResourceConfig"], "InstanceType": "ml.p3.2xlarge"}
    code, message = refused(lambda: create(**large))
    assert code == "ResourceLimitExceeded" and "'ml.p3.2xlarge for training job usage' is 0 Instances" in message
    quotas = aws("service-quotas").get_paginator("list_service_quotas").paginate(ServiceCode="sagemaker")
    values = {quota["QuotaName"]: quota["Value"] for page in quotas for quota in page["Quotas"]}
    assert values["ml.p3.2xlarge for training job usage"] == 0 and values["ml.m5.xlarge for endpoint usage"] == 4
    sagemaker_double.ask("insufficient-capacity")
    scarce = job_request(bucket)
    create(**scarce)
    assert ended(aws, scarce["TrainingJobName"])["FailureReason"].startswith("CapacityError: Unable to provision")


def test_errors_on_demand_are_the_services_own(aws, bucket, sagemaker_double):
    sagemaker = aws("sagemaker")
    sagemaker_double.ask("throttling", operation="ListEndpoints", times=2)
    assert refused(sagemaker.list_endpoints) == ("ThrottlingException", "Rate exceeded")
    sagemaker.list_models()
    assert refused(sagemaker.list_endpoints)[0] == "ThrottlingException"
    sagemaker.list_endpoints()
    sagemaker_double.ask("access-denied", operation="CreateModel", times=0)
    decision = aws("iam").simulate_principal_policy(
        PolicySourceArn=ROLE, ActionNames=["sagemaker:CreateModel", "sagemaker:ListModels"]
    )["EvaluationResults"]
    assert [entry["EvalDecision"] for entry in decision] == ["implicitDeny", "allowed"]
    code, message = refused(lambda: sagemaker.create_model(ModelName="m", ExecutionRoleArn=ROLE))
    assert code == "AccessDeniedException" and "not authorized to perform: sagemaker:CreateModel" in message
    sagemaker_double.clear()
    sagemaker_double.ask("access-denied", service="s3", operation="GetObject")
    assert refused(lambda: aws("s3").get_object(Bucket=bucket, Key="data/pairs.csv"))[0] == "AccessDenied"
    sagemaker_double.ask("unavailable", service="sts")
    assert refused(aws("sts").get_caller_identity)[0] == "ServiceUnavailable"


def test_a_lost_reply_is_of_a_call_that_was_carried_out(aws, bucket, sagemaker_double):
    from botocore.exceptions import HTTPClientError

    request = job_request(bucket)
    sagemaker_double.ask("lost-reply", operation="CreateTrainingJob")
    with pytest.raises(HTTPClientError):
        aws("sagemaker").create_training_job(**request)
    assert ended(aws, request["TrainingJobName"])["TrainingJobStatus"] == "Completed"


def test_prices_are_listed(aws):
    wish = [{"Type": "TERM_MATCH", "Field": name, "Value": value} for name, value in (
        ("instanceName", "ml.m5.xlarge"), ("regionCode", "eu-west-1"), ("component", "Hosting"))]
    listed = aws("pricing").get_products(ServiceCode="AmazonSageMaker", Filters=wish)["PriceList"]
    terms = [json.loads(entry)["terms"]["OnDemand"] for entry in listed]
    assert [term["offer"]["priceDimensions"]["rate"]["pricePerUnit"] for term in terms] == [{"USD": "0.2300000000"}]


#: A handler that fails where it is told to; the model server runs it as the real container would.
HANDLER = """
import json

def model_fn(model_dir):
    return open(model_dir + "/greeting.txt").read()

def transform_fn(model, data, content_type, accept):
    request = json.loads(data)
    if "inputs" not in request:
        raise ValueError("say what is to be read under 'inputs'")
    return json.dumps({"heard": request["inputs"], "model": model})
"""


def archive(files: dict[str, str]) -> bytes:
    """A tar.gz of those files."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            tar.addfile(member, io.BytesIO(text.encode()))
    return packed.getvalue()


def deploy(aws, bucket: str, files: dict[str, str], variant: dict | None = None) -> str:
    """Create model, configuration and endpoint of one name, which is returned."""
    name, sagemaker = fresh("endpoint"), aws("sagemaker")
    aws("s3").put_object(Bucket=bucket, Key=f"{name}/model.tar.gz", Body=archive(files))
    container = {"Image": IMAGE, "ModelDataUrl": f"s3://{bucket}/{name}/model.tar.gz", "Environment": {"COLOUR": "blue"}}
    tags = [{"Key": "made-by", "Value": name}]
    sagemaker.create_model(ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer=container, Tags=tags)
    size = variant or {"InstanceType": "ml.m5.xlarge", "InitialInstanceCount": 1}
    variants = [{"VariantName": "AllTraffic", "ModelName": name, **size}]
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=variants, Tags=tags)
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name, Tags=tags)
    return name


def settled(aws, name: str) -> dict:
    """The endpoint's description once it is in service or failed."""

    def settled_now() -> dict | None:
        description = aws("sagemaker").describe_endpoint(EndpointName=name)
        return description if description["EndpointStatus"] in ("InService", "Failed") else None

    return until(settled_now, f"the settling of {name}", 120)


def gone(aws, name: str) -> bool:
    """Whether no endpoint of that name is listed any more."""
    return not aws("sagemaker").list_endpoints(NameContains=name)["Endpoints"]


def test_an_endpoint_runs_its_handler_until_it_is_deleted(aws, bucket, sagemaker_double):
    files = {"code/inference.py": HANDLER, "greeting.txt": "hello", "config.json": "{}"}
    sagemaker, runtime = aws("sagemaker"), aws("sagemaker-runtime")
    sagemaker_double.ask("never-starts")
    try:
        name = deploy(aws, bucket, files)
        assert "in-progress" in refused(lambda: sagemaker.delete_endpoint(EndpointName=name))[1]
    finally:
        sagemaker_double.let("never-starts")
    description = settled(aws, name)
    assert description["EndpointStatus"] == "InService", description
    assert description["ProductionVariants"][0]["CurrentInstanceCount"] == 1

    def invoke(request: dict) -> dict:
        answer = runtime.invoke_endpoint(EndpointName=name, Body=json.dumps(request), ContentType="application/json")
        return json.loads(answer["Body"].read())

    assert invoke({"inputs": ["a", "b"]}) == {"heard": ["a", "b"], "model": "hello"}
    with pytest.raises(runtime.exceptions.ModelError) as caught:
        invoke({"else": 1})
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert caught.value.response["OriginalStatusCode"] == 400
    assert "say what is to be read" in caught.value.response["OriginalMessage"]

    group = f"/aws/sagemaker/Endpoints/{name}"
    served = f"This endpoint of the double is served by {sagemaker_double.environment['SAGEMAKER_DOUBLE_SERVING']}."
    found = until(lambda: aws("logs").filter_log_events(logGroupName=group)["events"], "a line of the server")
    assert served in [event["message"] for event in found]

    tagged = aws("resourcegroupstaggingapi").get_resources(TagFilters=[{"Key": "made-by", "Values": [name]}])
    kinds = {entry["ResourceARN"].split(":")[5].split("/")[0] for entry in tagged["ResourceTagMappingList"]}
    assert kinds == {"model", "endpoint-config", "endpoint"}
    assert "already existing endpoint" in refused(
        lambda: sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name))[1]

    sagemaker.delete_endpoint(EndpointName=name)
    until(lambda: gone(aws, name), "the end of the endpoint")
    code, message = refused(lambda: sagemaker.describe_endpoint(EndpointName=name))
    assert code == "ValidationException" and message.startswith("Could not find endpoint")
    code, message = refused(lambda: invoke({"inputs": "a"}))
    assert code == "ValidationError" and f"Endpoint {name} of account" in message
    sagemaker.delete_endpoint_config(EndpointConfigName=name)
    sagemaker.delete_model(ModelName=name)
    assert refused(lambda: sagemaker.delete_model(ModelName=name))[1].startswith("Could not find model")
    tagged = aws("resourcegroupstaggingapi").get_resources(TagFilters=[{"Key": "made-by", "Values": [name]}])
    assert not tagged["ResourceTagMappingList"]


def test_a_serverless_endpoint_keeps_its_size_and_its_calls_are_counted(aws, bucket):
    import datetime

    size = {"ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 5}}
    name = deploy(aws, bucket, {"code/inference.py": HANDLER, "greeting.txt": "hi", "config.json": "{}"}, size)
    description = settled(aws, name)
    assert description["ProductionVariants"][0]["CurrentServerlessConfig"] == size["ServerlessConfig"]
    for _ in range(3):
        aws("sagemaker-runtime").invoke_endpoint(
            EndpointName=name, Body=b'{"inputs": "a"}', ContentType="application/json")
    now = datetime.datetime.now(datetime.UTC)
    metric = {"Namespace": "AWS/SageMaker", "MetricName": "Invocations", "Dimensions": [
        {"Name": "EndpointName", "Value": name}, {"Name": "VariantName", "Value": "AllTraffic"}]}
    query = {"Id": "calls", "MetricStat": {"Metric": metric, "Period": 3600, "Stat": "Sum"}}
    answer = aws("cloudwatch").get_metric_data(
        MetricDataQueries=[query], StartTime=now - datetime.timedelta(hours=1),
        EndTime=now + datetime.timedelta(minutes=1))
    assert sum(answer["MetricDataResults"][0]["Values"]) == 3
    at = (now - datetime.timedelta(seconds=1)).strftime("at(%Y-%m-%dT%H:%M:%S)")
    aws("scheduler").create_schedule(
        Name=name, ScheduleExpression=at, FlexibleTimeWindow={"Mode": "OFF"}, ActionAfterCompletion="DELETE",
        Target={"Arn": "arn:aws:scheduler:::aws-sdk:sagemaker:deleteEndpoint", "RoleArn": ROLE,
                "Input": json.dumps({"EndpointName": name})})
    until(lambda: gone(aws, name), "the scheduled end of the endpoint")
    until(lambda: not aws("scheduler").list_schedules(NamePrefix=name)["Schedules"], "the end of the schedule")


def test_an_endpoint_can_fail_as_the_real_ones_do(aws, bucket, sagemaker_double):
    for kind, words in (
        ("failed-health-check", "did not pass the ping health check"), ("insufficient-capacity", "Unable to provision")
    ):
        sagemaker_double.ask(kind)
        name = deploy(aws, bucket, {"code/inference.py": HANDLER})
        description = settled(aws, name)
        assert description["EndpointStatus"] == "Failed" and words in description["FailureReason"]
        aws("sagemaker").delete_endpoint(EndpointName=name)
        until(lambda name=name: gone(aws, name), "the end of a failed endpoint")
    sagemaker_double.set_quota("ml.t2.medium for endpoint usage", 0)
    code, message = refused(lambda: deploy(
        aws, bucket, {"code/inference.py": HANDLER}, {"InstanceType": "ml.t2.medium", "InitialInstanceCount": 1}))
    assert code == "ResourceLimitExceeded" and "'ml.t2.medium for endpoint usage' is 0" in message


def test_lists_come_in_pages_by_name(aws, bucket):
    stem = fresh("many")
    for number in range(13):
        aws("sagemaker").create_model(
            ModelName=f"{stem}-{number}", ExecutionRoleArn=ROLE, PrimaryContainer={"Image": IMAGE})
    first = aws("sagemaker").list_models(NameContains=stem)
    assert len(first["Models"]) == 10 and first["Models"][0]["ModelName"] == f"{stem}-12"
    pages = aws("sagemaker").get_paginator("list_models").paginate(NameContains=stem)
    assert len({model["ModelName"] for page in pages for model in page["Models"]}) == 13


def test_without_java_the_toolkit_answers_alone_and_nothing_outlives_the_double():
    import psutil

    with running_double(JAVA_HOME="/nowhere") as double:
        assert double.environment["SAGEMAKER_DOUBLE_SERVING"] == "toolkit-handler"
        made = {}

        def aws(service: str):
            return made.setdefault(service, double.client(service))

        aws("s3").create_bucket(Bucket="pairs")
        aws("s3").put_object(Bucket="pairs", Key="code/train.py", Body=PROGRAM.encode())
        aws("s3").put_object(Bucket="pairs", Key="data/pairs.csv", Body=b"a,b\n")
        name = deploy(aws, "pairs", {"code/inference.py": HANDLER, "greeting.txt": "hello"})
        request = job_request("pairs", HyperParameters={"steps": "5000", "pause": "0.05"})
        aws("sagemaker").create_training_job(**request)
        assert settled(aws, name)["EndpointStatus"] == "InService"
        runtime = aws("sagemaker-runtime")
        call = {"EndpointName": name, "ContentType": "application/json"}
        answer = runtime.invoke_endpoint(**call, Body=b'{"inputs": "a"}')
        assert json.loads(answer["Body"].read()) == {"heard": "a", "model": "hello"}
        with pytest.raises(runtime.exceptions.ModelError) as caught:
            runtime.invoke_endpoint(**call, Body=b"{}")
        assert caught.value.response["OriginalStatusCode"] == 400
        assert "say what is to be read" in caught.value.response["OriginalMessage"]
        until(lambda: lines(aws, request["TrainingJobName"]), "a line of the job")
        folder = Path(double.environment["AWS_CONFIG_FILE"]).parent
        family = psutil.Process(double.pid).children(recursive=True)
        assert len(family) >= 3, "a server, a container and the program in it"
    assert not folder.exists()
    until(lambda: not any(one.is_running() for one in family), "the end of what the double ran")


@pytest.mark.skipif(not shutil.which("cc"), reason="sagemaker-training is built by a C compiler")
def test_a_tuning_job_runs_the_images_own_program_for_every_draw(aws, bucket):
    program = "import json, sys\nrate = float(sys.argv[sys.argv.index('--rate') + 1])\nprint(json.dumps({'loss': rate}))\n"
    aws("s3").put_object(Bucket=bucket, Key="code.tar.gz", Body=archive({"tune.py": program}))
    request, name = job_request(bucket), fresh("tune")
    metrics = request["AlgorithmSpecification"]["MetricDefinitions"]
    definition = {
        **{key: request[key] for key in ("RoleArn", "InputDataConfig", "OutputDataConfig", "ResourceConfig", "StoppingCondition")},
        "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File", "MetricDefinitions": metrics},
        "StaticHyperParameters": {
            "sagemaker_program": "tune.py", "sagemaker_submit_directory": f"s3://{bucket}/code.tar.gz"},
    }
    rates = {"Name": "rate", "MinValue": "0.25", "MaxValue": "0.75"}
    aws("sagemaker").create_hyper_parameter_tuning_job(
        HyperParameterTuningJobName=name, TrainingJobDefinition=definition, HyperParameterTuningJobConfig={
            "Strategy": "Random", "ResourceLimits": {"MaxNumberOfTrainingJobs": 3, "MaxParallelTrainingJobs": 2},
            "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "loss"},
            "ParameterRanges": {"ContinuousParameterRanges": [rates]}})

    def over() -> dict | None:
        found = aws("sagemaker").describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
        return found if found["HyperParameterTuningJobStatus"] != "InProgress" else None

    job = until(over, "the end of the search", 150)
    listed = aws("sagemaker").list_training_jobs_for_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    jobs = listed["TrainingJobSummaries"]
    assert [one["TrainingJobStatus"] for one in jobs] == ["Completed"] * 3, [one.get("FailureReason") for one in jobs]
    values = [one["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] for one in jobs]
    assert values == pytest.approx([float(one["TunedHyperParameters"]["rate"]) for one in jobs])
    best = job["BestTrainingJob"]["FinalHyperParameterTuningJobObjectiveMetric"]["Value"]
    assert best == min(values) and len(set(values)) == 3
