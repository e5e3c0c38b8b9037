"""The map of two models, drawn once and kept: its texts are the only ones whose vectors are looked up."""

import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from core.maps.projection import Map, chosen, project
from core.models import ModelRef, embed
from core.workspace import Workspace, write_atomically

#: What is kept of a map; the rest says that it is laid out by PCA, as all of these are.
_KEPT = ("base_xy", "tuned_xy", "shown", "variance", "total", "seed", "kept")
#: Part of the file name: a change in how maps are drawn makes old files unread.
_VERSION = 1


def map_of(base: ModelRef, tuned: ModelRef, texts: Sequence[str], key: str, workspace: Workspace) -> Map:
    """``project`` of ``texts`` under two models, kept in the workspace's cache.

    Args:
        key: other texts have another (a digest, in hex).

    Raises:
        WorkbenchError: a model cannot be loaded.
    """
    path = workspace.cache / "maps" / f"{_VERSION}-{base.digest[:32]}-{tuned.digest[:32]}-{key[:32]}.npz"
    known = _read(path, len(texts))
    if known is not None:
        return known
    shown = chosen(len(texts))
    some = [texts[at] for at in shown]
    made = replace(project(embed(base, some, workspace), embed(tuned, some, workspace)), shown=shown, total=len(texts))
    _keep(path, made)
    return made


def _read(path: Path, total: int) -> Map | None:
    """The map kept in ``path``; None where there is none or it is damaged."""
    try:
        with np.load(path, allow_pickle=False) as data:
            made = Map(
                data["base_xy"], data["tuned_xy"], data["shown"], float(data["variance"]), int(data["total"]),
                int(data["seed"]), data["kept"],
            )
            return made if made.total == total else None
    except Exception:  # zipfile, zlib and numpy each have errors of their own for a damaged file
        return None


def _keep(path: Path, made: Map) -> None:
    """Write ``made`` whole or not at all; on a full disk it is not kept."""
    data = io.BytesIO()
    np.savez(data, **{name: getattr(made, name) for name in _KEPT})
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, data.getvalue())
    except OSError:
        pass
