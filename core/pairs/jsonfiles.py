"""JSON documents and JSON Lines as rows."""

import io
import json
import re
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from core.errors import WorkbenchError
from core.pairs.delimited import broken_lines, check_broken_number
from core.pairs.table import (
    BrokenLine,
    as_text,
    as_text_array,
    check_cells,
    check_width,
    column_names,
    to_frame,
    too_large,
)

#: Records that are gathered before they become Arrow columns, which take a fifth of the memory.
_CHUNK = 50_000
#: Bytes of a JSON value that is read in one go: as Python objects it can take twenty times as much memory.
_LARGEST_DOCUMENT, _LARGEST_LINE = 512 << 20, 32 << 20
#: Objects, arrays and texts in one.
_MOST_PARTS = 40_000_000

_WORDS = (
    ("Expecting ',' delimiter", "a comma is missing here"),
    ("Expecting ':' delimiter", "a colon is missing here"),
    (
        "Expecting property name",
        "a name in double quotation marks belongs here (or there is a comma too many before it)",
    ),
    ("Illegal trailing comma", "there is a comma too many here"),
    ("Expecting value", "a value is missing here or is not written as JSON"),
    ("Unterminated string", "the text that starts here has no closing quotation mark"),
    ("Extra data", "there is more here after the end of the value"),
    ("Invalid control character", "there is a line break or another control character inside a text; write \\n for it"),
    ("Invalid \\", "there is a backslash that stands for nothing; write it twice"),
)


