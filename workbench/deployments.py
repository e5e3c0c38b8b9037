"""What the server does to endpoints on a page's behalf: deploying and deleting go on when the page is closed.

Which endpoints there are is never remembered here: the host's list says so. What is kept, for as long as the server
runs, is what no list can say: the step that is being done, and how the last deployment or deletion ended.
"""

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Literal

from core.endpoints.host import DeploySpec, Endpoint
from core.endpoints.local import LocalHost
from core.errors import WorkbenchError
from core.models import ModelRef, resolve
from core.workspace import Workspace

log = logging.getLogger(__name__)

#: Each page asks once a second; the host is asked at most this often, in seconds.
_FRESH = 0.7


@dataclass(frozen=True)
class Task:
    """A deployment or deletion, under way or over.

    Attributes:
        kind: which of the two.
        subject: the model that is deployed, or the endpoint that is deleted.
        began, ended: seconds since 1970; ``ended`` is None while it goes on.
        steps: what has been done so far, in words; while it goes on the last one is being done.
        trouble: why it failed, if it did.
    """

    kind: Literal["deploy", "delete"]
    subject: str
    began: float
    ended: float | None = None
    steps: tuple[str, ...] = ()
    trouble: WorkbenchError | None = None


class Deployments:
    """The endpoints of this machine, and what is being done to them."""

    def __init__(self, workspace: Workspace, host: LocalHost):
        self.workspace = workspace
        self.host = host
        self._lock = threading.Lock()
        self._tasks: dict[tuple[str, str], Task] = {}
        self._listed: tuple[float, list[Endpoint]] = (0.0, [])

    def endpoints(self) -> list[Endpoint]:
        """What the host lists, at most ``_FRESH`` seconds old."""
        with self._lock:
            at, listed = self._listed
        if time.monotonic() - at > _FRESH:
            return self.look_again()
        return listed

    def look_again(self) -> list[Endpoint]:
        """What the host lists now."""
        listed = self.host.list()
        with self._lock:
            self._listed = (time.monotonic(), listed)
        return listed

    def find(self, name: str) -> Endpoint:
        """The listed endpoint of that name: every name that a page sends is checked here.

        Raises:
            WorkbenchError: there is none.
        """
        for one in self.look_again():
            if one.name == name:
                return one
        raise WorkbenchError(f"There is no endpoint called “{name}”.", "It may have been deleted meanwhile.", "Look at the list.")

    def token(self, name: str) -> str:
        """What a program has to show to the endpoint; for its owner's eyes, and only when asked for.

        Raises:
            WorkbenchError: there is no such endpoint.
        """
        return self.host.token(self.find(name).name)

    def recent(self, kind: Literal["deploy", "delete"]) -> list[Task]:
        """What a page shows of one kind, in order: all that goes on, and what is over unless the other kind began since."""
        with self._lock:
            tasks = sorted(self._tasks.values(), key=lambda task: task.began)
        since = max((task.began for task in tasks if task.kind != kind), default=0.0)
        return [task for task in tasks if task.kind == kind and (task.ended is None or task.began > since)]

    def deploy(self, model: str, spec: DeploySpec) -> None:
        """Have ``model`` (a name that ``core.models.resolve`` knows) deployed; returns at once.

        Raises:
            WorkbenchError: it is being deployed already, or there is no such model.
        """
        ref = resolve(model, self.workspace)
        self._start("deploy", model, lambda tell: self._deploy(ref, spec, tell))

    def _deploy(self, ref: ModelRef, spec: DeploySpec, tell: Callable[[str], None]) -> None:
        endpoint = self.host.deploy(ref, spec, tell)
        if endpoint.state != "Ready":
            what = "is in service, but its vectors are wrong" if endpoint.state == "Wrong" else "is not in service"
            raise WorkbenchError(f"{endpoint.name} {what}.", endpoint.why, "Delete it, then deploy the model again.")

    def extend(self, endpoint: Endpoint, hours: float) -> None:
        """Let the endpoint live ``hours`` longer than it would.

        Raises:
            WorkbenchError: it does not serve any more.
        """
        left = max(0.0, (endpoint.expires or 0) - time.time())
        self.host.extend(endpoint.name, left / 3600 + hours)
        self.look_again()

    def delete(self, name: str) -> None:
        """Have the endpoint deleted, with all that belongs to it; returns at once.

        Raises:
            WorkbenchError: there is none of that name, or it is being deleted already.
        """
        self.find(name)
        self._start("delete", name, lambda tell: self._delete(name, tell))

    def delete_all(self) -> None:
        """Have every endpoint deleted that is not being deleted already; returns at once."""
        for one in self.look_again():
            with suppress(WorkbenchError):  # that one is being deleted already, or has gone meanwhile
                self.delete(one.name)

    def _delete(self, name: str, tell: Callable[[str], None]) -> None:
        deleted = self.host.delete(name, tell)
        left = deleted.left or [one.why or one.state for one in self.look_again() if one.name == name]
        if left:
            raise WorkbenchError(f"Something of {name} is left.", " ".join(left), "Delete it again.")
        tell("Looked again: nothing is left")

    def _start(self, kind: Literal["deploy", "delete"], subject: str, work: Callable[[Callable[[str], None]], object]) -> None:
        """Do ``work`` in a thread of the server; it is given a function that takes each step in words."""
        key = (kind, subject)
        with self._lock:  # looked at and entered in one go: a double click and a second tab start nothing twice
            if (task := self._tasks.get(key)) and task.ended is None:
                doing = "deployed" if kind == "deploy" else "deleted"
                raise WorkbenchError(f"{subject} is being {doing} already.", "", "Wait for that to end.")
            self._tasks[key] = Task(kind, subject, time.time())

        def change(**changes) -> None:
            with self._lock:
                self._tasks[key] = replace(self._tasks[key], **changes)
                self._listed = (0.0, [])

        def run() -> None:
            trouble = None
            try:
                work(lambda step: change(steps=(*self._tasks[key].steps, step)))
            except WorkbenchError as error:
                trouble = error
            except Exception as error:  # a bug must not leave "Deploying" on the page for ever; the log keeps its trace
                log.exception("%s %s failed.", kind, subject)
                trouble = WorkbenchError("This failed in a way that was not foreseen.", repr(error), "The app's log holds more.")
            change(ended=time.time(), trouble=trouble)

        threading.Thread(target=run, name=f"{kind} {subject}", daemon=True).start()
