"""One training job that really runs: its data, its containers, its log, its checkpoints, what it leaves behind."""

import json
import re
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.sagemaker_double.account import Record, Region, touch
from tests.sagemaker_double.container import Container
from tests.sagemaker_double.storage import LogStream, SyncedFolder, download, upload_archive

if TYPE_CHECKING:
    from tests.sagemaker_double.server import Double

LOG_GROUP = "/aws/sagemaker/TrainingJobs"

#: How long a stopped job may still work, as in the real service (seconds).
GRACE = 120

#: How often changed checkpoints are copied (seconds).
CHECKPOINTS_EVERY = 0.5

MESSAGES = {
    "Starting": "Preparing the instances for training",
    "Downloading": "Downloading input data",
    "Training": "Training image download completed. Training in progress.",
    "Interrupted": "The Spot instances were interrupted; waiting for others",
    "Stopping": "Stopping the training job",
    "Uploading": "Uploading generated training model",
    "Completed": "Training job completed",
    "Stopped": "Training job stopped",
    "MaxRuntimeExceeded": "Training job runtime exceeded MaxRuntimeInSeconds",
    "Failed": "Training job failed",
}

CAPACITY = "CapacityError: Unable to provision requested ML compute capacity. Please retry using a different ML instance type."


class JobFailed(Exception):
    """Ends a job; its text is the FailureReason."""


def enter(job: Record, status: str) -> None:
    """Move a job into a secondary status, with its transition."""
    now = time.time()
    transitions = [dict(entry) for entry in job["SecondaryStatusTransitions"]]
    if transitions:
        transitions[-1].setdefault("EndTime", now)
    transitions.append({"Status": status, "StartTime": now, "StatusMessage": MESSAGES[status]})
    touch(job, SecondaryStatus=status, SecondaryStatusTransitions=transitions)


def keep_warm(job: Record) -> None:
    """After a job that asked for it: its instances wait, and cost, until the time is over."""
    seconds = job["ResourceConfig"].get("KeepAlivePeriodInSeconds", 0)
    if not seconds:
        return
    touch(job, WarmPoolStatus={"Status": "Available", "ResourceRetainedBillableTimeInSeconds": 0})

    def terminate() -> None:
        if job["WarmPoolStatus"]["Status"] == "Available":
            retained = {"Status": "Terminated", "ResourceRetainedBillableTimeInSeconds": seconds}
            touch(job, WarmPoolStatus=retained)

    timer = threading.Timer(seconds, terminate)
    timer.daemon = True
    timer.start()


