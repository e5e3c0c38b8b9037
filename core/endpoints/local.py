"""Endpoints on this machine: each is a process of its own on loopback that outlives the app.

Nothing is remembered here between calls: which endpoints there are, and how each is, can be read off their folders, so
any number of apps and command lines can look after the same workspace.
"""

import contextlib
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import psutil

from core.endpoints import client
from core.endpoints.archive import pack
from core.endpoints.folder import EndpointFolder, all_endpoints, alone, find_endpoint, name_for, no_endpoint
from core.endpoints.host import Deleted, DeploySpec, Endpoint
from core.endpoints.smoke import SENTENCES, difference, own_vectors
from core.errors import WorkbenchError
from core.models import ModelRef
from core.process import name_process
from core.unpack import unpack
from core.workspace import Workspace, unless_deleted, write_json

REPOSITORY = Path(__file__).resolve().parents[2]

#: Seconds in which a model must have been loaded, however loaded the machine is.
_LOADING = 300.0
#: Seconds that an endpoint has to end by itself, and then to be gone after it was killed.
_ENDING = 8.0


class LocalHost:
    """Serves the models of one workspace on this machine. Costs nothing."""

    def __init__(self, workspace: Workspace):
        self.workspace = workspace
        self._children: list[subprocess.Popen[bytes]] = []

    def deploy(self, model: ModelRef, spec: DeploySpec, tell: Callable[[str], None]) -> Endpoint:
        """See ``Host.deploy``."""
        hours = spec.hours
        if hours is not None:
            _check_hours(hours)
        folder = EndpointFolder(self.workspace.endpoints / name_for(model))
        if not self._begin(folder, model, hours):
            return _join(folder, tell)
        try:
            state, why = self._deploy(folder, model, tell)
        except WorkbenchError as error:
            state, why = "Failed", str(error)
        except OSError as error:  # the folder was deleted meanwhile, or the disk is full
            state, why = "Failed", f"The system says: {error.strerror or error}."
        except BaseException as error:
            self._end_with(folder, "Failed", f"The deployment broke off: {error!r}.")
            raise
        self._end_with(folder, state, why)
        return folder.look()

    def embed(self, name: str, texts: Sequence[str]) -> np.ndarray:
        """See ``Host.embed``."""
        folder = find_endpoint(self.workspace, name)
        with unless_deleted(folder.folder, no_endpoint(self.workspace, name)):
            endpoint, port = folder.look(), folder.port()
            if endpoint.state not in ("Ready", "Wrong") or port is None:
                raise WorkbenchError(f"{name} does not serve.", endpoint.why or f"Its state is “{endpoint.state}”.", "")
            return client.ask(name, port, folder.token(), texts)

    def token(self, name: str) -> str:
        """What a program has to show to the endpoint, as ``Authorization: Bearer ...``. Shown to its owner alone.

        Raises:
            WorkbenchError: there is no such endpoint.
        """
        return find_endpoint(self.workspace, name).token()

    def log_tail(self, name: str) -> str:
        """See ``Host.log_tail``."""
        return find_endpoint(self.workspace, name).log_tail()

    def extend(self, name: str, hours: float) -> Endpoint:
        """See ``Host.extend``."""
        _check_hours(hours)
        folder = find_endpoint(self.workspace, name)
        with unless_deleted(folder.folder, no_endpoint(self.workspace, name)), alone(self.workspace):
            endpoint = folder.look()
            if endpoint.state not in ("Starting", "Ready", "Wrong"):
                raise WorkbenchError(
                    f"{name} cannot be extended.", endpoint.why or f"Its state is “{endpoint.state}”.", "Deploy it again."
                )
            write_json(folder.lifetime_file, {"expires": time.time() + hours * 3600})
        return folder.look()

    def delete(self, name: str, tell: Callable[[str], None] = lambda _: None) -> Deleted:
        """See ``Host.delete``."""
        folder = find_endpoint(self.workspace, name)
        with unless_deleted(folder.folder, no_endpoint(self.workspace, name)), alone(self.workspace):
            endpoint = folder.look()
            if endpoint.state == "Deleting" and folder.deleting_file.exists():
                raise WorkbenchError(f"{name} is being deleted already.", "", "Wait a moment.")
            write_json(folder.deleting_file, {"by": name_process(os.getpid())})
        return self._delete(folder, tell)

    def sweep(self) -> list[str]:
        """See ``Host.sweep``."""
        gone = []
        for folder in all_endpoints(self.workspace):
            with contextlib.suppress(WorkbenchError):  # somebody else deletes it already
                if folder.is_over() and not self.delete(folder.name).left:
                    gone.append(folder.name)
        return gone

    def list(self) -> list[Endpoint]:
        """See ``Host.list``."""
        self._children = [child for child in self._children if child.poll() is None]  # no zombies
        looked = [(folder, folder.look()) for folder in all_endpoints(self.workspace)]
        found = [endpoint for folder, endpoint in looked if folder.folder.exists()]  # not deleted in this moment
        return sorted(found, key=lambda endpoint: endpoint.created, reverse=True)

    def _begin(self, folder: EndpointFolder, model: ModelRef, hours: float | None) -> bool:
        """Write down the intent; False where that model is in service already, or soon will be."""
        while True:
            with alone(self.workspace):
                if not folder.folder.exists():
                    folder.begin(model, None if hours is None else time.time() + hours * 3600)
                    return True
                if folder.look().state in ("Starting", "Ready"):
                    return False
            left = self.delete(folder.name).left
            if left:
                raise WorkbenchError(
                    f"{folder.name} cannot be deployed anew.", f"Of the one before is still there: {'; '.join(left)}.", ""
                )

    def _deploy(self, folder: EndpointFolder, model: ModelRef, tell: Callable[[str], None]) -> tuple[str, str]:
        """Do it; returns the state it ended with, and why.

        Raises:
            WorkbenchError: it could not be done.
        """
        tell("Packing the model")
        archive = folder.folder / "model.tar.gz"
        pack(model, archive)
        tell("Unpacking it as SageMaker would")
        unpack(archive, folder.serving)
        archive.unlink()
        tell("Starting its process")
        self._launch(folder)
        own = own_vectors(model, self.workspace)
        tell("Waiting until it has loaded the model")
        port = _wait_until_loaded(folder)
        tell("Asking it for two sentences, to compare with the model's own vectors")
        try:
            wrong = difference(client.ask(folder.name, port, folder.token(), SENTENCES), own)
        except WorkbenchError as error:
            wrong = str(error)
        if wrong:
            return "Wrong", f"{wrong} Its log ends with:\n{folder.log_tail(1500)}"
        tell("Its vectors are the model's own: it is ready")
        return "Ready", ""

    def _end_with(self, folder: EndpointFolder, state: str, why: str) -> None:
        """Write down how the deployment ended; a failed one leaves no process.

        Raises:
            WorkbenchError: the endpoint was deleted meanwhile, or the disk is full.
        """
        if state == "Failed":
            _end_process(folder)
        with alone(self.workspace):
            if folder.deleting_file.exists() or not folder.folder.exists():
                raise WorkbenchError(f"{folder.name} was deleted while it was being deployed.", "", "")
            try:
                write_json(folder.outcome_file, {"state": state, "why": why})
                return
            except OSError as error:
                reason = error.strerror
        self.delete(folder.name)
        raise WorkbenchError(
            f"{folder.name} could not be deployed.", f"The system says: {reason}.", "Make room on the disk, then try again."
        )

    def _launch(self, folder: EndpointFolder) -> None:
        about = {"asked": time.time()}
        write_json(folder.launched_file, about)
        try:
            with folder.log_file.open("ab") as log:
                child = subprocess.Popen(
                    [sys.executable, "-m", "core.endpoints.server", str(folder.folder)], cwd=REPOSITORY,
                    env=_environment(), start_new_session=True, stdin=subprocess.DEVNULL, stdout=log,
                    stderr=subprocess.STDOUT,
                )
        except OSError as error:
            raise WorkbenchError(
                f"The process of {folder.name} could not be started.", f"The system says: {error.strerror or error}.",
                "Close other programs or make room on the disk, then deploy it again.",
            ) from error
        self._children.append(child)
        write_json(folder.launched_file, {**about, **name_process(child.pid)})

    def _delete(self, folder: EndpointFolder, tell: Callable[[str], None]) -> Deleted:
        """End the process, then remove the files; what is left is written down, so that it stays on the list."""
        deleted: list[str] = []
        left: list[str] = ["its files"]
        try:
            pid = folder.process()
            tell("Ending its process")
            if not _end_process(folder):
                left = [f"its process {pid}, which does not end", "its files"]
                return Deleted((), tuple(left))
            if pid is not None:
                deleted.append(f"The process of {folder.name}")
            tell("Removing its files")
            left = folder.remove_files()
            if not left:
                deleted.append(f"The files of {folder.name}")
        finally:
            if left:
                with contextlib.suppress(FileNotFoundError):  # somebody else was quicker
                    write_json(folder.deleting_file, {"left": left})
        return Deleted(tuple(deleted), tuple(left))


