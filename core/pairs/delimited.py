"""CSV and its relatives: what stands between the cells, whether there is a header, and the rows, fast."""

import csv
import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from core.errors import WorkbenchError
from core.pairs.names import known
from core.pairs.table import BrokenLine, BrokenLinesError, as_text_array, column_names, looks_like_header, to_frame

#: The surest sign first: commas stand in ordinary sentences too.
DELIMITERS = ("\t", "|", ";", ",")
_WORDS = {"\t": "tab", "|": "vertical bar", ";": "semicolon", ",": "comma"}
_SAMPLE = 1 << 18
#: Stands for "no delimiter": a character that no text has, so that each line is one cell.
_NONE = "\x1f"


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
    sample = data[:_SAMPLE].decode("utf-8", "ignore")
    delimiter = delimiter or find_delimiter(sample, whole=len(data) <= _SAMPLE)
    head = _head(sample, delimiter or _NONE, whole=len(data) <= _SAMPLE)
    if not head:
        raise WorkbenchError(
            f"{name} holds no rows.", "The file is empty or has blank lines only.", "Bring another file."
        )
    if header is None:
        header = looks_like_header(head[0], head[1:])
    table = _fast(data, delimiter or _NONE, len(head[0]))
    broken, rows = (), None
    if table is None:
        table, broken, rows = _careful(data.decode("utf-8", "replace"), name, delimiter or _NONE, header, skip_broken)
    names = column_names(head[0]) if header else [f"column {number}" for number in range(1, len(head[0]) + 1)]
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


def _fast(data: bytes, delimiter: str, width: int) -> pa.Table | None:
    """Every line as a row of ``width`` text cells through Arrow's reader; None where the careful reader has to look.

    Arrow takes a quotation mark that is never closed as reaching to the end of the file. That leaves an odd number of
    marks, or cells with line breaks in them.
    """
    if data.count(b'"') % 2:
        return None
    names = [str(number) for number in range(width)]
    try:
        table = pyarrow.csv.read_csv(
            pa.BufferReader(data),
            pyarrow.csv.ReadOptions(column_names=names, block_size=1 << 24),
            pyarrow.csv.ParseOptions(delimiter=delimiter, newlines_in_values=False),
            pyarrow.csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.large_string()), strings_can_be_null=False, check_utf8=False
            ),
        )
    except pa.ArrowInvalid:
        return None
    lines = data.count(b"\n") + (not data.endswith(b"\n"))
    if len(table) != lines and any(pc.any(pc.match_substring(column, "\n")).as_py() for column in table.columns):
        return None
    return table


def _records(text: str, delimiter: str, quoting: int = csv.QUOTE_MINIMAL) -> Iterator[tuple[int, list[str]]]:
    """(line on which the record starts, cells) of every record that is not a blank line."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, quoting=quoting, strict=True)
    start = 1
    for row in reader:
        if _has_cells(row):
            yield start, row
        start = reader.line_num + 1


def _careful(
    text: str, name: str, delimiter: str, header: bool, skip_broken: bool
) -> tuple[pa.Table, tuple[BrokenLine, ...], np.ndarray]:
    """All good rows through Python's reader, the broken lines, and which record each row is (the first line is 1)."""
    try:
        records = list(_records(text, delimiter))
    except csv.Error as error:
        records = _without_quoting(text, delimiter)
        if records is None:
            raise _quote_error(name, text, delimiter, str(error)) from None
    width = len(records[0][1])
    good = [(number, row) for number, (_, row) in enumerate(records, 1) if len(row) == width]
    broken = tuple(
        BrokenLine(line, _wrong_width(row, records[0][1], header)) for line, row in records if len(row) != width
    )
    if broken and (not skip_broken or len(good) <= header):
        raise broken_lines(
            name,
            broken,
            len(good) - header,
            f"Text with a {_WORDS.get(delimiter, delimiter)} in it needs quotation marks around it.",
        )
    columns = zip(*(row for _, row in good), strict=True)
    table = pa.table(
        [as_text_array(list(column)) for column in columns], names=[str(number) for number in range(width)]
    )
    return table, broken, np.array([number for number, _ in good])


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


def _without_quoting(text: str, delimiter: str) -> list[tuple[int, list[str]]] | None:
    """Tab-separated files often use quotation marks as ordinary characters: if every line then has the same number of
    cells, that is how this one is meant."""
    if delimiter != "\t":
        return None
    records = list(_records(text, delimiter, csv.QUOTE_NONE))
    return records if len({len(row) for _, row in records}) == 1 else None


def _quote_error(name: str, text: str, delimiter: str, message: str) -> WorkbenchError:
    """The error for a quotation mark out of place."""
    lines = list(io.StringIO(text, newline=""))
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    start = 1  # the line on which the bad record starts
    try:
        for _ in reader:
            start = reader.line_num + 1
    except csv.Error:
        pass
    place = f"{name}: line {start}, column {_opening_quote(lines[start - 1], delimiter)}"
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
