"""An endpoint of this machine: one folder, in which every file has one writer. Its state is derived, never stored.

    intent.json      the app, first of all: which model, since when, and which process deploys it
    token            the app, once, readable by this user alone: what a caller has to show
    lifetime.json    the app: when the endpoint deletes itself
    serving/         the app: the archive, unpacked as SageMaker's containers do it
    launched.json    the app: process id and create time of the endpoint; written first without them, just before it starts
    address.json     the endpoint: its port, once the model is loaded, and its process again
    calls.json       the endpoint: how many requests it answered, by the minute
    log.txt          the endpoint's standard output and error
    outcome.json     the app: what the deployment ended with
    deleting.json    whoever deletes it: their process, and afterwards what could not be removed
"""

import errno
import os
import re
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import filelock

from core.endpoints.ended import why_ended
from core.endpoints.host import Endpoint, State
from core.errors import WorkbenchError
from core.lock import held
from core.models import ModelRef
from core.process import alive, name_process
from core.shapes import CALLS, DELETING, INTENT, LIFETIME, OUTCOME, PROCESS, read_shaped
from core.workspace import Workspace, listed, write_json, writing

#: Said of one that serves on and on, as nobody can tell when it was to end.
_NO_END = (
    "When it was to delete itself cannot be told: its file lifetime.json is missing or damaged. So it stays until you delete it,"
    " or give it a new end with Extend."
)

#: An endpoint's name is also its folder's: lower-case letters, digits and single dashes.
_NAME = re.compile(r"(?=.{1,60}\Z)[a-z0-9]+(-[a-z0-9]+)*")


def name_for(model: ModelRef) -> str:
    """The one name of the endpoint that serves ``model``: the same model has the same, so there are never two."""
    stem = re.sub(r"[^a-z0-9]+", "-", Path(model.name).name.lower()).strip("-")[:40].strip("-") or "model"
    return f"{stem}-{model.digest[:8]}"


@contextmanager
def alone(workspace: Workspace) -> Iterator[None]:
    """Nobody else begins or ends endpoints of this workspace meanwhile, in this program or another."""
    with held(filelock.FileLock(workspace.endpoints / ".lock"), "The endpoints of this workspace are"):
        with writing("The endpoint could not be changed."):
            yield


