"""Locks of a workspace that somebody holds, and whether whoever took them is still there."""

import os
from glob import glob
from itertools import chain
from pathlib import Path

import filelock
import psutil

from core.doctor.finding import Finding
from core.workspace import Workspace

#: Where the locks lie, below a workspace.
_PLACES = ("*.lock", "*/.*lock", "*/*/.*lock", "*/*/*.lock")
#: A lock is held for moments, but for the sending of data to AWS.
_MOMENT = 2.0
_KERNEL = Path("/proc/locks")


def look_at_locks(workspace: Workspace) -> list[Finding]:
    """The locks that stay held for longer than a moment. The system lets go of a lock when its holder ends, unless a
    process that it started has taken the open file along."""
    # of Path.glob a folder that is deleted meanwhile is an error
    names = chain(*(glob(place, root_dir=workspace.root, include_hidden=True) for place in _PLACES))
    files = {file for name in names if (file := workspace.root / name).is_file()}
    alive: list[str] = []
    dead: list[str] = []
    for file in sorted(files):
        if _stays_held(file):
            pid = holder(file)
            name = file.relative_to(workspace.root).as_posix()
            (dead if pid and not psutil.pid_exists(pid) else alive).append(f"{name} (process {pid or 'not known'})")
    found = []
    if dead:
        found.append(Finding(
            "Workspace", "bad", f"{_locks(dead)} still held, and the process that began it has ended.",
            "A process that it started still has the file open.", "Restart the machine, or end what it left running.", tuple(dead),
        ))
    if alive:
        found.append(Finding(
            "Workspace", "note", f"{_locks(alive)} held by a program that is at work.",
            f"It has been held for more than {_MOMENT:.0f} seconds, as while data is sent to AWS.",
            "If nothing moves, end that program.", tuple(alive),
        ))
    return found


def _locks(names: list[str]) -> str:
    return "A lock is" if len(names) == 1 else f"{len(names)} locks are"


def _stays_held(file: Path) -> bool:
    lock = filelock.FileLock(file)
    try:
        file.stat()  # the lock would make it again, with the folder that it lay in
        lock.acquire(timeout=_MOMENT)
    except filelock.Timeout:
        return True
    except OSError:  # it may only be read here, or is gone: its own finding
        return False
    lock.release()
    return False


def holder(file: Path) -> int | None:
    """The process that took the lock, as Linux knows it by the file's device and inode; None where that is not known."""
    try:
        facts = file.stat()
        place = f"{os.major(facts.st_dev):02x}:{os.minor(facts.st_dev):02x}:{facts.st_ino}"
        lines = [line.split() for line in _KERNEL.read_text().splitlines()]
    except OSError:
        return None
    return next((int(words[4]) for words in lines if "->" not in words and place in words), None)
