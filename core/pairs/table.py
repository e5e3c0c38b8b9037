"""A file's rows as text, before anyone has said what its columns mean."""

import json
import math
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa

from core.errors import WorkbenchError
from core.pairs.names import known

#: The most that a file may hold when it is unpacked: bytes, rows, columns, and cells where a row need not have them all.
MAX_BYTES, MAX_ROWS, MAX_COLUMNS, MAX_CELLS = 2 << 30, 20_000_000, 1000, 20_000_000
#: Characters of a column's name that are kept.
_LONGEST_NAME = 200

Format = Literal["CSV", "TSV", "JSON", "JSON Lines", "Parquet", "Excel"]


@dataclass(frozen=True)
class BrokenLine:
    """A line that was left out: its number in the file (from 1) and what is wrong with it."""

    line: int
    why: str


class BrokenLinesError(WorkbenchError):
    """Some lines of a file are broken, and it can be read without them (``read_table(path, skip_broken=True)``).

    Attributes:
        broken: the lines that would be left out.
        good: how many records would be left.
    """

    def __init__(self, what: str, why: str, what_to_do: str, broken: tuple[BrokenLine, ...], good: int):
        super().__init__(what, why, what_to_do)
        self.broken = broken
        self.good = good


@dataclass(frozen=True)
class Table:
    """What stands in a file.

    Attributes:
        frame: every column as text ("" where a cell is empty); the index, called ``row``, is the record's number in the
            file, from 1, with the header not counted.
        encoding: the name of the text's encoding, None for formats that have none of their own.
        delimiter: what stands between two cells, None where there is none.
        header: whether the names of the columns come from the file's first line.
        compressed: the file was a gz file.
        broken: lines that were left out.
    """

    frame: pd.DataFrame = field(repr=False)
    format: Format
    encoding: str | None = None
    delimiter: str | None = None
    header: bool = True
    compressed: bool = False
    broken: tuple[BrokenLine, ...] = ()


def too_large(name: str, why: str) -> WorkbenchError:
    """The error for a file beyond what one machine should open."""
    return WorkbenchError(
        f"{name} is too large.", why, "Bring a part of it; some ten thousand pairs are plenty for training."
    )


def check_width(columns: int) -> None:
    """Nothing, where a table of texts can have so many columns.

    Raises:
        WorkbenchError: it cannot.
    """
    if columns > MAX_COLUMNS:
        raise WorkbenchError(
            f"The file has more than {MAX_COLUMNS:,} columns.",
            "It is not a table of pairs, or its rows and columns are swapped.",
            "Bring a file with one row for each pair.",
        )


def check_cells(rows: int, columns: int, name: str) -> None:
    """Nothing, where a table can be as large as this once each row has all columns.

    Raises:
        WorkbenchError: it cannot.
    """
    check_width(columns)
    if rows * columns > MAX_CELLS:
        raise too_large(name, f"It has {rows:,} rows and {columns:,} columns.")


def as_text(value: Any) -> str:
    """One cell as text: nothing for a missing value, JSON for a list or an object."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, str):
        # Half a surrogate pair cannot be stored as UTF-8; it comes from a "\ud83d" that was cut in two.
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, bool | list | dict):
        return as_text(json.dumps(value, ensure_ascii=False, default=str))
    return str(value)


def as_text_array(values: Sequence[Any]) -> pa.Array:
    """Cells of any type as an Arrow array of text."""
    try:
        return pa.array(values, pa.large_string()).fill_null("")
    except (pa.ArrowException, UnicodeEncodeError, TypeError):
        return pa.array([as_text(value) for value in values], pa.large_string())


def to_frame(table: pa.Table, rows: np.ndarray | None = None) -> pd.DataFrame:
    """An Arrow table of text as a frame with record numbers (``rows``, or 1, 2, 3 ...) as its index."""
    text = pd.StringDtype("pyarrow", na_value=np.nan)
    frame: pd.DataFrame = table.to_pandas(types_mapper=lambda _: text, ignore_metadata=True)
    frame.index = pd.RangeIndex(1, len(frame) + 1, name="row") if rows is None else pd.Index(rows, name="row")
    return frame


def column_names(first_row: Sequence[str]) -> list[str]:
    """Names for columns from a header: tidy, none empty, none twice.

    Raises:
        WorkbenchError: there are more than a table of texts can have.
    """
    check_width(len(first_row))
    names: dict[str, None] = {}
    for number, cell in enumerate(first_row, 1):
        name = " ".join(cell.replace("\ufeff", "").split())[:_LONGEST_NAME] or f"column {number}"
        wanted, copy = name, 2
        while name in names:
            name, copy = f"{wanted} ({copy})", copy + 1
        names[name] = None
    return list(names)


def looks_like_header(first_row: Sequence[str], more: Sequence[Sequence[str]]) -> bool:
    """Whether ``first_row`` names the columns: yes, unless something in it looks like data.

    Data is a number, a sentence, an empty or repeated cell among short ones, or a text that comes again below.
    """
    cells = [unicodedata.normalize("NFKC", cell).strip() for cell in first_row]
    if any(known(cell) for cell in cells):
        return True
    filled = [cell for cell in cells if cell]
    if not filled or len(set(filled)) < len(filled):
        return False
    if any(re.fullmatch(r"[-+]?\d+([.,]\d+)?", cell) for cell in filled):
        return False
    if any(len(cell) > 60 or len(cell.split()) > 5 or re.search(r"[?!.…。？！]$", cell) for cell in filled):
        return False
    below = [{row[column].strip() for row in more if column < len(row)} for column in range(len(cells))]
    return not any(cell and cell in values for cell, values in zip(cells, below, strict=True))
