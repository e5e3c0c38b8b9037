"""Packing a model for SageMaker: ``model.tar.gz`` as the endpoints get it, against ``tarfile`` "w:gz" at its default level.

The same files in both. Weights hardly compress, so ours stores them as they are in a valid gzip file; what that costs is
the size, which has a limit of its own.
"""

import statistics
import tarfile
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.result import Result, paired

TARGET, MOST_LARGER = 5.0, 1.10
TURNS = 3


def measure() -> Result:
    """Both in turn on the built-in model; the median of the ratios of their times."""
    from core.endpoints.archive import pack
    from core.models import BASE_MODEL, resolve
    from core.workspace import Workspace

    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        model = resolve(BASE_MODEL, Workspace.at(folder / "workspace"))
        ours, usual, content = folder / "ours.tar.gz", folder / "usual.tar.gz", folder / "content"
        pack(model, ours)  # and the model's files are in the disk's cache
        with tarfile.open(ours) as tar:
            tar.extractall(content, filter="data")

        def pack_as_usual() -> None:
            with tarfile.open(usual, "w:gz") as tar:
                tar.add(content, arcname=".")

        times = [(_seconds(pack_as_usual), _seconds(lambda: pack(model, ours))) for _ in range(TURNS)]
        larger = ours.stat().st_size / usual.stat().st_size
    ratio, spread = paired(*zip(*times, strict=True))
    theirs, mine = (statistics.median(found) for found in zip(*times, strict=True))
    return Result(
        "packing model.tar.gz", ratio, TARGET, ratio >= TARGET and larger <= MOST_LARGER,
        f"tarfile “w:gz”: {theirs:.1f} s, ours {mine:.2f} s and {larger:.3f} x its size (at most {MOST_LARGER:.2f})", spread,
    )


def _seconds(work: Callable[[], None]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
