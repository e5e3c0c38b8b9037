"""Encoding on a CPU: texts of mixed lengths, against ``SentenceTransformer.encode`` as it comes, with equal vectors.

Both sides get the same texts in one process, in turn, with nothing in any cache.
"""

import statistics
import tempfile
import time
from pathlib import Path

from benchmarks.result import Result, paired
from benchmarks.throughput import read_rows

#: Of the exact vectors, and of those in half precision, which took the place of 8-bit products: those took 2.7 to 2.8 x the
#: library's speed where exact ones took 2.6, at cosines of 0.996 at the least (torch._int_mm, a scale a token; tried once).
TARGET, HALF_TARGET = 1.3, 2.5
WORDS = {"exact": "fp32", "half": "half precision"}
TURNS = 3
#: At most this many texts.
TEXTS = 400


def measure(pairs: Path) -> list[Result]:
    """The library's and ours, exact and in half precision, in turn on both sides of a file's pairs: the medians of the ratios
    of their times, and what half precision costs in quality."""
    import numpy as np

    from core.evaluation.comparison import pool_for
    from core.evaluation.scores import score
    from core.models import BASE_MODEL, encode, load, load_cached, resolve
    from core.workspace import Workspace

    rows = read_rows(pairs)
    texts = [*rows["anchor"][: TEXTS // 2], *rows["positive"][: TEXTS // 2]]
    with tempfile.TemporaryDirectory() as folder:
        ref = resolve(BASE_MODEL, Workspace.at(folder))
        library, fast = load(ref), load_cached(ref)
    sides = {
        "library": lambda texts: library.encode(texts, show_progress_bar=False, normalize_embeddings=True),
        "exact": lambda texts: encode(fast, texts), "half": lambda texts: encode(fast, texts, half=True),
    }
    vectors = {side: work(texts) for side, work in sides.items()}  # and all are warm
    turns = [{side: _seconds(lambda work=work: work(texts)) for side, work in sides.items()} for _ in range(TURNS)]
    asked = rows.assign(row=range(len(rows)))
    pool, _ = pool_for(asked, asked)
    ndcg = {
        side: score(sides[side](pool.queries), sides[side](pool.corpus), pool)["ndcg@10"] for side in ("exact", "half")
    }
    results = []
    for side, target, least in (("exact", TARGET, 0.99999), ("half", HALF_TARGET, 0.999)):
        ratio, spread = paired([turn["library"] for turn in turns], [turn[side] for turn in turns])
        same = float(np.min(np.sum(vectors["library"] * vectors[side], axis=1)))
        theirs, ours = (len(texts) / statistics.median(turn[one] for turn in turns) for one in ("library", side))
        cost = "" if side == "exact" else f"; nDCG@10 {ndcg['half']:.4f} where exact vectors give {ndcg['exact']:.4f}"
        results.append(Result(
            f"encoding, {WORDS[side]}, {pairs.stem}", ratio, target, ratio >= target and same > least,
            f"SentenceTransformer.encode: {theirs:.0f} texts/s, ours {ours:.0f}, smallest cosine {same:.7f}{cost}", spread,
        ))
    return results


def _seconds(work) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