def is_json_lines(data: bytes) -> bool:
    """Whether text that starts with ``{`` or ``[`` has one JSON value a line (else it is one JSON value)."""
    lines = [line.strip() for line in data[: 1 << 20].split(b"\n") if line.strip()][:50]
    if not lines:
        return False
    if _whole(lines[0]):
        return len(lines) > 1
    # The first line is broken, or it is only the beginning of a value: look whether the others stand for themselves.
    whole = [line for line in lines if _whole(line)]
    alike = all(line[:1] == lines[0][:1] for line in whole)
    if not alike or len(whole) < max(1, len(lines) // 2):
        return False
    return not _fits(data) or not _whole(data)


def _fits(data: bytes) -> bool:
    """Whether there is memory for all of ``data`` as one JSON value."""
    return len(data) <= _LARGEST_DOCUMENT and data.count(b"[") + data.count(b"{") + data.count(b'"') // 2 <= _MOST_PARTS


def _whole(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict | list)
    except (ValueError, RecursionError):
        return False


def read_json_lines(data: bytes, name: str, skip_broken: bool = False) -> tuple[pd.DataFrame, tuple[BrokenLine, ...]]:
    """One record a line (UTF-8), each an object or a list; blank lines are passed over.

    Raises:
        BrokenLinesError: some lines are not JSON and ``skip_broken`` is False.
        WorkbenchError: no line is.
    """
    chunks: list[pa.Table] = []
    records: list[dict[str, Any]] = []
    numbers: list[int] = []
    broken: list[BrokenLine] = []
    record = size = 0
    for line_number, line in enumerate(io.BytesIO(data), 1):
        if line.isspace():
            continue
        record += 1
        check_broken_number(len(broken), name)
        if len(line) > _LARGEST_LINE:
            broken.append(BrokenLine(line_number, f"it has {len(line) / 1e6:,.0f} MB, which no pair of texts needs."))
            continue
        try:
            records.append(_as_object(json.loads(line.rstrip(b"\r\n").decode())))
            numbers.append(record)
        except (ValueError, RecursionError) as error:
            broken.append(BrokenLine(line_number, _why(error)))
        size += len(line)
        if len(records) == _CHUNK or size > _LARGEST_LINE:
            if records:
                chunks.append(_columns(records, name))
            records, size = [], 0
    if records:
        chunks.append(_columns(records, name))
    if broken and (not skip_broken or not numbers):
        raise broken_lines(name, tuple(broken), len(numbers), "Each line has to be one JSON object.")
    check_cells(len(numbers), len({column for chunk in chunks for column in chunk.column_names}), name)
    table = pa.concat_tables(chunks, promote_options="default")  # a column that a chunk lacks becomes nulls
    filled = pa.table([column.fill_null("") for column in table.columns], names=table.column_names)
    return to_frame(filled, np.array(numbers)), tuple(broken)


def read_json(data: bytes, name: str) -> pd.DataFrame:
    """One JSON value as rows: an array of objects or lists, an object of arrays, or an object that holds one of these.

    Raises:
        WorkbenchError: it is not JSON (names line and column), or has no rows in it.
    """
    if not _fits(data):
        raise too_large(name, f"It is one JSON value of {len(data) / 1e6:,.0f} MB. As JSON Lines it would be read in parts.")
    try:
        value = json.loads(data.decode("utf-8"))
    except json.JSONDecodeError as error:
        raise WorkbenchError(
            f"{name}: line {error.lineno}, column {error.colno}: {_in_words(error.msg)}.",
            "The file is not complete JSON.",
            "Mend that place and bring the file again.",
        ) from None
    except (ValueError, RecursionError) as error:
        why = _why(error)
        raise WorkbenchError(f"{name} cannot be read as JSON.", why[0].upper() + why[1:], "Bring another file.") from None
    rows = _rows(value, name)
    if not rows:
        raise WorkbenchError(
            f"{name} holds no rows.", "The JSON in it is empty.", "Bring a file with at least one pair."
        )
    records = []
    for number, row in enumerate(rows, 1):
        try:
            records.append(_as_object(row))
        except ValueError as error:
            raise WorkbenchError(
                f"{name}: record {number} {error}.",
                "Each record has to be an object with a text for each column.",
                "Mend the file and bring it again.",
            ) from None
    return to_frame(_columns(records, name))


def _rows(value: Any, name: str) -> list[Any]:
    """The records in a JSON value."""
    if isinstance(value, list):
        return value
    if isinstance(value, dict):
        columns = {key: column for key, column in value.items() if isinstance(column, list)}
        tables = [column for column in columns.values() if column and isinstance(column[0], dict)]
        if len(columns) == 1 and not tables:
            tables = [column for column in columns.values() if column and isinstance(column[0], list)]
        if len(tables) == 1:  # {"data": [{...}, ...]}
            return tables[0]
        if columns and len(columns) == len(value):
            check_width(len(columns))
            lengths = {key: len(column) for key, column in columns.items()}
            if len(set(lengths.values())) > 1:
                raise WorkbenchError(
                    f"{name}: the columns are not equally long.",
                    ", ".join(f"“{key}” has {length:,}" for key, length in lengths.items()) + " values.",
                    "Each column needs one value for each row. Mend the file and bring it again.",
                )
            return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
        if value and all(isinstance(column, dict) for column in value.values()):  # as pandas writes a table
            keys = dict.fromkeys(key for column in value.values() for key in column)
            check_cells(len(keys), len(value), name)
            return [{column: cells.get(key) for column, cells in value.items()} for key in keys]
        if value and all(not isinstance(cell, dict | list) for cell in value.values()):
            return [value]
    raise WorkbenchError(
        f"{name} holds JSON, but no rows.",
        "Rows are an array of objects, or an object with an array for each column.",
        'Write it as [{"question": "...", "answer": "..."}, ...] and bring it again.',
    )


def _as_object(value: Any) -> dict[str, Any]:
    """A record as name -> cell.

    Raises:
        ValueError: it is neither an object nor a list, or has nothing in it; says what it is.
    """
    if value in ({}, []):
        raise ValueError("is empty")
    if isinstance(value, dict):
        return value
    if isinstance(value, list):
        return {f"column {number}": cell for number, cell in enumerate(value, 1)}
    kinds = {type(None): "nothing", str: "a text", bool: "true or false"}
    raise ValueError(f"is {kinds.get(type(value), 'a number')}, not an object")


def _columns(records: list[dict[str, Any]], file: str) -> pa.Table:
    names = list(dict.fromkeys(name for record in records for name in record))
    check_cells(len(records), len(names), file)
    columns = [as_text_array([record.get(name) for record in records]) for name in names]
    return pa.table(columns, names=column_names([as_text(name) for name in names]))


def _why(error: Exception) -> str:
    """What is wrong with a line, ending in a full stop."""
    if isinstance(error, json.JSONDecodeError):
        return f"column {error.colno}: {_in_words(error.msg)}."
    if isinstance(error, UnicodeDecodeError):
        return f"byte {error.start + 1}: this byte is not UTF-8."
    if isinstance(error, RecursionError):
        return "it is nested too deeply."
    message = str(error)
    return f"it {message}." if message.startswith("is ") else f"{re.sub(r'[.;].*', '', message)}."


def _in_words(message: str) -> str:
    return next((words for start, words in _WORDS if message.startswith(start)), message[:1].lower() + message[1:])
