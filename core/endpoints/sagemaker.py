"""Endpoints on SageMaker: real-time, serverless, and with the text-embeddings-inference image.

What there is is asked of AWS, and what was meant lies in a folder of the workspace that is written first; so two apps on one
machine, an app that was killed, and an app on another machine all see the same, and none makes an endpoint twice.
"""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from core.aws import hosting, schedules, tags
from core.aws.account import Account
from core.aws.errors import AwsError
from core.aws.inventory import made_here
from core.aws.names import PREFIX, deployment_name
from core.endpoints import sagemaker_client
from core.endpoints.host import Deleted, DeploySpec, Endpoint
from core.endpoints.leftovers import Leftover, find_leftovers, remove_leftover
from core.endpoints.remembered import Incomplete
from core.endpoints.sagemaker_deploy import Deleted as DeletedMeanwhile
from core.endpoints.sagemaker_deploy import Deployment, log_end, size_of
from core.endpoints.sagemaker_folder import DeploymentFolder, all_folders, is_name
from core.endpoints.sagemaker_look import SERVING, kind_of, with_endpoint, without_endpoint
from core.endpoints.sagemaker_parts import BUSY, Traces, archive_bucket, delete_all, end_endpoint, left_of, patiently
from core.endpoints.sagemaker_view import LIST_FRESH, AccountView, Snapshot
from core.endpoints.spec import check_hours, check_spec
from core.errors import WorkbenchError
from core.models import ModelRef
from core.process import name_process
from core.workspace import Workspace, write_json


