"""The steps that bring a model into service on SageMaker. Each may be made again, and goes on from what is there."""

import contextlib
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from core.aws import buckets, hosting, logs, scaling, schedules, tags
from core.aws.account import Account
from core.aws.errors import AwsError
from core.aws.failures import explain_failure
from core.aws.hosting import Container, Described, Machines, ModelRefused, Serverless
from core.aws.images import inference_image, tei_image
from core.aws.policy import ENDPOINT_LOGS
from core.endpoints import sagemaker_client
from core.endpoints.archive import pack
from core.endpoints.host import DeploySpec, State
from core.endpoints.sagemaker_folder import DeploymentFolder
from core.endpoints.sagemaker_look import SERVING
from core.endpoints.sagemaker_parts import BUSY, archive_folder, patiently
from core.endpoints.smoke import SENTENCES, difference, own_vectors
from core.errors import WorkbenchError
from core.models import ModelRef
from core.workspace import Workspace

#: Seconds in which an endpoint must be in service: SageMaker itself gives up after half an hour.
_STARTING = 3600.0
#: Seconds between two looks at it: in the first minute, and later.
_LOOK_EVERY, _LATER = 1.0, 5.0
#: Seconds for which the wait goes on while AWS cannot be asked.
_PATIENCE = 600.0
#: Seconds between two words about the wait.
_SAY_EVERY = 60.0
#: Seconds in which the smoke call must get through, and between two of them: a container that answers its ping may still be
#: loading the model, and a serverless one is still to come.
_ANSWERING, _CALL_PAUSE = 180.0, 3.0
#: Characters of the log that are told with an endpoint that is wrong or has failed.
LOG_END = 1500


class Deleted(WorkbenchError):
    """The deployment was deleted while it was being made."""


def size_of(spec: DeploySpec) -> Machines | Serverless:
    """What a deployment runs on."""
    if spec.on == "serverless":
        return Serverless(spec.memory_mb, spec.concurrency)
    return Machines(spec.instance_type, spec.count)


def log_end(account: Account, name: str, characters: int) -> str:
    """The end of what an endpoint's containers wrote.

    Raises:
        AwsError: AWS refuses, or cannot be reached.
    """
    lines = logs.tail(account.connection, f"{ENDPOINT_LOGS}{name}", "", 60)
    return "\n".join(line.text for line in lines)[-characters:].strip()


