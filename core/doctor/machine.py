"""The machine: processor, memory, GPU and ports."""

import os
from pathlib import Path

import psutil

from core.doctor.finding import Finding
from core.ports import DEFAULT_PORT, PORTS, is_free

AREA = "Machine"
GB = 1 << 30
#: What the app and a training of the built-in model take together, with something to spare.
ENOUGH_MEMORY = 2 * GB
#: Where a container's limit of memory stands (control groups, version 2).
_CONTAINER_LIMIT = Path("/sys/fs/cgroup/memory.max")


def look_at_machine(gpu: str | None, limit_file: Path = _CONTAINER_LIMIT) -> list[Finding]:
    """Cores and memory, a container's limit included.

    Args:
        gpu: the name of the GPU that torch sees, None for none.
    """
    memory = psutil.virtual_memory()
    whole, free = memory.total, memory.available
    limit = _limit(limit_file)
    if limit and limit < whole:
        whole, free = limit, min(free, limit)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    runs_on = f"the GPU {gpu}" if gpu else "the processor; torch sees no GPU"
    words = f"{cores} cores, {whole / GB:.1f} GB of memory, {free / GB:.1f} GB of it free. Trainings run on {runs_on}."
    if free >= ENOUGH_MEMORY:
        return [Finding(AREA, "good", words)]
    return [Finding(
        AREA, "note", words, f"A training of the built-in model wants about {ENOUGH_MEMORY / GB:.0f} GB.",
        "Close other programs, or choose smaller batches." if not limit else "Give the container more memory.",
    )]


def _limit(file: Path) -> int | None:
    try:
        return int(file.read_text())
    except (OSError, ValueError):  # no container, or one without a limit: "max"
        return None


def look_at_ports() -> Finding:
    """Whether the app finds a port to listen on."""
    free = next((port for port in PORTS if is_free("127.0.0.1", port)), None)
    if free is None:
        return Finding(
            "Ports", "bad", f"No port from {PORTS[0]} to {PORTS[-1]} is free.", "Other programs listen there.",
            "Close some of them, or start the workbench with --port.",
        )
    if free != DEFAULT_PORT:
        return Finding(
            "Ports", "note", f"Port {DEFAULT_PORT} is in use, by a workbench that runs or another program.",
            f"One that is started now takes port {free}.",
        )
    return Finding("Ports", "good", f"Port {DEFAULT_PORT} is free.")