def _check_hours(hours: float) -> None:
    if not (math.isfinite(hours) and hours > 0):
        raise WorkbenchError("The lifetime cannot be used.", f"{hours} is not a number of hours above 0.", "Give another.")


def _join(folder: EndpointFolder, tell: Callable[[str], None]) -> Endpoint:
    """Wait for the end of a deployment that somebody else began."""
    endpoint = folder.look()
    tell("It is in service already" if endpoint.state == "Ready" else "It is being deployed already; waiting for that")
    while endpoint.state == "Starting":
        time.sleep(0.2)
        endpoint = folder.look()
    return endpoint


def _wait_until_loaded(folder: EndpointFolder) -> int:
    """The endpoint's port, as soon as it answers.

    Raises:
        WorkbenchError: its process has ended, or it takes too long.
    """
    end = time.monotonic() + _LOADING
    while time.monotonic() < end:
        if folder.process() is None:
            raise WorkbenchError(folder.why_it_ended())
        port = folder.port()
        if port is not None and client.ping(port):
            return port
        time.sleep(0.1)
    raise WorkbenchError(
        f"It did not answer within {_LOADING / 60:.0f} minutes.", "The machine is very busy, or the model very big.",
        "Close other programs, then deploy it again.",
    )


def _end_process(folder: EndpointFolder) -> bool:
    """End the endpoint's process, by force where it must be; whether it is gone."""
    for signal in (psutil.Process.terminate, psutil.Process.kill):
        pid = folder.process()
        if pid is None:
            return True
        try:
            signal(psutil.Process(pid))
        except psutil.NoSuchProcess:
            return True
        except psutil.AccessDenied:
            return False
        end = time.monotonic() + _ENDING
        while folder.process() is not None and time.monotonic() < end:
            time.sleep(0.05)
    return folder.process() is None


def _environment() -> dict[str, str]:
    """What the endpoint finds in its environment: nothing of AWS, and no way to a model hub."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    path = os.pathsep.join(part for part in (str(REPOSITORY), own.get("PYTHONPATH")) if part)
    return {**own, "HF_HUB_OFFLINE": "1", "PYTHONPATH": path, "PYTHONFAULTHANDLER": "1"}
