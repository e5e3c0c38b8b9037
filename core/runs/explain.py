"""Why a run ended without a model, in words: what the worker said itself, or what its traces tell."""

import contextlib
import re
from pathlib import Path
from typing import Any

import psutil

from core.runs.run import Run, Status
from core.workspace import files_below

#: What the libraries say when memory is short; only CUDA and Python itself have an exception of its own for it.
MEMORY_WORDS = (
    r"MemoryError|can't allocate memory|Cannot allocate memory|not enough memory|out of memory|bad_alloc"
    r"|memory allocation of \d+ bytes failed|could not create a (primitive|memory object)|can't start new thread"
)
#: A worker that used more than this share of the memory when it was last heard of was very likely killed for it.
_NEARLY_ALL = 0.7
#: The libraries' trace of a crash ends with the names of all their parts, which is long.
_TAIL = 20_000

_CGROUP = Path("/sys/fs/cgroup")
#: Ends of the log that tell what happened, most telling first: (pattern, why, what to do).
_TRACES = (
    (
        r"No space left on device|disk quota exceeded", "The disk is full.",
        "Make room on the disk, then resume the run.",
    ),
    (
        f"(?:{MEMORY_WORDS})", "The machine ran out of memory.",
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
    if files_below(run.checkpoints, "progress.json"):  # what the worker writes last into a checkpoint
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
    tail = run.log_tail(_TAIL)
    for pattern, why, what_to_do in _TRACES:
        if found := re.search(pattern, tail, re.IGNORECASE):
            name = next((group for group in found.groups() if group), "") if "{}" in why else ""
            return why.format(name), what_to_do, "memory" in why
    if "Traceback (most recent call last)" in tail:
        last = tail.strip().splitlines()[-1][:300]
        return f"The worker met an error: {last}", "Resume the run; the log has more.", False
    if (used := _memory_told(run)) and (limit := memory_limit()) and used > _NEARLY_ALL * limit:
        return (
            f"Very likely the system ended the worker because memory was short: it used {used / 1e9:.1f} of"
            f" {limit / 1e9:.1f} GB when it was last heard of.", "Close other programs and resume the run, or start again with"
            " half the pairs a step.", True,
        )
    return (
        "Its process ended without a word, as it does when somebody or the system kills it.", "Resume the run.", False,
    )


def _memory_told(run: Run) -> int:
    """Bytes of memory that the worker used after the last step that it told of; 0 where it told of none."""
    return next((event.get("memory") or 0 for event in reversed(run.events()[0]) if event["kind"] == "step"), 0)


def memory_limit() -> int:
    """Bytes of memory that this machine has, or the container that this runs in may use."""
    total: int = psutil.virtual_memory().total
    for file in (_CGROUP / "memory.max", _CGROUP / "memory" / "memory.limit_in_bytes"):
        with contextlib.suppress(OSError, ValueError):  # "max" is none
            total = min(total, int(file.read_text()))
    return total


def kernel_kills() -> int | None:
    """How many processes the system has killed for memory since it started (Linux), None where that cannot be told."""
    try:
        text = Path("/proc/vmstat").read_text()
    except OSError:
        return None
    found = re.search(r"^oom_kill (\d+)$", text, re.MULTILINE)
    return int(found[1]) if found else None
