"""One row of the benchmark table, and the machine that it was measured on."""

import os
import platform
import re
import resource
import statistics
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path


@dataclass(frozen=True)
class Result:
    """A ratio measured against a named peer in the same run.

    Attributes:
        name: what was measured.
        ratio: ours against the peer's; None where it could not be measured.
        target: what the ratio should reach.
        met: whether it does; None where it could not be measured.
        against: the peer, with the figures behind the ratio; where the target was missed or not measured, why.
        spread: the lowest and the highest ratio over the repetitions; None where there was one only.
    """

    name: str
    ratio: float | None
    target: float
    met: bool | None
    against: str
    spread: tuple[float, float] | None = None

    def as_dict(self) -> dict:
        return asdict(self)


def paired(ours: Sequence[float], peers: Sequence[float]) -> tuple[float, tuple[float, float]]:
    """The median ratio of figures that were measured in turn (ours[0], peers[0], ours[1], ...), and its spread.

    A machine's speed drifts: each figure is compared with its neighbour in time only.
    """
    ratios = [one / other for one, other in zip(ours, peers, strict=True)]
    return statistics.median(ratios), (min(ratios), max(ratios))


def row(result: Result) -> str:
    """One line of the table: name, ratio, spread over repetitions, target, whether it is met, and the peer."""
    ratio = "–" if result.ratio is None else f"{result.ratio:.3f}"
    spread = "" if result.spread is None else f"{result.spread[0]:.3g} to {result.spread[1]:.3g}"
    met = {True: "met", False: "missed", None: "not measured"}[result.met]
    return f"{result.name:<58} {ratio:>8} {spread:<15} target {result.target:<8.4g} {met:<13} {result.against}"


def machine() -> str:
    """The machine in one line: cores, processor, memory, system, Python and torch."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        name = platform.processor() or platform.machine()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{os.cpu_count()} cores ({name}), {memory:.0f} GiB, {platform.system()}, Python {platform.python_version()}, "
        f"torch {version('torch')}"
    )


def peak_memory() -> int:
    """The most bytes of memory that this process has held. On Linux ``getrusage`` would begin with those of the process that
    started it."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(re.search(r"VmHWM:\s+(\d+) kB", status.read_text())[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
