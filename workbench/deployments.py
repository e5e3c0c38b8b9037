"""What the server does to endpoints on a page's behalf: deploying and deleting go on when the page is closed.

Which endpoints there are is never remembered here: the host's list says so. What is kept, for as long as the server
runs, is what no list can say: the step that is being done, and how the last deployment or deletion ended.
"""

import logging
import re
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Literal

from core.endpoints.host import DeploySpec, Endpoint
from core.endpoints.hosts import Hosts
from core.endpoints.leftovers import AT_WORK, Leftover
from core.errors import WorkbenchError
from core.models import ModelRef, resolve
from core.rights import require_spending
from core.workspace import Workspace
from workbench.words import PLACE_IN_WORDS

log = logging.getLogger(__name__)

#: Each page asks once a second; the host is asked at most this often, in seconds.
_FRESH = 0.7


Kind = Literal["deploy", "delete", "remove"]


@dataclass(frozen=True)
class Task:
    """A deployment or a deletion, under way or over.

    Attributes:
        kind: what is done; "remove" is the deletion of something left over.
        subject: the model that is deployed, the endpoint that is deleted, or what is left over.
        began, ended: seconds since 1970; ``ended`` is None while it goes on.
        steps: what has been done so far, in words; while it goes on the last one is being done.
        trouble: why it failed, if it did.
    """

    kind: Kind
    subject: str
    began: float
    ended: float | None = None
    steps: tuple[str, ...] = ()
    trouble: WorkbenchError | None = None


def with_step(steps: tuple[str, ...], step: str) -> tuple[str, ...]:
    """``steps`` with one more; one that differs from the last in its numbers alone ("12 %", "13 %") takes its place."""
    same = bool(steps) and re.sub(r"\d+", "0", steps[-1]) == re.sub(r"\d+", "0", step)
    return (*steps[: len(steps) - same], step)


