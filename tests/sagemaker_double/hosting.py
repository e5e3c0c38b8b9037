"""One endpoint that really serves: from its configuration to a model server, and what becomes of it."""

import http.client
import tarfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.sagemaker_double.account import ACCOUNT_ID, Record, Region, touch
from tests.sagemaker_double.errors import ServiceError
from tests.sagemaker_double.models import find_config, find_model
from tests.sagemaker_double.serving import ModelServer, start_server
from tests.sagemaker_double.storage import LogStream, split_uri

if TYPE_CHECKING:
    from tests.sagemaker_double.server import Double

#: How long a server may take until its ping is answered (seconds; the real service waits some 24 minutes).
HEALTH_LIMIT = 90

#: How long a request may take, as in the real service (seconds).
REQUEST_LIMIT = 60

CAPACITY = (
    "Unable to provision requested ML compute capacity due to InsufficientInstanceCapacity error. Please retry using a "
    "different ML instance type or after some time."
)


class HostingFailed(Exception):
    """Ends a start; its text is the FailureReason."""


class Hosting:
    """The servers of one endpoint; the first variant's answers for all."""

    def __init__(self, double: "Double", region: Region, endpoint: Record):
        self.key = (region.name, endpoint["EndpointName"])
        self._double = double
        self._region = region
        self._endpoint = endpoint
        self._server: ModelServer | None = None  # the one that answers
        self._servers: list[ModelServer] = []  # all that were started
        self._log: LogStream | None = None
        self._starts = 0
        self._closed = False

    def start(self) -> None:
        """Bring the endpoint's configuration into service."""
        self._thread(self._create)

    def replace(self, config: str) -> None:
        """Bring another configuration into service and end the old one's server."""
        self._thread(self._replace, config)

    def delete(self) -> None:
        """End the server and forget the endpoint."""
        if self._double.faults.of_resource("failed-deletion", self.key[1]):
            touch(self._endpoint, EndpointStatus="Failed", FailureReason="Request to service failed. Please try again.")
        else:
            self._thread(self._delete)

    def close(self) -> None:
        """The double is ending: so does the server."""
        with self._double.account.lock:
            self._closed = True
        for server in self._servers:
            server.close()

    def _thread(self, target, *arguments) -> None:
        threading.Thread(target=target, args=arguments, daemon=True).start()

    def _create(self) -> None:
        try:
            server, variants = self._bring_up(self._endpoint["EndpointConfigName"])
        except HostingFailed as failure:
            touch(self._endpoint, EndpointStatus="Failed", FailureReason=str(failure)[:1024])
        else:
            with self._double.account.lock:
                self._server = server
                touch(self._endpoint, EndpointStatus="InService", ProductionVariants=variants)

    def _replace(self, config: str) -> None:
        try:
            server, variants = self._bring_up(config)
        except HostingFailed as failure:
            touch(self._endpoint, EndpointStatus="InService", FailureReason=str(failure)[:1024])
            return
        with self._double.account.lock:
            old, self._server = self._server, server
            self._endpoint.pop("FailureReason", None)
            touch(self._endpoint, EndpointStatus="InService", EndpointConfigName=config, ProductionVariants=variants)
        if old is not None:
            old.close()

    def _delete(self) -> None:
        self.close()
        with self._double.account.lock:
            self._region.endpoints.pop(self.key[1], None)
            self._region.tags.pop(self._endpoint["EndpointArn"], None)
        self._double.forget(self)
        if self._log is not None:
            self._log.close()

    def _bring_up(self, config: str) -> tuple[ModelServer, list[Record]]:
        """A server whose ping is answered, and the variants as a description has them.

        Raises:
            HostingFailed: there is no capacity, no archive, or no answer to the ping.
        """
        name = self.key[1]
        if self._double.faults.of_resource("insufficient-capacity", name):
            raise HostingFailed(CAPACITY)
        if fault := self._double.faults.of_resource("never-starts", name):
            fault.over.wait()
        try:
            variants = find_config(self._region, config)["ProductionVariants"]
            model = find_model(self._region, variants[0]["ModelName"])
        except ServiceError as error:
            raise HostingFailed(error.message) from None
        container = model.get("PrimaryContainer") or model["Containers"][0]
        self._starts += 1
        folder = self._double.folder / "hosting" / self._region.name / f"{name}-{self._starts}"
        self._unpack(container.get("ModelDataUrl"), folder)
        logs = self._double.clients.get("logs", self._region.name)
        variant = variants[0]["VariantName"]
        self._log = LogStream(logs, f"/aws/sagemaker/Endpoints/{name}", f"{variant}/i-{int(time.time() * 1e6):017x}")
        with self._double.account.lock:  # a server is started before the end or not at all
            if self._closed:
                raise HostingFailed("The double is ending.")
            server = start_server(container, folder, self._log.write)
            self._servers.append(server)
        if not self._healthy(server):
            server.close()
            raise HostingFailed(
                f"The primary container for production variant {variant} did not pass the ping health check. "
                "Please check CloudWatch logs for this endpoint."
            )
        return server, [_described(entry, container["Image"]) for entry in variants]

    def _unpack(self, uri: str | None, folder: Path) -> None:
        model = folder / "ml" / "model"
        model.mkdir(parents=True, exist_ok=True)
        if uri is None:
            return
        try:
            self._double.clients.get("s3", self._region.name).download_file(*split_uri(uri), str(folder / "model.tar.gz"))
            with tarfile.open(folder / "model.tar.gz") as tar:
                tar.extractall(model, filter="data")
        except Exception as error:  # gone meanwhile, or no archive: the real service fails the same way later
            raise HostingFailed(f"Failed to extract model data archive from URL \"{uri}\": {error}") from error

    def _healthy(self, server: ModelServer) -> bool:
        if self._double.faults.of_resource("failed-health-check", self.key[1]):
            return False
        end = time.monotonic() + HEALTH_LIMIT
        while time.monotonic() < end and server.alive() and not self._closed:
            try:
                if _request(server.port, "GET", "/ping", timeout=2)[0] == 200:
                    return True
            except OSError:
                pass
            time.sleep(0.2)
        return False

    @property
    def variant(self) -> str:
        """The name of the variant that answers."""
        return self._endpoint["ProductionVariants"][0]["VariantName"]

    def invoke(self, body: bytes, content_type: str, accept: str) -> tuple[bytes, str]:
        """Ask the model: the answer and its content type.

        Raises:
            ServiceError: the model answered with an error (ModelError), or not in time, or there is no server yet.
        """
        if self._server is None:
            raise not_found(self.key[1])
        headers = {"Content-Type": content_type, "Accept": accept}
        started = time.monotonic()
        try:
            status, answer, answer_type = _request(
                self._server.port, "POST", "/invocations", body, headers, timeout=REQUEST_LIMIT
            )
        except OSError:
            text = "Your invocation timed out while waiting for a response from container primary."
            status, answer, answer_type = 0, text.encode(), ""
        self._count(status, time.monotonic() - started)
        if status == 200:
            return answer, answer_type
        text = answer.decode(errors="replace")
        side = "client" if 400 <= status < 500 else "server"
        group = f"/aws/sagemaker/Endpoints/{self.key[1]}"
        raise ServiceError(
            "ModelError",
            f'Received {side} error ({status}) from primary with message "{text}". See CloudWatch log group {group} in '
            f"account {ACCOUNT_ID} for more information.",
            424, OriginalStatusCode=status, OriginalMessage=text,
            LogStreamArn=f"arn:aws:logs:{self.key[0]}:{ACCOUNT_ID}:log-group:{group}",
        )

    def _count(self, status: int, seconds: float) -> None:
        """Tell CloudWatch, as the real service does."""
        from moto.cloudwatch.models import cloudwatch_backends
        from moto.core.utils import utcnow

        dimensions = [{"Name": "EndpointName", "Value": self.key[1]}, {"Name": "VariantName", "Value": self.variant}]
        values = {
            "Invocations": (1, "None"), "Invocation4XXErrors": (int(400 <= status < 500), "None"),
            "Invocation5XXErrors": (int(status >= 500), "None"), "ModelLatency": (seconds * 1e6, "Microseconds"),
        }
        cloudwatch_backends[ACCOUNT_ID][self.key[0]].put_metric_data(
            "AWS/SageMaker",
            [
                {"MetricName": name, "Value": value, "Unit": unit, "Dimensions": dimensions, "Timestamp": utcnow()}
                for name, (value, unit) in values.items()
            ],
        )


def not_found(name: str) -> ServiceError:
    """What InvokeEndpoint says of an endpoint that is not in service."""
    return ServiceError("ValidationError", f"Endpoint {name} of account {ACCOUNT_ID} not found.")


def _described(variant: Record, image: str) -> Record:
    described = {
        "VariantName": variant["VariantName"], "CurrentWeight": variant["InitialVariantWeight"],
        "DesiredWeight": variant["InitialVariantWeight"],
        "DeployedImages": [{"SpecifiedImage": image, "ResolvedImage": image, "ResolutionTime": time.time()}],
    }
    if "ServerlessConfig" in variant:
        serverless = variant["ServerlessConfig"]
        return {**described, "CurrentServerlessConfig": serverless, "DesiredServerlessConfig": serverless}
    count = variant["InitialInstanceCount"]
    return {**described, "CurrentInstanceCount": count, "DesiredInstanceCount": count}


def _request(
    port: int, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None, *, timeout: float
) -> tuple[int, bytes, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read(), answer.headers.get("Content-Type", "application/json")
    except http.client.HTTPException as error:
        raise OSError(str(error)) from error
    finally:
        connection.close()
