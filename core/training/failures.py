"""What went wrong, in words, and what to offer. The traceback is in the log."""

import errno
import re
from typing import Any

from core.errors import WorkbenchError
from core.runs.explain import MEMORY_WORDS
from core.runs.run import Run

_SPACE_WORDS = ("no space left", "os error 28", "disk quota", "inline_container")


#: Where a model cannot be loaded for it, which fewer pairs a step would not mend.
_NO_ROOM = {
    "what": "This machine ran out of memory.", "why": "There was not enough of it free to load the model.",
    "what_to_do": "Close other programs, then resume the run.",
}


class LossNotFinite(Exception):
    """The loss of a step is not a number, or infinite."""


def explain(error: Exception, run: Run) -> dict[str, Any]:
    """The fields of a ``failed`` event: ``what``, ``why``, ``what_to_do``, and ``offer``: settings for a new start."""
    short_of_memory = re.search(MEMORY_WORDS, f"{type(error).__name__} {error}", re.IGNORECASE) is not None
    if isinstance(error, WorkbenchError):
        return {**(_NO_ROOM if short_of_memory else error.as_dict()), "offer": None}
    recipe = run.settings().get("recipe") or {}
    words = f"{type(error).__name__} {error}".lower()
    if isinstance(error, MemoryError) or short_of_memory:
        batch_size = int(recipe.get("batch_size") or 0)
        half = batch_size // 2 if batch_size >= 4 else None
        return {
            "what": "This machine ran out of memory.",
            "why": f"A step with {batch_size} pairs needs more than is free.",
            "what_to_do": f"Start again with {half} pairs a step." if half else
            "Close other programs, or shorten the longest text.",
            "offer": {"batch_size": half} if half else None,
        }
    if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or any(part in words for part in _SPACE_WORDS):
        return {
            "what": "The disk is full.",
            "why": f"There is no room for the model or its checkpoints on the disk that holds {run.folder}.",
            "what_to_do": "Delete runs that you no longer need, then resume this one.",
            "offer": None,
        }
    if isinstance(error, LossNotFinite):
        rate = float(recipe.get("learning_rate") or 0)
        return {
            "what": "The loss is no longer a number.",
            "why": f"{error} This happens when the learning rate ({rate:g}) is too high.",
            "what_to_do": f"Start again with a learning rate of {rate / 5:.1g}.",
            "offer": {"learning_rate": float(f"{rate / 5:.1g}")} if rate else None,
        }
    return {
        "what": "Training stopped because of a fault in the workbench or one of its libraries.",
        "why": f"{type(error).__name__}: {error}"[:500],
        "what_to_do": "Resume the run. If it fails again, report it with the log.",
        "offer": None,
    }
