"""This machine and, where there is an account, SageMaker, as one place that serves models."""

import threading
from collections.abc import Callable, Sequence

import numpy as np

from core.aws.account import Account
from core.endpoints.folder import all_endpoints
from core.endpoints.host import Deleted, DeploySpec, Endpoint
from core.endpoints.leftovers import Leftover
from core.endpoints.local import LocalHost
from core.endpoints.remembered import Remembered
from core.endpoints.sagemaker import SageMakerHost
from core.endpoints.sagemaker_folder import all_folders
from core.endpoints.sagemaker_view import LIST_FRESH
from core.errors import WorkbenchError
from core.models import ModelRef
from core.rights import recorded
from core.workspace import Workspace

#: Seconds for which the list of leftovers is good: it takes a dozen requests.
_LEFTOVERS_FRESH = 60.0


class Hosts:
    """Routes by where an endpoint is: a deployment by its kind, everything else by its name.

    What is on this machine is told at once, whatever AWS does: AWS is asked by another thread, and until it has answered the
    list has what it said last. May be used by several threads.

    Args:
        workspace: whose endpoints.
        account: gives the account to deploy in, or None where there is none (yet); is called often and must ask nobody.

    Attributes:
        local: the endpoints of this machine.
    """

    def __init__(self, workspace: Workspace, account: Callable[[], Account | None]):
        self.workspace = workspace
        self.local = LocalHost(workspace)
        self._account = account
        self._lock = threading.Lock()
        self._there: _There | None = None

    @property
    def sagemaker(self) -> SageMakerHost | None:
        """The endpoints of the account; None where there is no account."""
        there = self._of_account()
        return there.host if there else None

    @property
    def trouble(self) -> WorkbenchError | None:
        """Why AWS could not be asked last, where it could not: the list may be old then, or lack what is there."""
        there = self._of_account()
        return there.looked.trouble or there.leftovers.trouble if there else None

    @property
    def heard(self) -> float | None:
        """When AWS said last what runs there, in seconds since 1970; None where it has not, or nobody is connected."""
        there = self._of_account()
        return there.looked.heard if there else None

    def refresh(self) -> None:
        """Ask AWS and wait for its answer; what it does not answer is in ``trouble``."""
        if there := self._of_account():
            there.looked.now()

    def deploy(self, model: ModelRef, spec: DeploySpec, tell: Callable[[str], None]) -> Endpoint:
        """See ``Host.deploy``.

        Raises:
            WorkbenchError: it cannot be begun; there is no account, for one.
        """
        with recorded(self.workspace, "deploy", model.name, costs=spec.on != "here", on=spec.on, hours=spec.hours) as entry:
            endpoint = self._deploy(model, spec, tell)
            entry |= {"endpoint": endpoint.name, "dollars_an_hour": endpoint.an_hour, "state": endpoint.state}
        return endpoint

    def _deploy(self, model: ModelRef, spec: DeploySpec, tell: Callable[[str], None]) -> Endpoint:
        if spec.on == "here":
            return self.local.deploy(model, spec, tell)
        host = self.sagemaker
        if host is None:
            raise WorkbenchError(
                "This cannot be deployed to SageMaker.", "There is no connection to an AWS account.",
                "Make one on the Endpoints tab or with “python -m core aws”, or deploy it here.",
            )
        return host.deploy(model, spec, tell)

    def embed(self, name: str, texts: Sequence[str]) -> np.ndarray:
        """See ``Host.embed``."""
        return self._host(name).embed(name, texts)

    def extend(self, name: str, hours: float) -> Endpoint:
        """See ``Host.extend``."""
        host = self._host(name)
        there = host is not self.local
        with recorded(self.workspace, "extend", name, costs=there, hours=hours) as entry:
            endpoint = host.extend(name, hours)
            entry |= {"dollars_an_hour": endpoint.an_hour}
        return endpoint

    def log_tail(self, name: str) -> str:
        """See ``Host.log_tail``."""
        return self._host(name).log_tail(name)

    def token(self, name: str) -> str:
        """What a program has to show to an endpoint of this machine; AWS has credentials for that.

        Raises:
            WorkbenchError: there is no such endpoint on this machine.
        """
        return self.local.token(name)

    def delete(self, name: str, tell: Callable[[str], None] = lambda _: None, *, unlocked: bool = False) -> Deleted:
        """See ``Host.delete``, and ``SageMakerHost.delete`` for ``unlocked``."""
        host = self._host(name)
        there = host if isinstance(host, SageMakerHost) else None
        with recorded(self.workspace, "delete", name, costs=there is not None) as entry:
            deleted = there.delete(name, tell, unlocked=unlocked) if there else host.delete(name, tell)
            entry |= {"left": len(deleted.left)}
        return deleted

    def sweep(self) -> list[str]:
        """See ``Host.sweep``. Those of this machine are swept whatever AWS does.

        Raises:
            WorkbenchError: AWS cannot be asked.
        """
        gone = self.local.sweep()
        host = self.sagemaker
        return gone + (host.sweep() if host else [])

    def out_of_sight(self) -> dict[str, list[str]]:
        """Deployments of this workspace that are not on the list, as they are in another account or region than the one that
        is connected now: their names, by account and region ("123456789012-us-east-1"). They may cost money."""
        host = self.sagemaker
        shown = host and host.folders.name
        found = {
            parent.name: [folder.name for folder in all_folders(parent)]
            for parent in sorted(self.workspace.hosted.glob("[0-9]*-*")) if parent.name != shown
        }
        return {where: names for where, names in found.items() if names}

    def leftovers(self) -> list[Leftover]:
        """What is left in the account that no endpoint needs, as it was a minute ago at most; asks nobody itself."""
        there = self._of_account()
        return there.leftovers.last() if there else []

    def find_leftovers(self) -> list[Leftover]:
        """The same as it is now: asks AWS and waits for its answer; what it does not answer is in ``trouble``."""
        there = self._of_account()
        return there.leftovers.now() if there else []

    def remove(self, leftover: Leftover, tell: Callable[[str], None] = lambda _: None) -> None:
        """Remove what is left.

        Raises:
            WorkbenchError: an endpoint needs it (again), AWS refuses, or cannot be reached.
        """
        if there := self._of_account():
            with recorded(self.workspace, "remove", f"{leftover.kind} {leftover.name}", costs=True):
                there.host.remove(leftover, tell)
            there.leftovers.now()

    def _host(self, name: str) -> LocalHost | SageMakerHost:
        """Where the endpoint of that name is; this machine answers for names that are nowhere."""
        host = self.sagemaker
        if host is None or any(folder.name == name for folder in all_endpoints(self.workspace)):
            return self.local
        return host

    def _of_account(self) -> "_There | None":
        account = self._account()
        with self._lock:
            if account is None:
                self._there = None
            elif self._there is None or self._there.host.account != account:
                self._there = _There(SageMakerHost(self.workspace, account))
            return self._there

    # last, because below it the word list would mean this method
    def list(self) -> list[Endpoint]:
        """See ``Host.list``: those of this machine as they are, those of the account as AWS said last. Waits for nobody."""
        found = self.local.list()
        if there := self._of_account():
            there.looked.last()
            found += there.host.list_known()
        return sorted(found, key=lambda endpoint: endpoint.created, reverse=True)


class _There:
    """A host in an account, and what it said last."""

    def __init__(self, host: SageMakerHost):
        self.host = host
        self.looked: Remembered[list[Endpoint]] = Remembered(lambda: host.list(0.0), LIST_FRESH, [])
        self.leftovers: Remembered[list[Leftover]] = Remembered(host.leftovers, _LEFTOVERS_FRESH, [])
