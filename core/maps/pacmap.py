"""The optional second layout: PaCMAP, which keeps near texts near and lets distances across the picture go.

PaCMAP (Wang, Huang, Rudin and Shaposhnik, JMLR 2021) is no part of the main install: it brings a compiler and weighs about
280 MB. It works in a process of its own, ``python -m core.maps.pacmap IN OUT SEED``: compiling and fitting would hold up
everything else in the program, and its search for neighbours brings threads that do not go with torch's on every system.
"""

import importlib.util
import io
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from core.errors import WorkbenchError
from core.maps.projection import Map, stacked
from core.workspace import Workspace, write_atomically

#: What to install; tried with 0.9.1.
REQUIREMENT = "pacmap>=0.9,<0.10"
#: Fewer texts have too few neighbours to be laid out by them.
FEWEST = 20
#: Trustworthiness is worked out over so many points at most: its memory grows with their square.
TRUST_SAMPLE = 2000
#: How many neighbours in the picture are looked up in the full space.
TRUST_NEIGHBOURS = 10

#: Part of the file name: a change in what is computed makes old files unread.
_VERSION = 1
#: Seconds after which something must be wrong; thousands of texts take a minute or so.
_LONGEST = 1800


def installed() -> bool:
    """Whether PaCMAP can be used; it is not imported for that."""
    return importlib.util.find_spec("pacmap") is not None


def kept_pacmap(shown: Map, key: str, workspace: Workspace) -> Map | None:
    """``shown`` with the places that ``pacmap`` found before; None where it has not, or the file is damaged."""
    try:
        with np.load(_file(shown, key, workspace), allow_pickle=False) as data:
            base, tuned, trust = data["base_xy"], data["tuned_xy"], float(data["trust"])
    except Exception:  # missing, damaged or of another kind: it is worked out again
        return None
    if base.shape != shown.base_xy.shape or tuned.shape != shown.tuned_xy.shape:
        return None
    return replace(shown, base_xy=base, tuned_xy=tuned, variance=None, layout="PaCMAP", trust=trust)


def pacmap(
    shown: Map, vectors: Callable[[], tuple[np.ndarray, np.ndarray]], key: str, workspace: Workspace
) -> Map:
    """``shown`` laid out by PaCMAP, fitted once on both spaces, the tuned one aligned onto the base; kept in the cache.

    Args:
        vectors: gives the base vectors [shown, d] and the tuned ones [shown, e] of the texts on ``shown``.
        key: names the two models and their texts, in letters, digits and hyphens.

    Raises:
        WorkbenchError: PaCMAP is not installed, has too few texts, or fails.
    """
    if known := kept_pacmap(shown, key, workspace):
        return known
    if not installed():
        raise WorkbenchError(
            "PaCMAP is not installed.", "It is an optional extra.", f'Install it with: pip install "{REQUIREMENT}"'
        )
    if len(shown.shown) < FEWEST:
        raise WorkbenchError(
            f"PaCMAP needs {FEWEST} texts or more.", f"There are {len(shown.shown)}.", "The other layout, PCA, shows them."
        )
    stack = stacked(*vectors())
    places = _fitted(stack.astype(np.float32), shown.seed)
    half = len(shown.shown)
    written = io.BytesIO()
    np.savez(written, base_xy=places[:half], tuned_xy=places[half:], trust=trustworthy(stack, places, shown.seed))
    path = _file(shown, key, workspace)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, written.getvalue())
    found = kept_pacmap(shown, key, workspace)
    assert found is not None
    return found


def trustworthy(full: np.ndarray, flat: np.ndarray, seed: int) -> float:
    """How far neighbours in the picture are neighbours in the full space: 1 where all are, about 0.5 by chance.

    Trustworthiness of Venna and Kaski (2001) for 10 neighbours, over a sample of at most ``TRUST_SAMPLE`` points.

    Args:
        full: [n, d]; flat: [n, 2], the same points.
    """
    from sklearn.manifold import trustworthiness

    if len(full) > TRUST_SAMPLE:
        some = np.random.default_rng(seed).choice(len(full), TRUST_SAMPLE, replace=False)
        full, flat = full[some], flat[some]
    return float(trustworthiness(full, flat, n_neighbors=min(TRUST_NEIGHBOURS, (len(full) - 1) // 2)))


def _file(shown: Map, key: str, workspace: Workspace) -> Path:
    return workspace.cache / "maps" / f"{_VERSION}-pacmap-{key}-{len(shown.shown)}-{shown.seed}.npz"


def _fitted(stack: np.ndarray, seed: int) -> np.ndarray:
    """The places [n, 2] of ``stack`` [n, d], worked out by another process."""
    with tempfile.TemporaryDirectory(prefix="map-") as folder:
        given, found = Path(folder, "given.npy"), Path(folder, "found.npy")
        np.save(given, stack)
        command = [sys.executable, "-m", "core.maps.pacmap", str(given), str(found), str(seed)]
        root = Path(__file__).resolve().parents[2]
        try:
            done = subprocess.run(
                command, cwd=root, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_LONGEST
            )
            if done.returncode == 0:
                return np.asarray(np.load(found, allow_pickle=False))
            lines = done.stderr.strip().splitlines()
            reason = f"It says: {lines[-1][:300]}" if lines else f"It ended with {done.returncode}."
        except (OSError, ValueError, subprocess.TimeoutExpired) as error:
            reason = f"The system says: {error}"[:300]
    raise WorkbenchError("PaCMAP could not lay out the map.", reason, "The other layout, PCA, shows the same texts.")


def _fit(given: str, found: str, seed: str) -> None:
    if hasattr(os, "nice"):
        os.nice(5)
    import pacmap as library

    # both spaces have rows of length 1 about one mean, so nearness in a straight line is nearness by cosine
    fit = library.PaCMAP(n_components=2, n_neighbors=10, random_state=int(seed))
    np.save(found, fit.fit_transform(np.load(given, allow_pickle=False)))


if __name__ == "__main__":
    _fit(*sys.argv[1:])
