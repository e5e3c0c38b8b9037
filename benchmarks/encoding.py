"""Encoding on a CPU: texts of mixed lengths, against ``SentenceTransformer.encode`` as it comes, with equal vectors.

Both sides get the same texts in one process, in turn, with nothing in any cache.
"""

import statistics
import tempfile
import time
from pathlib import Path

from benchmarks.result import Result, paired

TARGET = 1.3
TURNS = 3
#: At most this many texts.
TEXTS = 400


def measure(pairs: Path) -> Result:
    """The library's and ours in turn on both sides of a file's pairs; the median of the ratios of their times."""
    import numpy as np

    from core.models import BASE_MODEL, encode, load, load_cached, resolve
    from core.pairs.columns import guess_columns, to_pairs
    from core.pairs.read import read_table
    from core.workspace import Workspace

    table = read_table(pairs)
    rows = to_pairs(table, pairs.name, guess_columns(table)).frame
    texts = [*rows["anchor"][: TEXTS // 2], *rows["positive"][: TEXTS // 2]]
    with tempfile.TemporaryDirectory() as folder:
        ref = resolve(BASE_MODEL, Workspace.at(folder))
        library, fast = load(ref), load_cached(ref)

    def theirs():
        return library.encode(texts, show_progress_bar=False, normalize_embeddings=True)

    def ours():
        return encode(fast, texts)

    same = float(np.min(np.sum(theirs() * ours(), axis=1)))  # and both are warm
    times = [(_seconds(theirs), _seconds(ours)) for _ in range(TURNS)]
    ratio, spread = paired(*zip(*times, strict=True))
    speeds = [len(texts) / statistics.median(found) for found in zip(*times, strict=True)]
    return Result(
        "encoding, fp32", ratio, TARGET, ratio >= TARGET and same > 0.99999,
        f"SentenceTransformer.encode: {speeds[0]:.0f} texts/s, ours {speeds[1]:.0f}, smallest cosine {same:.7f}", spread,
    )


def int8() -> Result:
    """There is no int8 option yet; what was tried once stands in the row."""
    return Result(
        "encoding, int8", None, 2.5, None,
        "no such option yet: 8-bit products (torch._int_mm, a scale a token) on the packed passes took 2.7 to 2.8 x the"
        " library's speed once, where exact fp32 took 2.6 x, at cosines of 0.996 to fp32 at the least and 0.998 on average",
    )


def _seconds(work) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