class SageMakerHost:
    """Serves models in one account and region. May be used by several threads.

    Args:
        workspace: where the intents are kept.
        account: where the endpoints are.

    Attributes:
        folders: where the intents for this account and region are kept.
    """

    def __init__(self, workspace: Workspace, account: Account):
        self.workspace = workspace
        self.account = account
        self._connection = account.connection
        self.folders = workspace.hosted / f"{account.connection.identity().account}-{account.connection.region}"
        self.folders.mkdir(parents=True, exist_ok=True)
        self._view = AccountView(account, self._unfinished)
        self._stamps: frozenset[tuple[str, int]] = frozenset()

    # ---- the protocol ---------------------------------------------------------------------------------------------

    def deploy(self, model: ModelRef, spec: DeploySpec, tell: Callable[[str], None]) -> Endpoint:
        """See ``Host.deploy``.

        A deployment that was cut off goes on from what is there; what failed or is wrong is deleted first.

        Raises:
            WorkbenchError: it cannot be begun; the same model is in service there with other settings, too.
        """
        check_spec(spec)
        if not self.account.role:
            raise WorkbenchError(
                "This cannot be deployed to SageMaker.", "There is no role that SageMaker may act in.",
                "Look at the connection to AWS, on the Endpoints tab or with “python -m core aws”.",
            )
        folder = self._folder(deployment_name(Path(model.name).name, self.account.owner, spec.on, model.digest))
        expires = None if spec.hours is None else time.time() + spec.hours * 3600
        if not self._begin(folder, model, spec, expires):
            return self._join(folder, tell)
        work = Deployment(self.account, self.workspace, folder, model, spec, expires, tell)
        try:
            state, why = work.run()
        except DeletedMeanwhile as error:
            self._end_with(folder, work, "Failed", str(error))  # by somebody who knows nothing of this folder
            raise
        except WorkbenchError as error:
            state, why = "Failed", str(error)
        except OSError as error:  # the disk is full
            state, why = "Failed", f"The system says: {error.strerror or error}."
        except BaseException as error:
            self._end_with(folder, work, "Failed", f"The deployment broke off: {error!r}.")
            raise
        if not self._end_with(folder, work, state, why):
            raise DeletedMeanwhile(f"{folder.name} was deleted while it was being deployed.")
        return self.find(folder.name)

    def embed(self, name: str, texts: Sequence[str]) -> np.ndarray:
        """See ``Host.embed``. Only endpoints that a workbench made are called."""
        if not is_name(name) or not name.startswith(PREFIX):
            raise self._no_such(name)
        try:
            return sagemaker_client.ask(self._connection, name, kind_of(name), texts)
        except AwsError as error:
            if error.kind != "gone":
                raise
        endpoint = self.find(name)
        raise WorkbenchError(f"{name} does not serve.", endpoint.why or f"Its state is “{endpoint.state}”.", "")

    def extend(self, name: str, hours: float) -> Endpoint:
        """See ``Host.extend``. The schedule is moved first: it would delete the endpoint whatever a tag says."""
        check_hours(hours)
        endpoint = self.find(name)
        if endpoint.whose == "foreign" or endpoint.state not in ("Starting", "Ready", "Wrong"):
            raise WorkbenchError(
                f"{name} cannot be extended.", endpoint.why or f"Its state is “{endpoint.state}”.", "Deploy it again."
            )
        found = hosting.describe_endpoint(self._connection, name)
        if found is None:
            raise WorkbenchError(f"{name} cannot be extended.", "Its endpoint is not there yet.", "Wait a moment.")
        expires = time.time() + hours * 3600
        if self.account.scheduler_role is not None:
            schedules.set_schedule(self._connection, name, expires, self.account.scheduler_role)
        else:
            self._unschedule(name)
        hosting.add_tags(self._connection, found.arn, {tags.EXPIRES: tags.expires_value(expires)})
        self._view.changed(name)
        return self.find(name)

    def log_tail(self, name: str) -> str:
        """See ``Host.log_tail``."""
        return log_end(self.account, self.find(name).name, 4000)

    def delete(self, name: str, tell: Callable[[str], None] = lambda _: None, *, unlocked: bool = False) -> Deleted:
        """See ``Host.delete``.

        Args:
            unlocked: an endpoint that no workbench made may be deleted, too. Of such a one the endpoint alone is: its
                configuration and model may serve others.

        Raises:
            WorkbenchError: there is no such endpoint, somebody deletes it already, or it is foreign.
        """
        folder = self._folder(name)
        found = hosting.describe_endpoint(self._connection, name)
        its_tags = hosting.tags_of(self._connection, found.arn) if found and name.startswith(PREFIX) else {}
        if found is not None and not tags.made_here(its_tags):
            return self._delete_foreign(name, tell, unlocked)
        if found is None and not folder.folder.exists() and not (name.startswith(PREFIX) and self._left(folder)):
            raise self._no_such(name)
        with folder.alone():
            if folder.is_deleted_now():
                raise WorkbenchError(f"{name} is being deleted already.", "", "Wait a moment.")
            traces, bucket = self._traces(folder), archive_bucket(self.account, name)
            if bucket is not None:
                traces = replace(traces, buckets=traces.buckets | {bucket})
            folder.folder.mkdir(exist_ok=True)
            about = {
                "buckets": sorted(traces.buckets), "began": time.time(), "model": its_tags.get(tags.RUN, ""),
                "whose": "mine" if not its_tags or tags.is_of(its_tags, self.account.owner) else "colleague",
            } | {key: value for key, value in folder.deleting().items() if key in ("model", "whose") and value}
            write_json(folder.deleting_file, {**about, "by": name_process(os.getpid())})
        deleted: list[str] = []
        left = ["perhaps everything: the deletion broke off"]
        try:
            deleted, left = delete_all(self.account, name, traces, tell)
        finally:
            if left:
                write_json(folder.deleting_file, {**about, "left": left})
                self._view.changed(name)
            else:
                self._view.gone(name)
                folder.forget()
        return Deleted(tuple(f"{what} of {name}" for what in deleted), tuple(left))

    def sweep(self) -> list[str]:
        """See ``Host.sweep``. Only one's own are swept: a colleague's app, or schedule, looks after theirs.

        Where a schedule has deleted an endpoint, what it left is deleted, whichever machine it was deployed from.
        """
        now, gone = time.time(), []
        self._forget_what_is_gone()
        over = {one.name for one in self.list_known() if one.whose == "mine" and one.expires is not None and one.expires <= now}
        there = self._view.last().endpoints
        for made in made_here(self._connection):
            expires = tags.expires_at(made.tags)
            if (
                made.kind in ("model", "endpoint-config") and tags.is_of(made.tags, self.account.owner)
                and made.name not in there and expires is not None and expires <= now
            ):
                over.add(made.name)
        for name in sorted(over):
            try:
                if self._is_over(name) and not self.delete(name).left:
                    gone.append(name)
            except AwsError:
                raise
            except WorkbenchError:  # somebody else deletes it already, or it is gone in this moment
                continue
        return gone

    # ---- beyond it ------------------------------------------------------------------------------------------------

    def list_known(self) -> list[Endpoint]:
        """What ``list`` gave last, with what this machine knows by itself; asks nobody."""
        folders = {folder.name: folder for folder in all_folders(self.folders)}
        seen = self._view.last()
        found = [
            with_endpoint(one, folders.get(name) or self._folder(name), self.account.owner)
            for name, one in seen.endpoints.items()
        ]
        found += [
            without_endpoint(folder, seen.left.get(name)) for name, folder in folders.items()
            if name not in seen.endpoints and self._is_told(folder, seen)
        ]
        return sorted(found, key=lambda endpoint: endpoint.created, reverse=True)

    def find(self, name: str) -> Endpoint:
        """The endpoint of that name, as it is now.

        Raises:
            WorkbenchError: there is none, or AWS cannot be asked.
        """
        if is_name(name):
            self._view.look(0.0)
            for endpoint in self.list_known():
                if endpoint.name == name:
                    return endpoint
        raise self._no_such(name)

    def leftovers(self) -> list[Leftover]:
        """What is left in the account that no endpoint needs, and no deployment on the list.

        Raises:
            AwsError: AWS cannot be reached; or Incomplete, where it refuses a part.
        """
        known = {folder.name for folder in all_folders(self.folders)}
        return find_leftovers(self.account, known, {path.name for path in self.workspace.runs.iterdir()})

    def remove(self, leftover: Leftover, tell: Callable[[str], None] = lambda _: None) -> None:
        """Remove what is left; it may be gone already.

        Raises:
            WorkbenchError: an endpoint needs it (again), AWS refuses, or cannot be reached.
        """
        remove_leftover(self.account, leftover, tell)

    # ---- inside ---------------------------------------------------------------------------------------------------

    def _folder(self, name: str) -> DeploymentFolder:
        if not is_name(name):
            raise self._no_such(name)
        return DeploymentFolder(self.folders / name)

    def _no_such(self, name: str) -> WorkbenchError:
        return WorkbenchError(
            f"There is no endpoint called “{name}” in the AWS account.", f"The region is {self._connection.region}.",
            "List the endpoints to see their names.",
        )

    def _traces(self, folder: DeploymentFolder) -> Traces:
        """What is known about where the deployment's parts may be."""
        known = {self.account.bucket, folder.intent().get("bucket"), *folder.deleting().get("buckets", [])}
        spec = folder.spec()
        scaled = kind_of(folder.name) != "serverless" and (spec is None or spec.scaling is not None)
        return Traces(frozenset(bucket for bucket in known if isinstance(bucket, str) and bucket), scaled)

    def _left(self, folder: DeploymentFolder) -> list[str]:
        return left_of(self.account, folder.name, self._traces(folder))

    def _unfinished(self) -> dict[str, Traces]:
        """The deployments that nobody works on, as the view wants them."""
        return {
            folder.name: self._traces(folder) for folder in all_folders(self.folders)
            if not folder.is_deployed_now() and not folder.is_deleted_now()
        }

    @staticmethod
    def _is_told(folder: DeploymentFolder, seen: Snapshot) -> bool:
        """Whether a deployment without an endpoint is on the list: not if its endpoint is newer than what AWS has said."""
        try:
            ended = folder.outcome_file.stat().st_mtime
        except FileNotFoundError:
            return True
        return folder.outcome().get("state") == "Failed" or folder.deleting_file.exists() or seen.at > ended

    def _begin(self, folder: DeploymentFolder, model: ModelRef, spec: DeploySpec, expires: float | None) -> bool:
        """Write down the intent; False where that model is in service already, or another process is at it.

        Raises:
            WorkbenchError: it is there with other settings, it is being deleted, or AWS cannot be asked.
        """
        while True:
            with folder.alone():
                if folder.is_deleted_now():
                    raise WorkbenchError(f"{folder.name} is being deleted.", "", "Wait for that, then deploy it again.")
                if folder.is_deployed_now():
                    return False
                found = patiently(lambda: hosting.describe_endpoint(self._connection, folder.name))
                there = found if found is not None and found.status in (*SERVING, *BUSY) else None
                half_deleted = folder.deleting_file.exists()
                checked = hosting.tags_of(self._connection, there.arn).get(tags.CHECKED) if there else None
                if there and not half_deleted:
                    self._check_settings(folder, spec, there.config)
                    if checked == tags.READY:
                        return False
                if not half_deleted and (found is None or (there and checked is None)):
                    folder.begin(model, spec, self.account.bucket, expires if found is None else self._expires(found.arn))
                    return True
            left = self.delete(folder.name).left
            if left:
                raise WorkbenchError(
                    f"{folder.name} cannot be deployed anew.", f"Of the one before is still there: {'; '.join(left)}.", ""
                )

    def _expires(self, arn: str) -> float | None:
        return tags.expires_at(hosting.tags_of(self._connection, arn))

    def _check_settings(self, folder: DeploymentFolder, spec: DeploySpec, config: str) -> None:
        """Refuse a deployment of a model that is in service with other settings.

        Raises:
            WorkbenchError: they are others.
        """
        size, kept = hosting.describe_config(self._connection, config), folder.spec()
        if size == size_of(spec) and (kept is None or kept.scaling == spec.scaling):
            return
        raise WorkbenchError(
            f"{folder.name} is there already with other settings.",
            "A model has one endpoint of a kind, and this one runs on something else than was chosen now.",
            "Delete it, then deploy the model again.",
        )

    def _join(self, folder: DeploymentFolder, tell: Callable[[str], None]) -> Endpoint:
        """Wait for the end of a deployment that somebody else began."""
        busy = folder.is_deployed_now()
        tell("It is being deployed already; waiting for that" if busy else "It is in service already")
        while folder.is_deployed_now():
            time.sleep(0.2)
        return self.find(folder.name)

    def _end_with(self, folder: DeploymentFolder, work: Deployment, state: str, why: str) -> bool:
        """Write down how the deployment ended; False where it was deleted meanwhile."""
        with folder.alone():
            self._view.changed(folder.name)
            if folder.deleting_file.exists() or folder.intent() != work.intent:
                return False
            write_json(folder.outcome_file, {"state": state, "why": why})
            return True

    def _unschedule(self, name: str) -> None:
        """Delete a schedule from before: without the role it cannot be moved. Who may not look has not made one either."""
        try:
            schedules.delete_schedule(self._connection, name)
        except AwsError as error:
            if error.kind != "denied":
                raise

    def _delete_foreign(self, name: str, tell: Callable[[str], None], unlocked: bool) -> Deleted:
        if not unlocked:
            raise WorkbenchError(
                f"{name} was not made by a workbench, and is left alone.", "Somebody else may need it.",
                "Delete it in the AWS console, or unlock it by its name on the Endpoints tab.",
            )
        tell("Deleting the endpoint")
        end_endpoint(self.account, name, tell)
        self._view.gone(name)
        return Deleted((f"The endpoint of {name}",), ())

    def _is_over(self, name: str) -> bool:
        """Whether its time is over by what AWS says now: it may have been extended elsewhere."""
        found = hosting.describe_endpoint(self._connection, name)
        if found is None:
            return not self._folder(name).is_deployed_now()
        expires = self._expires(found.arn)
        return expires is not None and expires <= time.time()

    def _forget_what_is_gone(self) -> None:
        """Remove the folders of deployments that were ready and of which nothing is left: deleted from another machine."""
        seen = self._view.look()
        for folder in all_folders(self.folders):
            over = folder.outcome().get("state") in ("Ready", "Wrong") and not folder.deleting_file.exists()
            if over and folder.name not in seen.endpoints and self._is_told(folder, seen):
                with folder.alone():
                    if not folder.is_deployed_now() and not self._left(folder):
                        folder.forget()

    # last, because below it the word list would mean this method
    def list(self, fresh: float = LIST_FRESH) -> list[Endpoint]:
        """See ``Host.list``: every endpoint of the account in this region, those that no workbench made among them.

        Args:
            fresh: seconds for which AWS's last answer is good.

        Raises:
            AwsError: AWS refuses, or cannot be reached; or Incomplete, where it refuses a part.
        """
        stamps = frozenset((folder.name, folder.changed()) for folder in all_folders(self.folders))
        seen = self._view.look(fresh if stamps == self._stamps else 0.0)  # another app has done something meanwhile
        self._stamps = stamps
        if seen.unread:
            raise Incomplete(self.list_known(), seen.unread)
        return self.list_known()
