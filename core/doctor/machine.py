"""The machine: processor, memory, GPU and ports."""

import os

import psutil

from core.doctor.finding import Finding
from core.ports import DEFAULT_PORT, PORTS, is_free
from core.runs.explain import memory_limit

AREA = "Machine"
GB = 1 << 30
#: What the app and a training of the built-in model take together, with something to spare.
ENOUGH_MEMORY = 2 * GB


def look_at_machine(gpu: str | None) -> list[Finding]:
    """Cores and memory, a container's limit included.

    Args:
        gpu: the name of the GPU that torch sees, None for none.
    """
    memory, whole = psutil.virtual_memory(), memory_limit()
    free = min(memory.available, whole)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    runs_on = f"the GPU {gpu}" if gpu else "the processor; torch sees no GPU"
    words = f"{cores} cores, {whole / GB:.1f} GB of memory, {free / GB:.1f} GB of it free. Trainings run on {runs_on}."
    if free >= ENOUGH_MEMORY:
        return [Finding(AREA, "good", words)]
    return [Finding(
        AREA, "note", words, f"A training of the built-in model wants about {ENOUGH_MEMORY / GB:.0f} GB.",
        "Give the container more memory." if whole < memory.total else "Close other programs, or choose smaller batches.",
    )]


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