@dataclass(frozen=True)
class EndpointFolder:
    """An endpoint's folder, with a name for each of its files."""

    folder: Path

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def intent_file(self) -> Path:
        return self.folder / "intent.json"

    @property
    def lifetime_file(self) -> Path:
        return self.folder / "lifetime.json"

    @property
    def serving(self) -> Path:
        return self.folder / "serving"

    @property
    def launched_file(self) -> Path:
        return self.folder / "launched.json"

    @property
    def address_file(self) -> Path:
        return self.folder / "address.json"

    @property
    def calls_file(self) -> Path:
        return self.folder / "calls.json"

    @property
    def log_file(self) -> Path:
        return self.folder / "log.txt"

    @property
    def outcome_file(self) -> Path:
        return self.folder / "outcome.json"

    @property
    def deleting_file(self) -> Path:
        return self.folder / "deleting.json"

    def token(self) -> str:
        """What a caller has to show as ``Authorization: Bearer ...``.

        Raises:
            WorkbenchError: it cannot be read.
        """
        try:
            return (self.folder / "token").read_text(encoding="ascii")
        except (OSError, UnicodeDecodeError) as error:
            raise WorkbenchError(
                f"The token of {self.name} cannot be read.", f"The system says: {getattr(error, 'strerror', None) or error}.",
                "Delete the endpoint and deploy it again.",
            ) from error

    def expires(self) -> float | None:
        """When it deletes itself, in seconds since 1970; None for never, and where its file is missing or damaged."""
        return read_shaped(self.lifetime_file, LIFETIME).get("expires")

    def is_over(self) -> bool:
        """Whether its time is over."""
        expires = self.expires()
        return expires is not None and time.time() >= expires

    def process(self) -> int | None:
        """The endpoint's process id while it is alive; it names itself too, as the app may die right after starting it."""
        files = (self.launched_file, self.address_file)
        return next((pid for file in files if (pid := alive(read_shaped(file, PROCESS), self.folder))), None)

    def port(self) -> int | None:
        """Where it listens on 127.0.0.1, once it has loaded its model."""
        return read_shaped(self.address_file, PROCESS).get("port")

    def calls(self) -> int:
        """How many requests it answered in the last hour."""
        since = int(time.time() // 60) - 60
        return sum(
            number for minute, number in read_shaped(self.calls_file, CALLS).items() if minute.isdecimal() and int(minute) > since
        )

    def log_tail(self, characters: int = 4000) -> str:
        """The end of the endpoint's output."""
        try:
            with self.log_file.open("rb") as file:
                file.seek(0, 2)
                file.seek(max(0, file.tell() - characters))
                return file.read().decode("utf-8", errors="replace").strip()
        except FileNotFoundError:
            return ""

    def begin(self, model: ModelRef, expires: float | None) -> None:
        """Make the folder, complete or not at all, with the intent to deploy ``model`` from this process."""
        fresh = Path(tempfile.mkdtemp(dir=self.folder.parent, prefix=".new-"))  # for this user alone
        try:
            made = EndpointFolder(fresh)
            about = {"name": model.name, "path": str(model.path), "digest": model.digest}
            write_json(made.intent_file, {"model": about, "created": time.time(), "deployer": name_process(os.getpid())})
            write_json(made.lifetime_file, {"expires": expires})
            handle = os.open(fresh / "token", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w") as file:
                file.write(secrets.token_urlsafe(32))
            fresh.rename(self.folder)
        except BaseException:
            shutil.rmtree(fresh, ignore_errors=True)
            raise

    def look(self) -> Endpoint:
        """The endpoint as it is now."""
        intent = read_shaped(self.intent_file, INTENT)
        state, why = self._state(intent)
        port = self.port() if state in ("Ready", "Wrong") else None
        lifetime = read_shaped(self.lifetime_file, LIFETIME)
        if not lifetime and state in ("Starting", "Ready", "Wrong"):
            why = f"{why} {_NO_END}".strip()
        return Endpoint(
            name=self.name, on="here", state=state, why=why, model=(intent.get("model") or {}).get("name", ""),
            created=intent.get("created") or self._made(), expires=lifetime.get("expires"), an_hour=0.0, so_far=0.0,
            calls=self.calls(), address=f"http://127.0.0.1:{port}/invocations" if port else "", end_known=bool(lifetime),
        )

    def _made(self) -> float:
        """When its folder was last changed: for one whose intent is damaged."""
        try:
            return self.folder.stat().st_mtime
        except OSError:
            return 0.0

    def _state(self, intent: dict[str, Any]) -> tuple[State, str]:
        """State and why."""
        if self.deleting_file.exists():
            deleting = read_shaped(self.deleting_file, DELETING)
            if alive(deleting.get("by")):
                return "Deleting", ""
            left = deleting.get("left") or ["its files"]
            return "Failed", f"It was not deleted completely. Still there: {'; '.join(left)}. Delete it again."
        if self.is_over():
            return "Deleting", "Its time is over."
        pid, outcome = self.process(), read_shaped(self.outcome_file, OUTCOME)
        if not outcome:
            if alive(intent.get("deployer")):
                return "Starting", ""
            if pid is not None:
                return "Wrong", "Nobody has checked its vectors: the app was closed meanwhile. Deploy it again."
            return "Failed", "The app was closed while it deployed it. Deploy it again, or delete it."
        if outcome["state"] == "Failed" or pid is not None:
            return outcome["state"], outcome["why"]
        return "Failed", self.why_it_ended()

    def why_it_ended(self) -> str:
        """Why its process is not there any more, in sentences."""
        return why_ended(self.log_tail(), read_shaped(self.launched_file, PROCESS).get("created", 0.0))

    def remove_files(self) -> list[str]:
        """Remove all files, those last by which the endpoint is still listed.

        Returns:
            What could not be removed, and why; empty where nothing is left.
        """
        left: list[str] = []
        last = (self.intent_file, self.deleting_file)
        inner_first = os.walk(self.folder, topdown=False)
        for path in [Path(where, name) for where, folders, files in inner_first for name in (*files, *folders)]:
            try:
                if path.is_dir() and not path.is_symlink():
                    path.rmdir()
                elif path not in last:
                    path.unlink(missing_ok=True)
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.ENOENT):
                    left.append(f"{path} ({error.strerror})")
        if not left:
            hidden = self.folder.with_name(f".deleted-{self.name}-{time.time_ns()}")
            try:
                self.folder.rename(hidden)  # gone at once for every reader
            except FileNotFoundError:  # somebody else was quicker
                return []
            except OSError as error:
                return [f"{self.folder} ({error.strerror})"]
            shutil.rmtree(hidden, ignore_errors=True)
        return left


def find_endpoint(workspace: Workspace, name: str) -> EndpointFolder:
    """The endpoint called ``name``; the name may come from a link, so its form is checked first.

    Raises:
        WorkbenchError: there is no such endpoint in this workspace.
    """
    found = EndpointFolder(workspace.endpoints / name) if _NAME.fullmatch(name) else None
    if found is None or not found.folder.is_dir():
        raise no_endpoint(workspace, name)
    return found


def no_endpoint(workspace: Workspace, name: str) -> WorkbenchError:
    """That there is no endpoint of this name here, or no longer."""
    return WorkbenchError(
        f"There is no endpoint called “{name}” on this machine.", f"The workspace is {workspace.root}.",
        "List the endpoints to see their names.",
    )


def all_endpoints(workspace: Workspace) -> list[EndpointFolder]:
    """Every endpoint of the workspace; one whose files are damaged is among them."""
    return [EndpointFolder(path) for path in listed(workspace.endpoints) if _NAME.fullmatch(path.name) and path.is_dir()]
