"""The model that a run starts from."""

from pathlib import Path

from core.errors import WorkbenchError
from core.models import ModelRef, local_ref, resolve
from core.runs.run import Run
from core.workspace import Workspace


def find_base(run: Run) -> ModelRef:
    """The model that the run starts from: where it was, or (on another machine) by its name.

    Raises:
        WorkbenchError: it is not there any more, or no longer the same.
    """
    named = run.settings()["base"]
    folder = Path(named["path"])
    base = local_ref(named["name"], folder) if folder.is_dir() else resolve(
        named["name"], Workspace.at(run.folder.parent.parent)
    )
    if base.digest != named["digest"]:
        raise WorkbenchError(
            f"The model “{base.name}” is no longer the one that this run was planned with.",
            f"The files in {base.path} have changed.", "Start a new run from the pairs.",
        )
    return base
