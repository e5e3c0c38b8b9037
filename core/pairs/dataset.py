"""The pairs of one file, after its columns have been given their roles."""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from core.errors import WorkbenchError
from core.pairs.text import fold_codes

Kind = Literal["pairs", "triplets", "scored", "labelled"]

KIND_IN_WORDS: dict[Kind, str] = {
    "pairs": "pairs of a question and the text that answers it",
    "triplets": "triplets of a question, a right answer and a wrong one",
    "scored": "pairs with a score for how alike they are",
    "labelled": "pairs with a label: 1 belongs together, 0 does not",
}

#: The roles a column of a file can have, in the order in which training reads them.
ROLES = ("anchor", "positive", "negative", "score", "label", "group")


@dataclass(frozen=True)
class PairSet:
    """Pairs ready to be checked, split and trained on.

    Attributes:
        name: what the set is called on the screen, usually its file name.
        kind: which of the four shapes the rows have; the training loss follows from it.
        columns: role -> the column's name in the file, e.g. ``{"anchor": "question", "positive": "answer"}``.
        frame: one row a record of the file, with a column ``row`` (the record's number in the file, from 1, the header
            not counted) and one column for each role in ``columns``: ``anchor``, ``positive``, ``negative`` and
            ``group`` as text (never missing: an empty cell is ""), ``score`` as float in 0..1, ``label`` as 0 or 1.
    """

    name: str
    kind: Kind
    columns: dict[str, str]
    frame: pd.DataFrame = field(repr=False)

    def __len__(self) -> int:
        return len(self.frame)

    @cached_property
    def keys(self) -> dict[str, np.ndarray]:
        """int [rows] for each side (``anchor``, ``positive``, ``negative``): equal, also across sides, where the texts are
        the same after folding; -1 where they are blank. Found once, for checks and split alike."""
        sides = [side for side in ("anchor", "positive", "negative") if side in self.frame]
        return dict(zip(sides, fold_codes(*(self.frame[side] for side in sides)), strict=True))

    def only(self, keep: pd.Series) -> "PairSet":
        """The same set with the rows where ``keep`` (bool, one a row) is true."""
        if keep.all():
            return self
        return PairSet(self.name, self.kind, self.columns, self.frame[keep.to_numpy()].reset_index(drop=True))


def read_rows(file: Path) -> pd.DataFrame:
    """The rows that a run keeps in ``file``.

    Raises:
        WorkbenchError: the file is damaged or not there.
    """
    try:
        return pd.read_parquet(file)
    except (OSError, ValueError) as error:  # pyarrow's own errors are these
        if not file.parent.is_dir():
            raise WorkbenchError(
                f"The pairs of {file.parent.name} are not there any more.", "It was deleted meanwhile.", "Choose another model."
            ) from error
        raise WorkbenchError(
            f"The pairs of {file.parent.name} cannot be read.", f"Its {file.name} is missing or damaged.",
            "Bring it back from a backup, or train again from the pairs.",
        ) from error
