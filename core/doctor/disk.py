"""The disk that the workspace is on: room, whether it can be written, and what takes the room."""

import os
import shutil
import tempfile
import time
from pathlib import Path

from core.doctor.finding import Finding

AREA = "Disk"
GB = 1 << 30
#: Below the first nothing may be begun any more, below the second somebody should know.
NO_ROOM, LITTLE_ROOM = GB, 5 * GB
#: Seconds after which the sizes are given as they were found until then.
_COUNTING = 5.0


def look_at_disk(root: Path) -> list[Finding]:
    """Room and permission, for a workspace that is there or will be made."""
    there = next(folder for folder in (root, *root.parents) if folder.exists())
    return [_room(there), _writable(there, root), *([_sizes(root)] if root.is_dir() else [])]


def _room(folder: Path) -> Finding:
    free = shutil.disk_usage(folder).free
    words = f"{free / GB:.1f} GB are free on the workspace's disk."
    if free >= LITTLE_ROOM:
        return Finding(AREA, "good", words)
    return Finding(
        AREA, "bad" if free < NO_ROOM else "note", words,
        "A training writes its checkpoints and its model there: about 0.4 GB for the built-in model.",
        "Make room: delete runs that are not needed any more, or the workspace's folder “cache”, which can be computed again.",
    )


def _writable(there: Path, root: Path) -> Finding:
    try:
        with tempfile.TemporaryFile(dir=there) as file:
            file.write(b"x" * 4096)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return Finding(
            AREA, "bad", "The workspace cannot be written.", f"The system says: {os.strerror(error.errno or 0)}.",
            "Allow this user to write there, or choose another folder with --workspace.", (str(root),),
        )
    if there == root:
        return Finding(AREA, "good", "The workspace can be written.", names=(str(root),))
    return Finding(AREA, "good", "The workspace is not there yet, and can be made.", names=(str(root),))


def _sizes(root: Path) -> Finding:
    """How much the workspace holds, by its folders, the largest first."""
    end, sizes, counted_all = time.monotonic() + _COUNTING, {}, True
    for part in sorted(root.iterdir()):
        if part.is_dir() and not part.is_symlink():
            sizes[part.name], whole = _size(part, end)
            counted_all &= whole
    largest = sorted(sizes.items(), key=lambda one: -one[1])
    parts = [f"{name} {_in_words(size)}" for name, size in largest if name in _PARTS and size > 1 << 20]
    words = f"The workspace holds {'' if counted_all else 'at least '}{_in_words(sum(sizes.values()))}"
    return Finding(AREA, "good", f"{words} ({', '.join(parts)})." if parts else f"{words}.")


#: The folders of a workspace; others are somebody's own.
_PARTS = ("sets", "runs", "searches", "endpoints", "endpoints-sagemaker", "documents", "users", "cache")


def _in_words(size: int) -> str:
    return f"{size / GB:.1f} GB" if size >= GB else f"{size / (1 << 20):.0f} MB"


def _size(folder: Path, end: float) -> tuple[int, bool]:
    """Bytes below a folder, and whether all was counted."""
    total = 0
    for place, _, files in os.walk(folder):
        for name in files:
            try:
                total += os.lstat(os.path.join(place, name)).st_size
            except OSError:  # removed in this moment
                continue
        if time.monotonic() > end:
            return total, False
    return total, True
