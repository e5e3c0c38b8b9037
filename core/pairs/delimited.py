"""CSV and its relatives: what stands between the cells, whether there is a header, and the rows, fast."""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from core.errors import WorkbenchError
from core.pairs.layout import Layout, find_layout
from core.pairs.names import known
from core.pairs.table import (
    BrokenLine,
    BrokenLinesError,
    as_text_array,
    check_width,
    column_names,
    looks_like_header,
    to_frame,
)

#: The surest sign first: commas stand in ordinary sentences too.
DELIMITERS = ("\t", "|", ";", ",")
_WORDS = {"\t": "tab", "|": "vertical bar", ";": "semicolon", ",": "comma"}
_SAMPLE = 1 << 18
#: The first record of a file is looked for in so many bytes.
_LARGEST_SAMPLE = 1 << 24
#: Stands for "no delimiter": a character that no text has, so that each line is one cell.
_NONE = "\x1f"
#: Records that the careful reader holds as Python objects at a time.
_AT_ONCE = 50_000
#: More broken lines than this are not listed one by one.
MOST_BROKEN = 1_000_000


@dataclass(frozen=True)
class Delimited:
    """A delimited file's rows and how it was written."""

    frame: pd.DataFrame
    delimiter: str | None
    header: bool
    broken: tuple[BrokenLine, ...]


def read_delimited(
    data: bytes, name: str, *, delimiter: str | None = None, header: bool | None = None, skip_broken: bool = False
) -> Delimited:
    """Rows of delimited text (UTF-8). ``delimiter`` and ``header`` are found out where they are None.

    Raises:
        BrokenLinesError: some lines do not have as many cells as the first one.
        WorkbenchError: a quotation mark is not closed, or there are no rows.
    """
    csv.field_size_limit(2**31 - 1)
    delimiter, head = _begin(data, name, delimiter)
    if header is None:
        header = looks_like_header(head[0], head[1:])
    table, broken, rows = _rows(data, name, delimiter or _NONE, len(head[0]), header, skip_broken)
    # from the table: where quotation marks turned out to be ordinary characters, its first row is not that of ``head``
    first = [column[0].as_py() for column in table.columns] if header else [""] * table.num_columns
    names = column_names(first)
    table = table.slice(1 if header else 0).rename_columns(names)
    if rows is not None:
        rows = rows[1:] - 1 if header else rows
    if len(table) == 0:
        raise WorkbenchError(
            f"{name} holds no rows.",
            "There is a line with the names of the columns and nothing after it.",
            "Bring a file with at least one pair.",
        )
    return Delimited(to_frame(table, rows), delimiter, header, broken)


def _begin(data: bytes, name: str, delimiter: str | None) -> tuple[str | None, list[list[str]]]:
    """The delimiter, and the first rows: at least one to its end.

    Raises:
        WorkbenchError: there is none, or it has no end within reason, or too many cells.
    """
    size = _SAMPLE
    while True:
        sample, whole = data[:size].decode("utf-8", "ignore"), len(data) <= size
        found = delimiter or find_delimiter(sample, whole)
        head = _head(sample, found or _NONE, whole)
        if head:
            check_width(len(head[0]))
        if whole and not head:
            raise WorkbenchError(
                f"{name} holds no rows.", "The file is empty or has blank lines only.", "Bring another file."
            )
        if whole or len(head) > 1:
            return found, head
        if size >= _LARGEST_SAMPLE:
            raise WorkbenchError(
                f"{name}: the row that starts on line 1 is longer than {_LARGEST_SAMPLE >> 20} MB.",
                "Perhaps a quotation mark is opened in it and never closed, or it is not a table.",
                "Look at its beginning, mend it and bring it again.",
            )
        size *= 4


def find_delimiter(sample: str, whole: bool = True) -> str | None:
    """What stands between the cells: the character that gives most lines the same number of cells, or None."""
    best, best_score = None, (False, 0.0)
    for delimiter in DELIMITERS:
        rows = _head(sample, delimiter, whole)
        if not rows or len(rows[0]) < 2:
            continue
        ((width, count),) = Counter(map(len, rows)).most_common(1)
        named = any(known(cell) for cell in rows[0])
        score = (named, count / len(rows) if width > 1 else 0.0)
        if score > best_score and (named or score[1] >= 0.5):
            best, best_score = delimiter, score
    return best


def _head(sample: str, delimiter: str, whole: bool, most: int = 200) -> list[list[str]]:
    """The first rows of the sample; its last one is left out where it may be cut off."""
    rows = []
    try:
        for row in csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter):
            if _has_cells(row):
                rows.append(row)
            if len(rows) > most:
                break
    except csv.Error:
        pass
    return rows if whole and len(rows) <= most else rows[:-1] or rows


