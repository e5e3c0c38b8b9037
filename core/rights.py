"""Who may spend money, and a log of what was done that costs or cannot be undone.

Where several people share a machine, the app of each of them finds the person's name and the file of users in its
environment (see ``workbench.team``), and so do the processes that it starts. Alone on a machine, a person may do
everything; what they do is in the log all the same.
"""

import getpass
import json
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import filelock

from core.errors import WorkbenchError
from core.workspace import Workspace, person, read_object

program_log = logging.getLogger(__name__)

#: What must be possible even where nothing can be written down.
_ENDS_COSTS = ("delete", "remove")
_APPEND = os.O_WRONLY | os.O_CREAT | os.O_APPEND

#: The environment variable with the file of users; it is empty where nobody has the right to spend.
USERS = "WORKBENCH_USERS"


def may_spend(name: str) -> bool:
    """Whether that person may spend money; read anew each time, so that a right that was taken away is gone at once."""
    if not name:
        return True
    file = os.environ.get(USERS)
    known = read_object(Path(file)).get("users", {}) if file else {}
    entry = known.get(name) if isinstance(known, dict) else None
    return isinstance(entry, dict) and entry.get("may_spend") is True


def require_spending(what: str) -> None:
    """Refuse, in words, what a person may not do.

    Args:
        what: what was to be done, to go on with "needs the right to spend money": "Deploying to SageMaker".

    Raises:
        WorkbenchError: this app's person has no right to spend.
    """
    if not may_spend(person()):
        raise WorkbenchError(
            f"{what} needs the right to spend money, and you do not have it.", "Nothing was done.",
            "Ask whoever runs this workbench for it. What runs on this machine is free for everybody.",
        )


@contextmanager
def recorded(workspace: Workspace, action: str, subject: str, *, costs: bool, **facts: Any) -> Iterator[dict[str, Any]]:
    """Do something that has to be accounted for: the log says that it was begun, and how it ended.

    What makes costs is not begun where the log cannot be written; what ends them is.

    Args:
        action: "deploy", "delete" ...
        subject: what it is done to.
        costs: whether only those who may spend money may do it.
        facts: what else the log shall hold; more can be put into what this gives.

    Raises:
        WorkbenchError: it costs, and this app's person may not spend; or it makes costs and the log cannot be written.
    """
    if costs:
        require_spending({"deploy": "Deploying to SageMaker", "train": "Training on SageMaker"}.get(
            action, f"“{action}” in the AWS account"
        ))
    entry: dict[str, Any] = {
        "time": round(time.time(), 3), "who": person() or _account_name(), "action": action, "subject": subject,
        "where": "AWS" if costs else "here", **facts,
    }
    _append(workspace, {**entry, "outcome": "begun"}, required=costs and action not in _ENDS_COSTS)
    try:
        yield entry
    except BaseException as error:
        _append(workspace, {**entry, "ended": round(time.time(), 3), "outcome": "failed", "error": type(error).__name__})
        raise
    _append(workspace, {**entry, "ended": round(time.time(), 3), "outcome": "done"})


def audit_file(workspace: Workspace) -> Path:
    """The log of everybody who shares the machine with this workspace; one JSON object a line."""
    return workspace.house / "audit.jsonl"


def read_audit(workspace: Workspace, newest: int | None = None) -> list[dict[str, Any]]:
    """What the log holds, oldest first; a damaged line is left out.

    Args:
        newest: how many entries at most, the last ones; all where it is None.
    """
    entries = []
    with suppress(FileNotFoundError), audit_file(workspace).open(encoding="utf-8", errors="replace") as file:
        for line in file:
            with suppress(ValueError):
                entry = json.loads(line)
                if isinstance(entry, dict):
                    entries.append(entry)
    return entries if newest is None else entries[-newest:]


def _append(workspace: Workspace, entry: dict[str, Any], required: bool = False) -> None:
    """Add a line; only where that is ``required`` a failure is more than a line in the program's own log."""
    file = audit_file(workspace)
    line = (json.dumps(entry, ensure_ascii=False) + "\n").encode("utf-8", errors="replace")
    try:
        with filelock.FileLock(f"{file}.lock", timeout=10), open(os.open(file, _APPEND, 0o600), "ab") as log:
            log.write(line)
            log.flush()
            os.fsync(log.fileno())
    except OSError as error:  # a lock that is not given in time is one, too
        if required:
            raise WorkbenchError(
                "Nothing was done.", f"What costs money has to be written down first, and {file} cannot be written ({error}).",
                "Make room on the disk, then try again.",
            ) from error
        program_log.exception("The audit log could not be written: %s %s.", entry["action"], entry["outcome"])


def _account_name() -> str:
    """What the system calls whoever runs this program."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "somebody"
