"""What this machine keeps of a deployment to SageMaker, so that none is forgotten whatever is cut off in between.

All parts of a deployment bear its folder's name, so the one intent that is written first of all says everything about
them: the archive, the model, the configuration, the schedule, the endpoint, the log. How they are is asked of AWS.

    intent.json      the app that deploys, before its first call: which model, with what, since when, and its process
    outcome.json     the same app: what the deployment ended with
    deleting.json    whoever deletes it: their process, where archives lie, and afterwards what could not be deleted
"""

import contextlib
import os
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import filelock

from core.endpoints.host import DeploySpec, Scaling
from core.lock import held
from core.models import ModelRef
from core.process import alive, name_process
from core.workspace import read_object, write_json

#: What SageMaker takes for a name; a name may come from a link, and becomes a path here.
_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")

#: Seconds to wait while another program makes one of its calls for the same deployment.
_PATIENCE = 120.0


def is_name(name: str) -> bool:
    """Whether it can be an endpoint's name at all."""
    return _NAME.fullmatch(name) is not None


@dataclass(frozen=True)
class DeploymentFolder:
    """A deployment's folder, with a name for each of its files; it need not be there."""

    folder: Path

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def intent_file(self) -> Path:
        return self.folder / "intent.json"

    @property
    def outcome_file(self) -> Path:
        return self.folder / "outcome.json"

    @property
    def deleting_file(self) -> Path:
        return self.folder / "deleting.json"

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Nobody else on this machine changes this deployment meanwhile, here or in the account."""
        with held(filelock.FileLock(self.folder.parent / f".{self.name}.lock"), f"{self.name} is", _PATIENCE):
            yield

    def begin(self, model: ModelRef, spec: DeploySpec, bucket: str, expires: float | None) -> None:
        """Write down that this process deploys ``model``, or goes on with that."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.outcome_file.unlink(missing_ok=True)
        write_json(self.intent_file, {
            "model": {"name": model.name, "path": str(model.path), "digest": model.digest}, "spec": asdict(spec),
            "bucket": bucket, "created": time.time(), "expires": expires, "deployer": name_process(os.getpid()),
        })

    def intent(self) -> dict[str, Any]:
        """What was written down at first; {} where it was deployed from another machine."""
        return read_object(self.intent_file)

    def outcome(self) -> dict[str, Any]:
        """``state`` and ``why`` at the end of the deployment; {} before, and where it was cut off."""
        return read_object(self.outcome_file)

    def deleting(self) -> dict[str, Any]:
        """What is known of a deletion that was begun; {} where none was."""
        return read_object(self.deleting_file)

    def spec(self) -> DeploySpec | None:
        """What it was deployed with; None where that is not known."""
        kept: Any = self.intent().get("spec")
        try:
            scaling = kept["scaling"] and Scaling(**kept["scaling"])
            return DeploySpec(**{**kept, "scaling": scaling})
        except (TypeError, KeyError):
            return None

    def is_deployed_now(self) -> bool:
        """Whether a process is at it."""
        over = self.outcome_file.exists() or self.deleting_file.exists()
        return not over and alive(self.intent().get("deployer")) is not None

    def is_deleted_now(self) -> bool:
        """Whether a process deletes it."""
        return alive(self.deleting().get("by")) is not None

    def changed(self) -> int:
        """Another number after each change of a file (nanoseconds)."""
        try:
            return self.folder.stat().st_mtime_ns
        except FileNotFoundError:
            return 0

    def forget(self) -> None:
        """Remove the folder: nothing is left in the account."""
        hidden = self.folder.with_name(f".deleted-{self.name}-{time.time_ns()}")
        with contextlib.suppress(FileNotFoundError):
            self.folder.rename(hidden)  # gone at once for every reader
        shutil.rmtree(hidden, ignore_errors=True)


def all_folders(parent: Path) -> list[DeploymentFolder]:
    """Every deployment that this machine knows of in one account and region."""
    try:
        return [DeploymentFolder(path) for path in parent.iterdir() if is_name(path.name) and path.is_dir()]
    except FileNotFoundError:
        return []