def _has_cells(row: list[str]) -> bool:
    """False for a blank line."""
    return len(row) > 1 or (len(row) == 1 and bool(row[0].strip()))


#: A table of text cells, the broken lines, and which record each row is (the first one is 1; None: every one).
_Rows = tuple[pa.Table, tuple[BrokenLine, ...], np.ndarray | None]


def _rows(data: bytes, name: str, delimiter: str, width: int, header: bool, skip_broken: bool) -> _Rows:
    """All good rows by the fastest way that the file allows."""
    layout = find_layout(data, delimiter)
    if layout is not None and (found := _by_layout(data, layout, name, delimiter, width, header, skip_broken)):
        return found
    del layout
    table = _lenient(data, delimiter, width)
    return (table, (), None) if table is not None else _careful(data, name, delimiter, header, skip_broken)


def _by_layout(
    data: bytes, layout: Layout, name: str, delimiter: str, width: int, header: bool, skip_broken: bool
) -> _Rows | None:
    """The same as ``_careful`` by Arrow's reader; None where the two might differ."""
    if width < 2 or len(layout) == 0 or layout.widths[0] != width:
        return None
    good = layout.widths == width
    check_broken_number(len(good) - int(good.sum()), name)
    first = layout.cells(data, 0, delimiter)
    broken = tuple(
        BrokenLine(int(layout.lines[record]), _wrong_width(layout.cells(data, record, delimiter), first, header))
        for record in np.flatnonzero(~good).tolist()
    )
    _check_broken(broken, int(good.sum()), name, delimiter, header, skip_broken)
    table = _arrow(data, delimiter, width, breaks=layout.breaks, skip=True)
    if table is None or len(table) != good.sum():
        return None
    return table, broken, np.flatnonzero(good) + 1 if broken else None


def _lenient(data: bytes, delimiter: str, width: int) -> pa.Table | None:
    """Every line as a row, where text beside quotation marks does no harm; None where the careful reader has to look.

    Arrow takes a quotation mark that is never closed as reaching to the end of the file. That leaves an odd number of
    marks, or cells with line breaks in them.
    """
    if data.count(b'"') % 2:
        return None
    table = _arrow(data, delimiter, width, breaks=False, skip=False)
    lines = data.count(b"\n") + (not data.endswith(b"\n"))
    if table is None or (
        len(table) != lines and any(pc.any(pc.match_substring(column, "\n")).as_py() for column in table.columns)
    ):
        return None
    return table


def _arrow(data: bytes, delimiter: str, width: int, *, breaks: bool, skip: bool) -> pa.Table | None:
    """Rows of ``width`` text cells by Arrow's reader; None where it cannot read them.

    Args:
        breaks: a line break may stand inside a cell.
        skip: pass over records of another width.
    """
    names = [str(number) for number in range(width)]
    try:
        return pyarrow.csv.read_csv(
            pa.BufferReader(data),
            pyarrow.csv.ReadOptions(column_names=names, block_size=1 << 24),
            pyarrow.csv.ParseOptions(
                delimiter=delimiter, newlines_in_values=breaks,
                invalid_row_handler=(lambda row: "skip") if skip else None,
            ),
            pyarrow.csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.large_string()), strings_can_be_null=False, check_utf8=False
            ),
        )
    except pa.ArrowInvalid:
        return None


def _records(data: bytes, delimiter: str, quoted: bool = True) -> Iterator[tuple[int, list[str]]]:
    """(line on which the record starts, cells) of every record that is not a blank line."""
    marks: Literal[0, 3] = csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE
    reader = csv.reader(_lines(data), delimiter=delimiter, quoting=marks, strict=True)
    start = 1
    for row in reader:
        if _has_cells(row):
            yield start, row
        start = reader.line_num + 1


def _lines(data: bytes) -> Iterable[str]:
    """The lines with their ends as they are, a part of the text in memory at a time."""
    return io.TextIOWrapper(io.BytesIO(data), "utf-8", "replace", newline="")


def _careful(data: bytes, name: str, delimiter: str, header: bool, skip_broken: bool) -> _Rows:
    """Through Python's reader, which knows what is out of place, and where."""
    try:
        table, broken, rows = _gather(_records(data, delimiter), header, name)
    except csv.Error as error:
        found = _without_quoting(data, delimiter, header, name)
        if found is None:
            raise _quote_error(name, data, delimiter, str(error)) from None
        table, broken, rows = found
    _check_broken(broken, len(table), name, delimiter, header, skip_broken)
    return table, broken, rows


