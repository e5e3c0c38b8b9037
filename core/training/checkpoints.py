"""What a run can go on from: one folder a checkpoint, complete only when its ``progress.json`` is there."""

import errno
import os
import shutil
import zlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.shapes import PROGRESS, has_shape, read_shaped
from core.workspace import read_object, write_json

if TYPE_CHECKING:
    import torch

    from core.training.checks import Progress

_PREFIX = "checkpoint-"  # the library's own name for these folders
_PROGRESS = "progress.json"
_BEST = "best.safetensors"
WEIGHTS = "model.safetensors"
#: Where the finished folds of a run are, beside the checkpoints of the training under way.
FOLDS = "folds"


@dataclass(frozen=True)
class Checkpoint:
    """A complete checkpoint: its folder, the number of steps that were done, and that of the run's trainings before."""

    folder: Path
    step: int
    before: int = 0


def newest(folder: Path) -> Checkpoint | None:
    """The newest complete checkpoint under ``folder``, or None."""
    found = []
    for path in folder.glob(f"{_PREFIX}*/{_PROGRESS}"):
        step, progress = path.parent.name.removeprefix(_PREFIX), read_object(path)
        if step.isdecimal() and has_shape(progress, PROGRESS) and _is_whole(path.parent, progress):
            found.append(Checkpoint(path.parent, int(step), progress.get("before", 0)))
    return max(found, key=lambda checkpoint: (checkpoint.before, checkpoint.step), default=None)


def _is_whole(folder: Path, progress: dict[str, Any]) -> bool:
    """Whether the files are those that the checkpoint was complete with: a copy on S3 may lack some that were still on
    their way when the instance was taken, and a power cut may leave files with nothing in them."""
    files, sums = progress.get("files", {}), progress.get("sums", {})
    try:
        return all((folder / name).stat().st_size == size for name, size in files.items()) and all(
            _checksum(folder / name) == value for name, value in sums.items()
        )
    except OSError:
        return False


def _checksum(file: Path) -> int:
    """CRC-32 of a file, a piece at a time."""
    value = 0
    with file.open("rb") as content:
        while piece := content.read(2**22):
            value = zlib.crc32(piece, value)
    return value


def complete(folder: Path, step: int, progress: "Progress", best: "dict[str, torch.Tensor] | None") -> None:
    """Add what the workbench keeps to the trainer's files of ``step``, mark them complete, and remove older ones."""
    here = folder / f"{_PREFIX}{step}"
    if best is not None:
        save_weights(best, here / _BEST)
    files = [file for file in here.iterdir() if file.is_file() and file.name != _PROGRESS]
    write_json(here / _PROGRESS, {
        "files": {file.name: file.stat().st_size for file in files}, "sums": {file.name: _checksum(file) for file in files},
        **asdict(progress),
    })
    for other in folder.glob(f"{_PREFIX}*"):
        if other != here:
            shutil.rmtree(other, ignore_errors=True)


def read(checkpoint: Checkpoint) -> "tuple[Progress, dict[str, torch.Tensor] | None]":
    """The progress and the best weights of a complete checkpoint."""
    from core.training.checks import Progress

    best = checkpoint.folder / _BEST
    kept = read_shaped(checkpoint.folder / _PROGRESS, PROGRESS)
    for name in ("files", "sums"):
        kept.pop(name, None)
    return Progress(**kept), load_weights(best) if best.exists() else None


def remove_incomplete(folder: Path, keep: Checkpoint | None) -> None:
    """Remove everything but ``keep`` and what the folds have said: what a crash left half written, and older ones."""
    for other in folder.glob("*"):
        if other.name != FOLDS and (keep is None or other != keep.folder):
            shutil.rmtree(other, ignore_errors=True)


def save_weights(weights: "dict[str, torch.Tensor]", path: Path) -> None:
    """Write ``weights`` to a safetensors file, by another name first: a crash never leaves half a file."""
    from safetensors.torch import save_file

    temporary = path.with_suffix(".tmp")
    try:
        save_file(weights, temporary)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def load_weights(path: Path) -> "dict[str, torch.Tensor]":
    """The tensors of a safetensors file."""
    from safetensors.torch import load_file

    return load_file(path)


def require_space(folder: Path, needed: int) -> None:
    """Raise the system's own "no space left" before ``needed`` bytes are begun instead of half way through."""
    if shutil.disk_usage(folder).free < needed:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))
