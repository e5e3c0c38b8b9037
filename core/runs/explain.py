"""Why a run ended without a model, in words: what the worker said itself, or what its traces tell."""

import re
from pathlib import Path
from typing import Any

import psutil

from core.runs.run import Run, Status

#: Ends of the log that tell what happened, most telling first: (pattern, why, what to do).
_TRACES = (
    (
        r"No space left on device|disk quota exceeded", "The disk is full.",
        "Make room on the disk, then resume the run.",
    ),
    (
        r"MemoryError|can't allocate memory|Cannot allocate memory|out of memory", "The machine ran out of memory.",
        "Close other programs and resume the run, or start again with half the pairs a step.",
    ),
    (
        r"Segmentation fault|Bus error|Illegal instruction|Fatal Python error",
        "A library that the worker uses crashed.", "Resume the run; if it happens again, the log shows where.",
    ),
    (
        r"ModuleNotFoundError: No module named '?([\w.]+)|ImportError: (.+)",
        "A Python package could not be loaded: {}.",
        "Install what requirements.txt lists, then resume the run.",
    ),
)


def explain_end(run: Run, status: Status | None = None) -> dict[str, Any] | None:
    """What became of a failed or interrupted run, as far as can be told.

    Returns:
        ``what``, ``why``, ``what_to_do`` (sentences) and ``offer`` (recipe changes worth a new start, or None);
        None for a run in any other state.
    """
    status = status or run.status()
    if status.state == "failed" and status.last is not None:
        return {name: status.last.get(name) for name in ("what", "why", "what_to_do", "offer")}
    if status.state != "interrupted":
        return None
    if run.job_file.exists():
        return {
            "what": "The training was not started on SageMaker.",
            "why": "The program that sends the data has ended before; nothing runs in the account, and nothing costs.",
            "what_to_do": "Resume the run. What has been sent is not sent again.", "offer": None,
        }
    done = f" after step {status.step:,} of {status.steps:,}" if status.steps and status.step else ""
    why, what_to_do, memory = _why_interrupted(run)
    if any(run.checkpoints.glob("*/progress.json")):  # what the worker writes last into a checkpoint
        what_to_do += " A resumed run goes on from its last checkpoint."
    else:
        what_to_do += " A resumed run begins again, as there is no checkpoint yet."
    return {
        "what": f"The training was cut off{done}.", "why": why, "what_to_do": what_to_do,
        "offer": half_the_batch(run) if memory else None,
    }


def half_the_batch(run: Run) -> dict[str, int] | None:
    """The change that halves the memory a step takes, or None where the batch is as small as it gets."""
    recipe = run.settings().get("recipe")
    size = recipe.get("batch_size") if isinstance(recipe, dict) else None
    return {"batch_size": size // 2} if isinstance(size, int) and size >= 4 else None


def _why_interrupted(run: Run) -> tuple[str, str, bool]:
    """Why, what to do, and whether it was memory."""
    launched = run.launched()
    created = launched.get("created", 0)
    if created and psutil.boot_time() > created + 60:
        return "The machine was restarted, or switched off, while it trained.", "Resume the run.", False
    before, now = launched.get("kernel_kills"), kernel_kills()
    if before is not None and now is not None and now > before:
        return (
            "Very likely the system ended the worker because the machine ran out of memory: it has done so to a process"
            " since this run began.", "Close other programs and resume the run, or start again with half the pairs a"
            " step.", True,
        )
    tail = run.log_tail(4000)
    for pattern, why, what_to_do in _TRACES:
        if found := re.search(pattern, tail, re.IGNORECASE):
            name = next((group for group in found.groups() if group), "")
            return why.format(name), what_to_do, "memory" in why
    if "Traceback (most recent call last)" in tail:
        last = tail.strip().splitlines()[-1][:300]
        return f"The worker met an error: {last}", "Resume the run; the log has more.", False
    return (
        "Its process ended without a word, as it does when somebody or the system kills it.", "Resume the run.", False,
    )


def kernel_kills() -> int | None:
    """How many processes the system has killed for memory since it started (Linux), None where that cannot be told."""
    try:
        text = Path("/proc/vmstat").read_text()
    except OSError:
        return None
    found = re.search(r"^oom_kill (\d+)$", text, re.MULTILINE)
    return int(found[1]) if found else None
