"""Why an endpoint's process is not there any more, in words: what its log tells, or the machine."""

import re

import psutil

#: Ends of the log that tell what happened: (pattern, why, what to do).
_TRACES = (
    (r"No space left on device|disk quota exceeded", "The disk is full.", "Make room on the disk, then deploy it again."),
    (
        r"MemoryError|can't allocate memory|Cannot allocate memory|out of memory", "The machine ran out of memory.",
        "Close other programs, then deploy it again.",
    ),
    (
        r"Address already in use|Cannot assign requested address",
        "Another program uses the port that it was to listen on.", "Deploy it again: it gets another port.",
    ),
    (
        r"ModuleNotFoundError: No module named '?([\w.]+)|ImportError: (.+)",
        "A Python package could not be loaded: {}.", "Install what requirements.txt lists, then deploy it again.",
    ),
    (
        r"UnknownModel: (.+)", "The model cannot be served: {}", "Choose another model.",
    ),
    (
        r"Segmentation fault|Bus error|Illegal instruction|Fatal Python error", "A library that it uses crashed.",
        "Deploy it again; if it happens again, its log shows where.",
    ),
)


def why_ended(log: str, started: float) -> str:
    """Sentences: why, and what to do.

    Args:
        log: the end of its log.
        started: when its process was started, in seconds since 1970; 0 where it never was.
    """
    if started and psutil.boot_time() > started + 60:
        return "The machine was restarted, or switched off, while it ran. Deploy it again."
    for pattern, why, what_to_do in _TRACES:
        if found := re.search(pattern, log, re.IGNORECASE):
            name = next((group for group in found.groups() if group), "")
            return f"{why.format(name)} {what_to_do}"
    if "Traceback (most recent call last)" in log:
        return f"It met an error: {log.splitlines()[-1][:300]} Deploy it again; its log has more."
    return "Its process ended without a word, as it does when somebody or the system kills it. Deploy it again."
