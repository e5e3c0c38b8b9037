"""Parquet files as rows."""

import subprocess
import sys
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from core.errors import WorkbenchError
from core.pairs import parquet_values
from core.pairs.table import (
    MAX_BYTES,
    MAX_ROWS,
    as_text_array,
    check_width,
    column_names,
    to_frame,
    too_large,
)

if TYPE_CHECKING:
    from pyarrow.parquet import FileMetaData

#: The memory that a cell takes whatever is in it, and one that is part of a list, which becomes a Python object.
_CELL, _NESTED_CELL = 8, 64


def read_parquet(data: bytes, name: str) -> pd.DataFrame:
    """The rows of a Parquet file, every column as text.

    A text that stands in many rows is in the file once, so a small file can hold more than any memory: texts are read as
    the file has them, and nothing is made of them before it is known how long they are together.

    Raises:
        WorkbenchError: it is damaged, empty or too large.
    """
    import pyarrow.parquet

    try:
        facts = pyarrow.parquet.read_metadata(pa.BufferReader(data))
        _check_declared(facts, data, name)
        leaves = (facts.schema.column(number) for number in range(facts.num_columns))
        texts = [leaf.path for leaf in leaves if leaf.physical_type == "BYTE_ARRAY"]
        table = pyarrow.parquet.ParquetFile(pa.BufferReader(data), metadata=facts, read_dictionary=texts).read()
        size = sum(_unfolded(chunk) for column in table.columns for chunk in column.chunks)
        if size > MAX_BYTES:
            raise too_large(name, f"Its texts have {size / 1e9:.1f} GB when they are unpacked.")
        table.validate(full=True)
        table = table.select(
            [column for column, name_ in enumerate(table.column_names) if not name_.startswith("__index_level_")]
        )
        columns = [_text_column(column) for column in table.columns]
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:  # the last two: a day in the year 12000
        raise _damaged(name, (str(error).splitlines() or [""])[0][:200]) from None
    if len(table) == 0 or not table.column_names:
        raise WorkbenchError(f"{name} holds no rows.", "", "Bring a file with at least one pair.")
    return to_frame(pa.table(columns, names=column_names(table.column_names)))


def _check_declared(facts: "FileMetaData", data: bytes, name: str) -> None:
    """Raise where the file says itself that it holds too much."""
    check_width(facts.num_columns)
    leaves = [facts.schema.column(number) for number in range(facts.num_columns)]
    flat = sum(max(_CELL, leaf.length) for leaf in leaves if leaf.max_repetition_level == 0)
    groups = [facts.row_group(number) for number in range(facts.num_row_groups)]
    rows = max(facts.num_rows, sum(group.num_rows for group in groups))
    cells = rows * flat
    if any(leaf.max_repetition_level for leaf in leaves):
        cells += _NESTED_CELL * _values_in_lists(data, name)
    size = max(cells, sum(group.total_byte_size for group in groups))
    if size > MAX_BYTES or rows > MAX_ROWS:
        raise too_large(name, f"It holds {rows:,} rows in {size / 1e9:.1f} GB.")


def _values_in_lists(data: bytes, name: str) -> int:
    footer = data[-8 - int.from_bytes(data[-8:-4], "little") :]
    done = subprocess.run(
        [sys.executable, "-I", parquet_values.__file__], input=b"PAR1" + footer, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    if done.returncode:
        raise _damaged(name, "its lists cannot be counted")
    return int(done.stdout)


def _damaged(name: str, why: str) -> WorkbenchError:
    return WorkbenchError(
        f"{name} cannot be read as Parquet.", f"The file is damaged, cut short, or holds what cannot be shown: {why}.",
        "Write or download it again.",
    )


def _unfolded(array: pa.Array) -> int:
    """The bytes of an array when each of its texts stands for itself."""
    kind = array.type
    if pa.types.is_dictionary(kind):
        return pc.sum(pc.take(pc.binary_length(array.dictionary), array.indices).cast(pa.int64())).as_py() or 0
    if pa.types.is_struct(kind):
        return sum(map(_unfolded, array.flatten()))
    if pa.types.is_map(kind):
        return _unfolded(array.keys) + _unfolded(array.items)
    return _unfolded(array.flatten()) if pa.types.is_nested(kind) else array.nbytes


def _text_column(column: pa.ChunkedArray) -> pa.ChunkedArray | pa.Array:
    if not pa.types.is_nested(column.type) and not pa.types.is_floating(column.type):
        try:
            return pc.fill_null(column.cast(pa.large_string()), "")
        except pa.ArrowException:
            pass
    return as_text_array(column.to_pylist())
