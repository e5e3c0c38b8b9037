"""Questions that ask nearly the same, looked for in a whole set: minutes for 100,000 rows, of which the checks see a sample.

What was found is kept in the set's folder, ``near.json``: with ``reading``, which says how the file was read, and ``groups``,
the row numbers of those that ask nearly the same. It can be found again.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from core.models import ModelRef, embed
from core.pairs.meaning import near_groups
from core.pairs.store import StoredSet
from core.shapes import NEAR, read_shaped
from core.workspace import Workspace, write_json, writing

#: ``progress(stage, done, all)``: in the stage "reading" it counts questions, in "comparing" too.
Progress = Callable[[str, int, int], None]


def look_at_all(stored: StoredSet, model: ModelRef, workspace: Workspace, progress: Progress) -> None:
    """Compare every two questions of the set, whether its rows are in use or not, and keep what was found.

    What ``progress`` raises ends it; the questions that were read until then are not read again.

    Raises:
        WorkbenchError: the model cannot be loaded, or the disk is full.
    """
    pairs = stored.pairs()
    keys, first = np.unique(pairs.keys["anchor"], return_index=True)
    keys, first = keys[keys >= 0], first[keys >= 0]
    questions = pairs.frame["anchor"].iloc[first].tolist()
    vectors = embed(model, questions, workspace, lambda done, total: progress("reading", done, total))
    groups = near_groups(pairs, keys, vectors, lambda done, total: progress("comparing", done, total))
    with writing(f"What was found in {stored.name} could not be kept."):
        write_json(stored.folder / "near.json", {"reading": _reading(stored), "groups": [rows for rows, _ in groups]})


def known_groups(stored: StoredSet) -> tuple[tuple[int, ...], ...] | None:
    """What ``look_at_all`` found in the set as it is read now; None where it was not asked, or the file is damaged."""
    kept = read_shaped(stored.folder / "near.json", NEAR)
    if not kept or kept.get("reading") != _reading(stored):
        return None
    return tuple(tuple(group) for group in kept["groups"])


def _reading(stored: StoredSet) -> dict[str, Any]:
    return {
        "anchor": stored.columns["anchor"], "delimiter": stored.facts["delimiter"], "header": stored.facts["header"],
    }