def _gather(
    records: Iterable[tuple[int, list[str]]], header: bool, name: str
) -> tuple[pa.Table, tuple[BrokenLine, ...], np.ndarray]:
    """The records as wide as the first one, a part of them as Python objects at a time; the others are broken lines."""
    first: list[str] = []
    parts: list[pa.Table] = []
    good: list[list[str]] = []
    numbers: list[int] = []
    broken: list[BrokenLine] = []

    def put_away() -> None:
        columns = zip(*good, strict=True)
        parts.append(pa.table([as_text_array(list(one)) for one in columns], [str(one) for one in range(len(first))]))
        good.clear()

    for number, (line, row) in enumerate(records, 1):
        first = first or row
        if len(row) != len(first):
            broken.append(BrokenLine(line, _wrong_width(row, first, header)))
            check_broken_number(len(broken), name)
            continue
        good.append(row)
        numbers.append(number)
        if len(good) == _AT_ONCE:
            put_away()
    if good:
        put_away()
    return pa.concat_tables(parts), tuple(broken), np.array(numbers)


def _check_broken(
    broken: tuple[BrokenLine, ...], good: int, name: str, delimiter: str, header: bool, skip_broken: bool
) -> None:
    """Raise what is to be said about broken lines, unless they are to be left out and something is left."""
    if broken and (not skip_broken or good <= header):
        raise broken_lines(
            name,
            broken,
            good - header,
            f"Text with a {_WORDS.get(delimiter, delimiter)} in it needs quotation marks around it.",
        )


def check_broken_number(broken: int, name: str) -> None:
    """Nothing, where so many broken lines can be listed.

    Raises:
        WorkbenchError: they are too many; then the file is of another kind.
    """
    if broken > MOST_BROKEN:
        raise WorkbenchError(
            f"{name}: more than {MOST_BROKEN:,} lines are broken.", "It does not seem to be a table of texts.",
            "Bring another file.",
        )


def broken_lines(name: str, broken: tuple[BrokenLine, ...], good: int, advice: str) -> WorkbenchError:
    """The error for a file with ``broken`` lines and ``good`` records beside them."""
    first = broken[0]
    if len(broken) == 1:
        what = f"{name}: line {first.line} is broken: {first.why}"
    else:
        what = (
            f"{name}: {len(broken):,} of {len(broken) + good:,} lines are broken."
            f" The first is line {first.line}: {first.why}"
        )
    if good < 1:
        return WorkbenchError(what, "No line can be read.", f"{advice} Mend the file and bring it again.")
    others = "It is" if len(broken) == 1 else "They are"
    why = f"The other {good:,} can be read." if good > 1 else "One other can be read."
    return BrokenLinesError(
        what,
        f"{others} left out only if you say so. {why}",
        f"{advice} Mend the file, or go on without the broken lines.",
        broken,
        good,
    )


def _wrong_width(row: list[str], first: list[str], header: bool) -> str:
    than = "the header" if header else "the first line"
    cells = f"{len(row)} cell" + ("s" if len(row) != 1 else "")
    if len(row) > len(first):
        extra = row[len(first)].strip()[:30]
        return f"it has {cells}, {than} has {len(first)}; column {len(first) + 1} starts with “{extra}”."
    missing = f"column {len(row) + 1}" + (f" (“{first[len(row)].strip()[:30]}”)" if header else "")
    return f"it has {cells}, {than} has {len(first)}; {missing} is missing."


def _without_quoting(
    data: bytes, delimiter: str, header: bool, name: str
) -> tuple[pa.Table, tuple[BrokenLine, ...], np.ndarray] | None:
    """Tab-separated files often use quotation marks as ordinary characters: if every line then has the same number of
    cells, that is how this one is meant."""
    if delimiter != "\t":
        return None
    found = _gather(_records(data, delimiter, quoted=False), header, name)
    return None if found[1] else found


def _quote_error(name: str, data: bytes, delimiter: str, message: str) -> WorkbenchError:
    """The error for a quotation mark out of place."""
    reader = csv.reader(_lines(data), delimiter=delimiter, strict=True)
    start = 1  # the line on which the bad record starts
    try:
        for _ in reader:
            start = reader.line_num + 1
    except csv.Error:
        pass
    place = f"{name}: line {start}, column {_opening_quote(next(islice(_lines(data), start - 1, None)), delimiter)}"
    if "unexpected end" in message:
        return WorkbenchError(
            f"{place}: a quotation mark is opened and never closed.",
            "Everything after it would count as one cell.",
            'Close it, or write a quotation mark inside a text twice ("").',
        )
    return WorkbenchError(
        f"{place}: there is more text after a closing quotation mark.",
        "A quotation mark inside a text ends the text.",
        'Write a quotation mark inside a text twice ("") and bring the file again.',
    )


def _opening_quote(line: str, delimiter: str) -> int:
    """The column, from 1, of the last quotation mark in ``line`` that opens a cell."""
    starts = [
        index
        for index, character in enumerate(line)
        if character == '"' and (index == 0 or line[index - 1] == delimiter)
    ]
    return (starts[-1] if starts else max(line.find('"'), 0)) + 1