class TrainingRun:
    """Runs the job in a thread; ``stop`` and ``close`` may come from others."""

    def __init__(self, double: "Double", region: Region, job: Record):
        self.key = (region.name, job["TrainingJobName"])
        self._double = double
        self._region = region
        self._job = job
        self._s3 = double.clients.get("s3", region.name)
        self._folder = double.folder / "training" / region.name / job["TrainingJobName"]
        self._hosts = [f"algo-{number + 1}" for number in range(job["ResourceConfig"]["InstanceCount"])]
        self._containers: list[Container] = []
        self._ending = ""  # the final secondary status that someone has asked for
        self._interrupted = False
        checkpoints = job.get("CheckpointConfig")
        self._checkpoints = checkpoints and [
            SyncedFolder(self._s3, self._inside(host, checkpoints.get("LocalPath", "/opt/ml/checkpoints")), checkpoints["S3Uri"])
            for host in self._hosts
        ]
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self, ending: str) -> None:
        """End early, in the secondary status ``ending`` (Stopped, MaxRuntimeExceeded)."""
        with self._double.account.lock:
            if self._ending:
                return
            self._ending = ending
            touch(self._job, TrainingJobStatus="Stopping")
            enter(self._job, "Stopping")
        for container in list(self._containers):
            container.terminate()
            self._later(GRACE, container.kill)

    def close(self) -> None:
        """The double is ending: so does everything it runs."""
        self._ending = self._ending or "Stopped"
        for container in list(self._containers):
            container.kill()

    def _inside(self, host: str, path: str) -> Path:
        """Where the container's ``path`` is on this machine."""
        return self._folder / host / "ml" / Path(path).relative_to("/opt/ml")

    def _later(self, seconds: float, action, *arguments) -> threading.Timer:
        timer = threading.Timer(seconds, action, arguments)
        timer.daemon = True
        timer.start()
        return timer

    def _run(self) -> None:
        try:
            if self._double.faults.of_resource("insufficient-capacity", self.key[1]):
                raise JobFailed(CAPACITY)
            if fault := self._double.faults.of_resource("never-starts", self.key[1]):
                while not fault.over.wait(0.02) and not self._ending:
                    pass
            codes = [] if self._ending else self._attempt()
            while self._interrupted and not self._ending:
                enter(self._job, "Interrupted")
                self._interrupted = False
                enter(self._job, "Starting")
                codes = self._attempt()
            self._finish(codes)
        except JobFailed as failure:
            self._over("Failed", "Failed", str(failure))
        except Exception as error:  # the double's own failure is told as the service would tell of its own
            self._over("Failed", "Failed", f"InternalServerError: the double failed with {type(error).__name__}: {error}")
        finally:
            self._double.forget(self)

    def _attempt(self) -> list[int]:
        """Run the containers once; their exit codes, none where the job was stopped before."""
        enter(self._job, "Downloading")
        for host in self._hosts:
            self._prepare(host)
        with self._double.account.lock:
            if self._ending:
                return []
            enter(self._job, "Training")
            self._job.setdefault("TrainingStartTime", time.time())
            streams = self._start_containers()
        limit = self._job["StoppingCondition"].get("MaxRuntimeInSeconds", 86_400)
        deadline = self._later(limit, self.stop, "MaxRuntimeExceeded")
        over = threading.Event()
        copier = threading.Thread(target=self._copy_checkpoints, args=(over,), daemon=True)
        copier.start()
        codes = self._wait()
        deadline.cancel()
        over.set()
        copier.join()
        for stream in streams:
            stream.close()
        return codes

    def _prepare(self, host: str) -> None:
        """Lay out /opt/ml for one instance."""
        root = self._folder / host / "ml"
        for name in ("input/config", "input/data", "model", "output/data", "checkpoints"):
            (root / name).mkdir(parents=True, exist_ok=True)
        channels = {}
        for channel in self._job.get("InputDataConfig", ()):
            name, source = channel["ChannelName"], channel["DataSource"]["S3DataSource"]
            if not download(self._s3, source["S3Uri"], root / "input/data" / name):
                raise JobFailed(f"ClientError: Data download failed: no S3 objects found under {source['S3Uri']}")
            channels[name] = {
                "TrainingInputMode": channel.get("InputMode", "File"), "RecordWrapperType": "None",
                "S3DistributionType": source.get("S3DataDistributionType", "FullyReplicated"),
            }
        kind = self._job["ResourceConfig"]["InstanceType"]
        cluster = "homogeneousCluster"
        resources = {
            "current_host": host, "hosts": self._hosts, "network_interface_name": "lo", "current_instance_type": kind,
            "current_group_name": cluster,
            "instance_groups": [{"instance_group_name": cluster, "instance_type": kind, "hosts": self._hosts}],
        }
        config = root / "input/config"
        (config / "hyperparameters.json").write_text(json.dumps(self._job.get("HyperParameters", {})))
        (config / "inputdataconfig.json").write_text(json.dumps(channels))
        (config / "resourceconfig.json").write_text(json.dumps(resources))
        for folder in self._checkpoints or ():
            folder.down()

    def _start_containers(self) -> list[LogStream]:
        algorithm = self._job["AlgorithmSpecification"]
        command = [*algorithm.get("ContainerEntrypoint", ["train"]), *algorithm.get("ContainerArguments", [])]
        environment = {
            **self._double.environment(self._region.name),
            "TRAINING_JOB_NAME": self.key[1], "TRAINING_JOB_ARN": self._job["TrainingJobArn"],
            **self._job.get("Environment", {}),
        }
        logs, started = self._double.clients.get("logs", self._region.name), int(time.time())
        streams, self._containers = [], []
        for host in self._hosts:
            stream = LogStream(logs, LOG_GROUP, f"{self.key[1]}/{host}-{started}")
            streams.append(stream)
            try:
                self._containers.append(
                    Container(host, self._folder / host, command, environment, self._hosts, self._reader(stream))
                )
            except OSError as error:
                raise JobFailed(f"InternalServerError: the double cannot start the container: {error}") from error
        return streams

    def _reader(self, stream: LogStream):
        definitions = [
            (entry["Name"], re.compile(entry["Regex"]))
            for entry in self._job["AlgorithmSpecification"].get("MetricDefinitions", ())
        ]

        def read(line: str) -> None:
            stream.write(line)
            for name, pattern in definitions:
                if found := pattern.search(line):
                    self._measured(name, found.group(1))
            if self._job["EnableManagedSpotTraining"] and self._double.faults.of_resource(
                "spot-interruption", self.key[1], line
            ):
                self._interrupted = True
                for container in self._containers:
                    container.kill()

        return read

    def _measured(self, name: str, text: str) -> None:
        try:
            value = float(text)
        except ValueError:
            return
        others = [entry for entry in self._job["FinalMetricDataList"] if entry["MetricName"] != name]
        self._job["FinalMetricDataList"] = [*others, {"MetricName": name, "Value": value, "Timestamp": time.time()}]

    def _wait(self) -> list[int]:
        """Wait for every instance; where one fails, the others end too."""
        codes = [0] * len(self._containers)

        def wait(number: int) -> None:
            codes[number] = self._containers[number].wait()
            if codes[number] and not self._ending:
                for container in self._containers:
                    container.kill()

        threads = [threading.Thread(target=wait, args=(number,), daemon=True) for number in range(len(codes))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return codes

    def _copy_checkpoints(self, over: threading.Event) -> None:
        while not over.wait(CHECKPOINTS_EVERY):
            for folder in self._checkpoints or ():
                folder.up()
        for folder in self._checkpoints or ():
            folder.up()

    def _finish(self, codes: list[int]) -> None:
        outputs = [self._inside(host, "/opt/ml/output/data") for host in self._hosts]
        artifacts = self._job["ModelArtifacts"]["S3ModelArtifacts"]
        upload_archive(self._s3, outputs, artifacts.replace("model.tar.gz", "output.tar.gz"), self._folder / "output.tar.gz")
        failed = next((code for code in codes if code), 0)
        if failed and not self._ending:
            reasons = [self._inside(host, "/opt/ml/output/failure") for host in self._hosts]
            reason = next((file.read_text(errors="replace") for file in reasons if file.exists()), "")
            raise JobFailed(f"AlgorithmError: {reason.strip()[:900]}, exit code: {failed}")
        enter(self._job, "Uploading")
        models = [self._inside(host, "/opt/ml/model") for host in self._hosts]
        upload_archive(self._s3, models, artifacts, self._folder / "model.tar.gz")
        with self._double.account.lock:
            ending = self._ending
            self._over("Stopped" if ending else "Completed", ending or "Completed")

    def _over(self, status: str, secondary: str, reason: str = "") -> None:
        now = time.time()
        with self._double.account.lock:
            if "TrainingStartTime" in self._job:
                seconds = max(1, round(now - self._job["TrainingStartTime"]))
                self._job.update(TrainingTimeInSeconds=seconds, BillableTimeInSeconds=seconds)
            if reason:
                self._job["FailureReason"] = reason[:1024]
            enter(self._job, secondary)
            touch(self._job, TrainingJobStatus=status, TrainingEndTime=now)
            if status == "Completed":
                keep_warm(self._job)
