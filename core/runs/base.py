"""The model that a run starts from."""

from pathlib import Path

from core.errors import WorkbenchError
from core.models import ModelRef, local_ref, resolve
from core.runs.run import Run, no_run
from core.workspace import Workspace, unless_deleted


def find_base(run: Run) -> ModelRef:
    """The model that the run starts from: where it was, or (on another machine) by its name.

    Raises:
        WorkbenchError: it is not there any more, or no longer the same, or the run's settings cannot be read.
    """
    named = run.settings().get("base") or {}
    with unless_deleted(run.folder, no_run(run)):
        if not {"name", "path", "digest"} <= set(named):
            raise WorkbenchError(
                f"The settings of {run.id} cannot be read.", "Its recipe.json is damaged.",
                f"Bring {run.folder} back from a backup, or train again from the pairs.",
            )
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