class Deployments:
    """The endpoints of all places, what is left of earlier ones, and what is being done to them."""

    def __init__(self, workspace: Workspace, host: Hosts):
        self.workspace = workspace
        self.host = host
        self._lock = threading.Lock()
        self._tasks: dict[tuple[str, str], Task] = {}
        self._listed: tuple[float, list[Endpoint]] = (0.0, [])

    def endpoints(self) -> list[Endpoint]:
        """What the host lists, at most ``_FRESH`` seconds old; other people's own endpoints last."""
        with self._lock:
            at, listed = self._listed
        if time.monotonic() - at > _FRESH:
            return self.look_again()
        return listed

    def look_again(self) -> list[Endpoint]:
        """What the host lists now."""
        listed = sorted(self.host.list(), key=lambda one: one.whose == "foreign")
        with self._lock:
            self._listed = (time.monotonic(), listed)
        return listed

    def known(self, name: str) -> Endpoint | None:
        """The endpoint of that name as it was listed last, None where there is none or it is not the workbench's."""
        return next((one for one in self.endpoints() if one.name == name and one.whose != "foreign"), None)

    def find(self, name: str, unlocked: bool = False) -> Endpoint:
        """The listed endpoint of that name: every name that a page sends is checked here.

        Args:
            unlocked: whether it may be one that no workbench made.

        Raises:
            WorkbenchError: there is none, or it is not to be touched.
        """
        for one in self.look_again():
            if one.name == name:
                if one.whose == "foreign" and not unlocked:
                    raise WorkbenchError(f"“{name}” was not made by a workbench.", "It is not to be touched.", "Unlock it first.")
                return one
        raise WorkbenchError(f"There is no endpoint called “{name}”.", "It may have been deleted meanwhile.", "Look at the list.")

    def leftovers(self) -> list[Leftover]:
        """What else is in the account and may be removed, as it was a minute ago at most."""
        return self.host.leftovers()

    def token(self, name: str) -> str:
        """What a program has to show to the endpoint; for its owner's eyes, and only when asked for.

        Raises:
            WorkbenchError: there is no such endpoint.
        """
        return self.host.token(self.find(name).name)

    @property
    def trouble(self) -> WorkbenchError | None:
        """Why AWS could not be asked at the last look, if so: then what runs there is not all in the list."""
        return self.host.trouble

    @property
    def heard(self) -> float | None:
        """When AWS said last what runs there, in seconds since 1970; None where it has not yet."""
        return self.host.heard

    def log_tail(self, name: str) -> str:
        """The end of what the endpoint wrote.

        Raises:
            WorkbenchError: there is no such endpoint, or the log cannot be read.
        """
        return self.host.log_tail(self.find(name).name)

    def recent(self, *kinds: Kind) -> list[Task]:
        """What a page shows of these kinds, in order: all that goes on, and what is over unless another kind began since."""
        with self._lock:
            tasks = sorted(self._tasks.values(), key=lambda task: task.began)
        since = max((task.began for task in tasks if task.kind not in kinds), default=0.0)
        return [task for task in tasks if task.kind in kinds and (task.ended is None or task.began > since)]

    def deploy(self, model: str, spec: DeploySpec) -> None:
        """Have ``model`` (a name that ``core.models.resolve`` knows) deployed; returns at once.

        Raises:
            WorkbenchError: it is being deployed already, or there is no such model.
        """
        if spec.on != "here":
            require_spending("Deploying to SageMaker")
        ref = resolve(model, self.workspace)
        subject = model if spec.on == "here" else f"{model} on {PLACE_IN_WORDS[spec.on]}"
        self._start("deploy", subject, lambda tell: self._deploy(ref, spec, tell))

    def _deploy(self, ref: ModelRef, spec: DeploySpec, tell: Callable[[str], None]) -> None:
        endpoint = self.host.deploy(ref, spec, tell)
        if endpoint.state != "Ready":
            what = "is in service, but cannot be relied on" if endpoint.state == "Wrong" else "is not in service"
            raise WorkbenchError(f"{endpoint.name} {what}.", endpoint.why, "Delete it, then deploy the model again.")

    def extend(self, endpoint: Endpoint, hours: float) -> None:
        """Let the endpoint live ``hours`` longer than it would.

        Raises:
            WorkbenchError: it does not serve any more.
        """
        left = max(0.0, (endpoint.expires or 0) - time.time())
        self.host.extend(endpoint.name, left / 3600 + hours)
        self.look_again()

    def delete(self, name: str, unlocked: bool = False) -> None:
        """Have the endpoint deleted, with all that belongs to it; returns at once.

        Args:
            unlocked: whether it may be one that no workbench made.

        Raises:
            WorkbenchError: there is none of that name, it is not to be touched, or it is being deleted already.
        """
        if self.find(name, unlocked).on != "here":
            require_spending("Deleting a SageMaker endpoint")
        self._start("delete", name, lambda tell: self._delete(name, unlocked, tell))

    def delete_mine(self) -> None:
        """Have every endpoint of yours deleted that is not being deleted already; returns at once."""
        mine = [one for one in self.look_again() if one.whose == "mine"]
        if any(one.on != "here" for one in mine):
            require_spending("Deleting SageMaker endpoints")
        for one in mine:
            with suppress(WorkbenchError):  # that one is being deleted already, or has gone meanwhile
                self.delete(one.name)

    def _delete(self, name: str, unlocked: bool, tell: Callable[[str], None]) -> None:
        deleted = self.host.delete(name, tell, unlocked=unlocked)
        left = deleted.left or [one.why or one.state for one in self.look_again() if one.name == name]
        if left:
            raise WorkbenchError(f"Something of {name} is left.", " ".join(left), "Delete it again.")
        tell("Looked again: nothing is left")

    def remove(self, kind: str, name: str) -> None:
        """Have something removed that is left over; returns at once.

        Raises:
            WorkbenchError: there is no such thing, or it is being removed already.
        """
        require_spending("Removing something from the AWS account")
        found = next((one for one in self.leftovers() if (one.kind, one.name) == (kind, name)), None)
        if found is None:
            raise WorkbenchError("This is not left over any more.", "It may have been removed meanwhile.", "Look at the list.")
        self._start("remove", f"{kind} {name}", lambda tell: self.host.remove(found, tell))

    def remove_all(self) -> None:
        """Have everything removed that is left over, but what is at work; returns at once."""
        require_spending("Removing something from the AWS account")
        for one in self.leftovers():
            if one.kind in AT_WORK:  # somebody may be waiting for it
                continue
            with suppress(WorkbenchError):  # that one is being removed already
                self.remove(one.kind, one.name)

    def _start(self, kind: Kind, subject: str, work: Callable[[Callable[[str], None]], object]) -> None:
        """Do ``work`` in a thread of the server; it is given a function that takes each step in words."""
        key = (kind, subject)
        with self._lock:  # looked at and entered in one go: a double click and a second tab start nothing twice
            if (task := self._tasks.get(key)) and task.ended is None:
                doing = {"deploy": "deployed", "delete": "deleted", "remove": "removed"}[kind]
                raise WorkbenchError(f"{subject} is being {doing} already.", "", "Wait for that to end.")
            self._tasks[key] = Task(kind, subject, time.time())

        def change(**changes) -> None:
            with self._lock:
                self._tasks[key] = replace(self._tasks[key], **changes)
                self._listed = (0.0, [])

        def run() -> None:
            trouble = None
            try:
                work(lambda step: change(steps=with_step(self._tasks[key].steps, step)))
            except WorkbenchError as error:
                trouble = error
            except Exception as error:  # a bug must not leave "Deploying" on the page for ever; the log keeps its trace
                log.exception("%s %s failed.", kind, subject)
                trouble = WorkbenchError("This failed in a way that was not foreseen.", repr(error), "The app's log holds more.")
            change(ended=time.time(), trouble=trouble)

        threading.Thread(target=run, name=f"{kind} {subject}", daemon=True).start()
