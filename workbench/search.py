"""The search above a table of texts."""

from collections.abc import Iterable

import numpy as np
import pandas as pd


def rows_with(search: str, frame: pd.DataFrame, columns: Iterable[str]) -> np.ndarray:
    """bool [n]: the rows that hold ``search`` in any of ``columns`` (those that ``frame`` has); capitals do not count.

    All rows where nothing is searched for.
    """
    wanted = search.strip()
    if not wanted:
        return np.ones(len(frame), bool)
    held = [frame[one].str.contains(wanted, case=False, regex=False) for one in columns if one in frame]
    return np.any(held, axis=0)