class Deployment:
    """One model on its way into service.

    Args:
        account: where.
        workspace: where vectors of the model itself are kept.
        folder: the intent, which is written already.
        model: what is deployed.
        spec: with what.
        expires: when it deletes itself, in seconds since 1970; None for never.
        tell: takes each step, in words.
    """

    def __init__(
        self, account: Account, workspace: Workspace, folder: DeploymentFolder, model: ModelRef, spec: DeploySpec,
        expires: float | None, tell: Callable[[str], None],
    ):
        self._account = account
        self._connection = account.connection
        self._workspace = workspace
        self._folder = folder
        self._name = folder.name
        self._model = model
        self._spec = spec
        self._expires = expires
        self._tell = tell
        self._tags = tags.make_tags("endpoint", account.owner, model.name, expires)
        self.intent = folder.intent()  # another one there later means that this deployment was deleted

    def run(self) -> tuple[State, str]:
        """Do it; returns the state it ended with, and why.

        Raises:
            WorkbenchError: it could not be done.
            Deleted: somebody deletes it meanwhile.
        """
        if patiently(lambda: hosting.describe_endpoint(self._connection, self._name)) is None:
            self._create()
        else:
            self._tell("It is there already: going on from that")
        own = own_vectors(self._model, self._workspace)
        found = self._wait()
        if found.status not in SERVING:
            return "Failed", " ".join(explain_failure(found.reason)) + self._log()
        self._scale()
        return self._check(found, own)

    def _create(self) -> None:
        """The parts, and last the endpoint: from then on it costs money."""
        connection, name = self._connection, self._name
        archive = f"{archive_folder(self._account.bucket, name)}model.tar.gz"
        self._upload(archive)
        container = Container(self._image(), archive, {"HF_MODEL_ID": "/opt/ml/model"} if self._spec.on == "tei" else {})
        self._tell("Creating the model")
        self._make(
            lambda: hosting.create_model(connection, name, container, self._account.role, self._tags),
            lambda: hosting.describe_model(connection, name) == container, lambda: hosting.delete_model(connection, name),
        )
        size = size_of(self._spec)
        self._tell("Creating the endpoint's configuration")
        self._make(
            lambda: hosting.create_config(connection, name, size, self._tags),
            lambda: hosting.describe_config(connection, name) == size, lambda: hosting.delete_config(connection, name),
        )
        self._schedule()
        self._tell("Creating the endpoint")
        with self._ours():
            try:
                hosting.create_endpoint(connection, name, self._tags)
            except AwsError as error:
                if error.kind != "exists":  # created by a request whose answer was lost
                    raise

    @contextlib.contextmanager
    def _ours(self) -> Iterator[None]:
        """Nobody begins to delete the deployment meanwhile.

        Raises:
            Deleted: somebody has.
        """
        with self._folder.alone():
            if self._folder.deleting_file.exists() or self._folder.intent() != self.intent:
                raise Deleted(f"{self._name} was deleted while it was being deployed.")
            yield

    def _upload(self, archive: str) -> None:
        with tempfile.TemporaryDirectory(prefix=".new-", dir=self._workspace.hosted) as scratch:
            path = Path(scratch) / "model.tar.gz"
            self._tell("Packing the model")
            pack(self._model, path, for_tei=self._spec.on == "tei")
            self._tell(f"Uploading its archive, {path.stat().st_size / 2**20:,.1f} MB")
            buckets.upload(self._connection, path, archive, _Tenths(self._tell))
        try:
            with self._ours():
                pass
        except Deleted:  # before the archive was there, so that nobody else deletes it
            if not self._folder.intent_file.exists():
                buckets.delete_prefix(self._connection, archive.rpartition("/")[0] + "/")
            raise

    def _image(self) -> str:
        region = self._connection.region
        if self._spec.on == "tei":
            return tei_image(region, self._spec.instance_type)
        return inference_image(region, self._spec.instance_type) if self._spec.on == "sagemaker" else inference_image(region)

    def _make(self, create: Callable[[], None], is_right: Callable[[], bool], delete: Callable[[], object]) -> None:
        """Create one part; one of that name that is there already stays if it is the same, and is replaced otherwise."""
        with self._ours():
            try:
                create()
            except AwsError as error:
                if error.kind != "exists":
                    raise
                if not is_right():
                    delete()
                    create()

    def _schedule(self) -> None:
        """Have it deleted with the app closed. It is set before there is an endpoint, so that none is left without."""
        role = self._account.scheduler_role
        if self._expires is None or role is None:
            return
        self._tell("Setting the time at which it deletes itself")
        with self._ours():
            try:
                schedules.set_schedule(self._connection, self._name, self._expires, role)
            except AwsError as error:
                self._tell(f"{error} It deletes itself only while a workbench runs.")

    def _wait(self) -> Described:
        """The endpoint, as soon as SageMaker is done with it.

        Raises:
            WorkbenchError: it takes too long, it is gone, or AWS cannot be asked.
        """
        self._tell("Waiting until SageMaker has started it, which takes some minutes")
        began = asked = said = time.monotonic()
        while (now := time.monotonic()) < began + _STARTING:
            try:
                found = hosting.describe_endpoint(self._connection, self._name)
            except AwsError as error:
                if error.kind not in ("throttled", "unreachable") or now > asked + _PATIENCE:
                    raise
            else:
                asked = now
                if self._folder.deleting_file.exists() or found is None or found.status == "Deleting":
                    raise Deleted(f"{self._name} was deleted while it was being deployed.")
                if found.status not in BUSY:
                    return found
            if now > said + _SAY_EVERY:
                said = now
                self._tell(f"SageMaker is still starting it: {(now - began) / 60:.0f} minutes so far")
            time.sleep(_LOOK_EVERY if now < began + 60 else _LATER)
        raise WorkbenchError(
            f"{self._name} is not in service after {_STARTING / 3600:.0f} hour.", "SageMaker does not say why.",
            "Delete it, then deploy it again.",
        )

    def _scale(self) -> None:
        wanted = self._spec.scaling
        if wanted is not None:
            self._tell("Letting the number of instances follow the calls")
            with self._ours():
                scaling.set_scaling(self._connection, self._name, wanted.least, wanted.most, wanted.calls_a_minute)

    def _check(self, found: Described, own: np.ndarray) -> tuple[State, str]:
        """The smoke call, and the tag that tells other machines what it gave."""
        self._tell("Asking it for two sentences, to compare with the model's own vectors")
        wrong, refused, end = "", False, time.monotonic() + _ANSWERING
        while True:
            try:
                vectors = sagemaker_client.ask(self._connection, self._name, self._spec.on, SENTENCES)
                wrong, refused = difference(vectors, own), False
                break
            except WorkbenchError as error:
                wrong, refused = str(error), isinstance(error, AwsError)
                if not _may_pass(error) or time.monotonic() > end or self._folder.deleting_file.exists():
                    break
            time.sleep(_CALL_PAUSE)
        if refused:  # that says nothing of its vectors: it bears no tag, and deploying again makes the call again
            return "Wrong", f"Its vectors could not be checked. {wrong} Deploy it again, which checks them."
        with self._ours():
            try:
                hosting.add_tags(self._connection, found.arn, {tags.CHECKED: tags.WRONG if wrong else tags.READY})
            except AwsError as error:
                self._tell(f"{error} Other machines will not know that it was checked.")
        if wrong:
            return "Wrong", wrong + self._log()
        self._tell("Its vectors are the model's own: it is ready")
        return "Ready", ""

    def _log(self) -> str:
        """The end of its log as a part of a sentence's end; "" where there is none to be had."""
        try:
            text = log_end(self._account, self._name, LOG_END)
        except AwsError:
            return ""
        return f" Its log ends with:\n{text}" if text else ""


def _may_pass(error: WorkbenchError) -> bool:
    """Whether a call that failed may get through a moment later."""
    if isinstance(error, ModelRefused):
        return not 400 <= error.status < 500
    return isinstance(error, AwsError) and error.kind in ("throttled", "unreachable", "gone", "refused")


class _Tenths:
    """Tells how far an upload is, at every tenth but no more often than every two seconds."""

    def __init__(self, tell: Callable[[str], None]):
        self._tell, self._said, self._at = tell, 0, time.monotonic()

    def __call__(self, done: int, everything: int) -> None:
        tenth, now = 10 * done // max(1, everything), time.monotonic()
        if self._said < tenth < 10 and now - self._at > 2:
            self._said, self._at = tenth, now
            self._tell(f"Uploaded {tenth * 10} % of it")
