"""Processes that outlive whoever started them: known again by their id and the time they were created."""

import time
from pathlib import Path
from typing import Any

import psutil


def name_process(pid: int) -> dict[str, Any]:
    """``pid`` and ``created`` (seconds since 1970; now, where the process is gone already): what ``alive`` goes by."""
    try:
        created = psutil.Process(pid).create_time()
    except psutil.Error:
        created = time.time()
    return {"pid": pid, "created": created}


def alive(named: Any, folder: Path | None = None) -> int | None:
    """The pid in ``named`` (what ``name_process`` gave, or anything else), if that very process is alive, no zombie.

    It is that process if it was created at the same time, or if it was started for ``folder`` or works in it: a clock
    that is set right while it runs moves the create time that the system tells. It is not, if it was started for a folder of
    the same name elsewhere, of which ``folder`` is a copy.
    """
    try:
        process = psutil.Process(int(named["pid"]))
        same = abs(process.create_time() - float(named["created"])) < 2
        if folder is not None:
            paths = [*process.cmdline(), process.cwd()]
            same = str(folder) in paths or (same and not any(_is_copy(path, folder) for path in paths))
        return process.pid if same and process.status() != psutil.STATUS_ZOMBIE else None
    except (psutil.Error, KeyError, TypeError, ValueError, OverflowError):
        return None


def _is_copy(path: str, folder: Path) -> bool:
    other = Path(path)
    return other.is_absolute() and other.name == folder.name and other.resolve() != folder.resolve()
