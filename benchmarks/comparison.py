"""What comparing two models costs in memory, and how soon the same comparison is there again.

Random unit vectors of 384 numbers lie in the workspace's cache of embeddings, so that everything but the models themselves
runs as it does in the app: pool, ranks, keyword search, smaller vectors, neighbours, intervals, report, table and map. Each
turn is a process of its own, whose peak memory (RSS) the system tells.

    python -m benchmarks.comparison fill|open FOLDER QUESTIONS ANSWERS      one turn, which prints its figures as JSON
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.result import Result, peak_memory

ROOT = Path(__file__).resolve().parents[1]
#: Questions and answers, and with --full; the latter takes minutes on two cores.
USUAL, FULL = (2_000, 20_000), (100_000, 100_000)
#: The most memory that comparing may take, in GiB, and the most seconds until a comparison is there again.
MOST_GIB, MOST_SECONDS = 2.0, 1.0
DIMENSIONS, AT_ONCE = 384, 5_000


def measure(full: bool) -> list[Result]:
    """Compare two models that were never compared, and open the comparison again, three times."""
    questions, answers = FULL if full else USUAL
    with tempfile.TemporaryDirectory() as folder:
        _turn("fill", folder, questions, answers)
        first = _turn("open", folder, questions, answers)
        again = [_turn("open", folder, questions, answers)["seconds"] for _ in range(3)]
    memory, opening = first["gib"] / MOST_GIB, sorted(one / MOST_SECONDS for one in again)
    size = f"{questions:,} questions, {answers:,} answers"
    return [
        Result(
            "memory of a comparison", memory, 1.0, memory <= 1,
            f"{MOST_GIB:g} GiB; {size}: {first['gib']:.2f} GiB at most, {first['seconds']:,.0f} s",
        ),
        Result(
            "a comparison opened again", opening[1], 1.0, opening[1] <= 1,
            f"{MOST_SECONDS:g} s; {size}: {opening[1] * MOST_SECONDS:.2f} s", (opening[0], opening[-1]),
        ),
    ]


def _turn(what: str, folder: str, questions: int, answers: int) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.comparison", what, folder, str(questions), str(answers)]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return json.loads(answer.stdout.splitlines()[-1])


def _models(folder: Path) -> list:
    from core.models import ModelRef

    return [ModelRef(name, folder / name, name * 16) for name in ("base", "tune")]


def fill(folder: Path, questions: int, answers: int) -> None:
    """Put the vectors of all texts under both models into the cache; those of the second one are a little nearer."""
    import numpy as np

    from core.models.cache import EmbeddingCache
    from core.workspace import Workspace

    for ref, noise in zip(_models(folder), (1.2, 1.1), strict=True):
        cache = EmbeddingCache(Workspace.at(folder).cache / "embeddings", ref.digest)
        for start in range(0, answers, AT_ONCE):
            count, random = min(AT_ONCE, answers - start), np.random.default_rng(start)
            meaning = random.normal(size=(count, DIMENSIONS))
            for name, most in (("question", questions), ("answer", answers)):
                vectors = meaning + noise * random.normal(size=meaning.shape)
                vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
                some = range(start, min(start + count, most))
                cache.put({f"{name} {at}": vector.astype(np.float32) for at, vector in zip(some, vectors, strict=False)})


def compared(folder: Path, questions: int, answers: int) -> float:
    """Seconds until everything that the Compare tab shows of the two models is there."""
    import numpy as np
    import pandas as pd
    import scipy.special  # noqa: F401  # the app has these loaded; they are not what is measured
    import sklearn.decomposition  # noqa: F401

    from core.evaluation.comparison import compare, example_pairs, pairs_table
    from core.evaluation.report import report
    from core.maps.kept import map_of
    from core.workspace import Workspace

    rows = pd.DataFrame({"row": np.arange(1, answers + 1), "component": np.arange(answers)})
    rows["anchor"], rows["positive"] = ([f"{name} {at}" for at in range(answers)] for name in ("question", "answer"))
    workspace, models = Workspace.at(folder), _models(folder)
    begin = time.perf_counter()
    found = compare(*models, rows.head(questions), rows, workspace)
    report(found)
    pairs_table(found)
    example_pairs(found)
    map_of(*models, [*found.pool.queries, *found.pool.corpus], found.pool.digest(), workspace)
    return time.perf_counter() - begin


if __name__ == "__main__":
    what, place, *sizes = sys.argv[1:]
    turn = {"fill": fill, "open": compared}[what]
    seconds = turn(Path(place), *map(int, sizes))
    print(json.dumps({"seconds": seconds, "gib": peak_memory() / 2**30}))
