"""Several tuned models against one base, on questions that none of them was trained on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.errors import WorkbenchError
from core.evaluation.comparison import Comparison, compare
from core.evaluation.seen import rows_seen
from core.models import ModelRef
from core.workspace import Workspace

#: So many tuned models are compared at once.
MOST = 5


@dataclass(frozen=True)
class Several:
    """Some models on one pool.

    Attributes:
        comparisons: each model's comparison with the base, in the order asked for.
        left_out: how many held-out pairs at least one of them was trained on; they were not asked.
    """

    comparisons: list[Comparison]
    left_out: int = 0


def compare_several(
    base: ModelRef, models: Sequence[ModelRef], held_out: pd.DataFrame, everything: pd.DataFrame, workspace: Workspace,
    progress: Callable[[int, int], None] | None = None,
) -> Several:
    """Compare each of ``models`` with ``base`` on those of ``held_out`` that none of them was trained on.

    Args:
        held_out, everything: as for ``compare``.
        progress: ``progress(done, all)`` while texts are turned into vectors.

    Raises:
        WorkbenchError: there are no or more than ``MOST`` models, or no question is left.
    """
    if not 1 <= len(models) <= MOST:
        raise WorkbenchError(
            f"{len(models)} models cannot be put side by side.", f"One to {MOST} go into the table.", "Choose again."
        )
    seen = np.zeros(len(held_out), dtype=bool)
    for model in (base, *models):
        seen |= rows_seen(model.path, held_out)
    asked = held_out[~seen]
    nothing = WorkbenchError(
        "These models cannot be put side by side.",
        "There is no question that none of them was trained on: their trainings kept other pairs aside, or none at all, as"
        " with five folds.",
        "Choose runs that were trained on the same pairs, all with five folds or all with the same held-out part.",
    )
    if not len(asked):
        raise nothing

    def part(number: int) -> Callable[[int, int], None] | None:
        return progress and (lambda done, total: progress(number * total + done, len(models) * total))

    comparisons = [
        compare(base, model, asked, everything, workspace, part(number)) for number, model in enumerate(models)
    ]
    if any(one.evidence != "held-out" for one in comparisons):
        raise nothing
    return Several(comparisons, int(seen.sum()))
